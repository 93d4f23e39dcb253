"""Shutdown limits (Downs and Vogel, table 6)."""

from __future__ import annotations

import numpy as np

from opcua_ai_simulator.arrays import FloatArray, IndexArray
from opcua_ai_simulator.plants.tennessee_eastman.components import single

CUBIC_FEET = single(35.3145)  # in a cubic metre
REASONS = (
    "",
    "reactor pressure above 3000 kPa",
    "reactor level above 24 m³",
    "reactor level below 2 m³",
    "reactor temperature above 175 °C",
    "separator level above 12 m³",
    "separator level below 1 m³",
    "stripper level above 8 m³",
    "stripper level below 1 m³",
)


def tripped(
    reactor_pressure: FloatArray,
    reactor_temperature: FloatArray,
    reactor_volume: FloatArray,
    separator_volume: FloatArray,
    stripper_volume: FloatArray,
) -> IndexArray:
    """Which limit is broken, as an index into ``REASONS``; 0 = none, the first one counts.

    kPa gauge, degC and liquid volumes in ft3, all free of noise.
    """
    reactor, separator, stripper = (
        volume / CUBIC_FEET for volume in (reactor_volume, separator_volume, stripper_volume)
    )
    broken = np.stack(
        [
            reactor_pressure > 3000.0,
            reactor > 24.0,
            reactor < 2.0,
            reactor_temperature > 175.0,
            separator > 12.0,
            separator < 1.0,
            stripper > 8.0,
            stripper < 1.0,
        ]
    )
    return np.where(broken.any(axis=0), broken.argmax(axis=0) + 1, 0)
