"""The twelve valves: a command that may stick, and a first-order actuator."""

from __future__ import annotations

import numpy as np

from opcua_ai_simulator.arrays import FloatArray

TIME_CONSTANTS = np.array([8, 8, 6, 9, 7, 5, 5, 5, 120, 5, 5, 5])[:, None] / 3600.0  # h
_PER_HOUR = 1.0 / TIME_CONSTANTS
_DEAD_BAND = 2.0  # % of a sticking valve
_STICKING = [14, 15, 19, 19, 19, 19]  # the IDV that makes these valves stick
_STUCK = [9, 10, 4, 6, 7, 8]


def commands(
    previous: FloatArray, wanted: FloatArray, idv: FloatArray, *, first: bool = False
) -> FloatArray:
    """What the actuators follow, float64[12, plants] in %, from the controllers' XMV.

    A sticking valve (IDV 14 reactor water, 15 condenser water, 19 four others) takes a new
    command only when it differs by more than the dead band; the first one it always takes.
    """
    sticks = idv[_STICKING]
    if sticks.any():
        taken = first | (np.abs(previous[_STUCK] - wanted[_STUCK]) > _DEAD_BAND * sticks)
        wanted = wanted.copy()
        wanted[_STUCK] = np.where(taken, wanted[_STUCK], previous[_STUCK])
    return np.minimum(np.maximum(wanted, 0.0), 100.0)


def rates(command: FloatArray, position: FloatArray) -> FloatArray:
    """Movement of the valves, float64[12, plants] in %/h."""
    return (command - position) * _PER_HOUR
