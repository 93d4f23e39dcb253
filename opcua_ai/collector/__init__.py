"""Sources in processes of their own: ``[sources.x] process = "name"``.

``CollectedSource`` stands for such a source in the main process; ``worker`` is the program of the
child, which runs the source itself and writes its windows into shared memory. What both say to each
other stands in ``messages``. Why it is built so: ``docs/decisions/0010``.
"""

from opcua_ai.collector.process import CollectorProcess
from opcua_ai.collector.source import CollectedSource

__all__ = ["CollectedSource", "CollectorProcess"]
