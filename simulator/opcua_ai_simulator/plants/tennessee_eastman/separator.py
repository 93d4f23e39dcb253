"""Partial condenser and vapour-liquid separator."""

from __future__ import annotations

import numpy as np

from opcua_ai_simulator.arrays import FloatArray
from opcua_ai_simulator.plants.tennessee_eastman.components import single
from opcua_ai_simulator.plants.tennessee_eastman.disturbances import Conditions

VOLUME = 3500.0  # ft3
PURGE_BACK_PRESSURE = 760.0  # torr
_TRANSFER = single(0.404655)
_HALF_FLOW = single(3528.73)


def condensing(
    flow: FloatArray, reactor_temperature: FloatArray, water_outlet: FloatArray, now: Conditions
) -> FloatArray:
    """Heat from the condenser into the stream reactor to separator (negative), 1e6 BTU/h.

    ``flow`` is that stream in lb-mol/h. The driving temperature is the reactor's, as in the
    original program.
    """
    ratio = flow / _HALF_FLOW
    square = ratio * ratio
    transfer = _TRANSFER * (1.0 - 1.0 / (1.0 + square * square))
    return transfer * (water_outlet - reactor_temperature) * (1.0 - 0.25 * now.condenser_fouling)


def purge(pressure: FloatArray, molar_mass: FloatArray, valve: FloatArray) -> FloatArray:
    """Purge flow in lb-mol/h."""
    head = np.sqrt(np.maximum(pressure - PURGE_BACK_PRESSURE, 0.0))
    return valve * 0.151169 * head / molar_mass
