"""Figures about the product itself for Prometheus, beside the nodes of the advisory server.

A second reader of what the pipeline publishes: it keeps health figures and no value of the plant.
"""

from opcua_ai.metrics.metrics import Metrics

__all__ = ["Metrics"]
