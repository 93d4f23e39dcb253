"""ServiceLevel of the Server object (Part 4, 6.6.2.4.2): which of two servers a client prefers."""

from __future__ import annotations

from collections.abc import Iterator

from asyncua import ua

from opcua_ai.core.ports import SourceState
from opcua_ai.core.types import ModelState
from opcua_ai.server.values import VT, Stamp, node_id

_NODE = node_id(ua.ObjectIds.Server_ServiceLevel)
NO_DATA, DEGRADED, HEALTHY = 1, 2, 255
_LAST_DEGRADED = 199


class ServiceLevel:
    """255 while every source and every model runs, 1 (NoData) while no source does; between them
    2 to 199 (Degraded), by the share of sources and models that run. A disabled model stands still
    on purpose and does not count."""

    def __init__(self) -> None:
        self._sources: dict[str, bool] = {}
        self._models: dict[str, bool] = {}
        self._shown: int | None = None

    def source(self, name: str, state: str) -> Iterator[tuple[ua.NodeId, ua.DataValue]]:
        """Note how a source is; yields what to write when the level changes."""
        self._sources[name] = state == SourceState.RUNNING
        return self._changed()

    def forget(self, source: str) -> Iterator[tuple[ua.NodeId, ua.DataValue]]:
        """A source that is there no more; yields what to write when the level changes."""
        self._sources.pop(source, None)
        return self._changed()

    def model(self, name: str, state: str) -> Iterator[tuple[ua.NodeId, ua.DataValue]]:
        """Note how a model is; yields what to write when the level changes."""
        if state == ModelState.DISABLED:
            self._models.pop(name, None)
        else:
            self._models[name] = state == ModelState.RUNNING
        return self._changed()

    def level(self) -> int:
        running = [*self._sources.values(), *self._models.values()]
        if all(running):
            return HEALTHY
        if self._sources and not any(self._sources.values()):
            return NO_DATA
        return DEGRADED + sum(running) * (_LAST_DEGRADED - DEGRADED) // len(running)

    def _changed(self) -> Iterator[tuple[ua.NodeId, ua.DataValue]]:
        level = self.level()
        if level != self._shown:
            self._shown = level
            yield _NODE, Stamp.now()(ua.Variant(level, VT.Byte))
