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
# Of pressure, temperature and the three volumes, as ``tripped`` takes them.
_HIGHEST = np.array([3000.0, 175.0, *(CUBIC_FEET * level for level in (24.0, 12.0, 8.0))])[:, None]
_LOWEST = np.array([-np.inf, -np.inf, *(CUBIC_FEET * level for level in (2.0, 1.0, 1.0))])[:, None]


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
    readings = np.array(
        [reactor_pressure, reactor_temperature, reactor_volume, separator_volume, stripper_volume]
    )
    low, high = readings < _LOWEST, readings > _HIGHEST
    trip = np.zeros(readings.shape[1], np.intp)
    if (low | high).any():
        broken = (high[0], high[2], low[2], high[1], high[3], low[3], high[4], low[4])
        for reason in range(len(broken), 0, -1):
            trip[broken[reason - 1]] = reason
    return trip
