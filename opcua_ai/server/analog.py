"""Which type of Part 8 an analog value has."""

from __future__ import annotations

import math
from collections.abc import Sequence

from asyncua import ua

from opcua_ai.server.values import node_id

_TYPES = {
    (False, False): node_id(ua.ObjectIds.BaseAnalogType),
    (True, False): node_id(ua.ObjectIds.AnalogItemType),
    (False, True): node_id(ua.ObjectIds.AnalogUnitType),
    (True, True): node_id(ua.ObjectIds.AnalogUnitRangeType),
}


def analog_kinds(
    names: Sequence[str], low: float, high: float, unit: str
) -> tuple[dict[str, ua.NodeId], set[str]]:
    """The Part 8 type that fits what is known of a value, and which of its properties are made."""
    ranged = math.isfinite(low) and math.isfinite(high)
    kind = _TYPES[ranged, bool(unit)]
    include = {f"{name}/EURange" for name in names if ranged}
    include |= {f"{name}/EngineeringUnits" for name in names if unit}
    return dict.fromkeys(names, kind), include
