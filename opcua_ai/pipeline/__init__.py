"""The one-way flow: sources -> windows -> models -> decisions -> publisher.

Owns the tasks, the scheduler and the worker threads; nothing outlives :meth:`Pipeline.stop`.
"""

from opcua_ai.pipeline.flow import Pipeline
from opcua_ai.pipeline.publishers import Publishers
from opcua_ai.pipeline.runner import LoadedModel

__all__ = ["LoadedModel", "Pipeline", "Publishers"]
