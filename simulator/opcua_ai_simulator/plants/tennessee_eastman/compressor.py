"""The recycle compressor and its bypass valve."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from opcua_ai_simulator.arrays import FloatArray
from opcua_ai_simulator.plants.tennessee_eastman.components import single

_LARGEST_FLOW = 280275.0  # lb/h
_LARGEST_RATIO = single(1.3)


class Recycle(NamedTuple):
    flow: FloatArray
    """lb-mol/h back to the header."""
    work: FloatArray
    """1e6 BTU/h."""


def recycle(
    suction: FloatArray,
    discharge: FloatArray,
    suction_temperature: FloatArray,
    molar_mass: FloatArray,
    bypass_valve: FloatArray,
) -> Recycle:
    """Flow and work between two absolute pressures in torr.

    The work is that of the flow before the bypass takes its part, as in the original program.
    """
    rise = discharge - suction
    ratio = np.minimum(np.maximum(discharge / suction, 1.0), _LARGEST_RATIO)
    mass = _LARGEST_FLOW * (1.0 + 1.0 / 1.197) - (_LARGEST_FLOW / 1.197) * (ratio * ratio * ratio)
    kelvin = suction_temperature + 273.15
    work = mass * kelvin * (1.8e-6 * 1.9872) * rise / (molar_mass * suction)
    bypassed = bypass_valve * 53.349 * np.sqrt(np.maximum(rise, 0.0))
    return Recycle(np.maximum(mass - bypassed, 1e-3) / molar_mass, work)
