"""Health of sources, models and the whole after NAMUR NE 107 (OPC 10000-100, 4.5.4).

=====================  ========================================  =================================
                       a source                                  a model
=====================  ========================================  =================================
FAILURE                is lost                                   its last run failed
CHECK_FUNCTION         connects, or has stopped                  waits for enough rows; disabled
OFF_SPEC                                                         lacks inputs, in part or wholly
MAINTENANCE_REQUIRED   has tags whose status is Bad
NORMAL                 else                                      else
=====================  ========================================  =================================

The module shows the worst of them; the table stands in the order of what is worse.
"""

from __future__ import annotations

from collections.abc import Hashable
from enum import IntEnum

from asyncua import ua

from opcua_ai.core.ports import SourceState, SourceStats
from opcua_ai.core.types import ModelHealth, ModelState
from opcua_ai.server.values import Stamp, integer


class DeviceHealth(IntEnum):
    """DeviceHealthEnumeration."""

    NORMAL = 0
    FAILURE = 1
    CHECK_FUNCTION = 2
    OFF_SPEC = 3
    MAINTENANCE_REQUIRED = 4


_WORST_FIRST = (
    DeviceHealth.FAILURE,
    DeviceHealth.CHECK_FUNCTION,
    DeviceHealth.OFF_SPEC,
    DeviceHealth.MAINTENANCE_REQUIRED,
    DeviceHealth.NORMAL,
)


def of_source(state: str, stats: SourceStats) -> DeviceHealth:
    if state == SourceState.LOST:
        return DeviceHealth.FAILURE
    if state != SourceState.RUNNING:
        return DeviceHealth.CHECK_FUNCTION
    return DeviceHealth.MAINTENANCE_REQUIRED if stats.bad_tags else DeviceHealth.NORMAL


def of_model(health: ModelHealth) -> DeviceHealth:
    if health.state == ModelState.FAILED:
        return DeviceHealth.FAILURE
    if health.state in (ModelState.WAITING, ModelState.DISABLED):
        return DeviceHealth.CHECK_FUNCTION
    return DeviceHealth.OFF_SPEC if health.coverage < 100.0 else DeviceHealth.NORMAL


class Overall:
    """The worst health of all parts, at one node."""

    def __init__(self, node: ua.NodeId) -> None:
        self._node = node
        self._parts: dict[Hashable, DeviceHealth] = {}
        self._shown: DeviceHealth | None = None

    def note(self, part: Hashable, health: DeviceHealth) -> list[tuple[ua.NodeId, ua.DataValue]]:
        """Take over the health of one part; what to write when that changes the worst."""
        self._parts[part] = health
        return self._changed()

    def forget(self, part: Hashable) -> list[tuple[ua.NodeId, ua.DataValue]]:
        """A part that is there no more; what to write when that changes the worst."""
        self._parts.pop(part, None)
        return self._changed()

    def _changed(self) -> list[tuple[ua.NodeId, ua.DataValue]]:
        worst = min(self._parts.values(), key=_WORST_FIRST.index, default=DeviceHealth.NORMAL)
        if worst == self._shown:
            return []
        self._shown = worst
        return [(self._node, Stamp.now()(integer(worst)))]
