"""The twelve valves: a command that may stick, and a first-order actuator."""

from __future__ import annotations

import numpy as np

from opcua_ai_simulator.arrays import FloatArray

TIME_CONSTANTS = np.array([8, 8, 6, 9, 7, 5, 5, 5, 120, 5, 5, 5])[:, None] / 3600.0  # h
_DEAD_BAND = 2.0  # % of a sticking valve


def commands(
    previous: FloatArray, wanted: FloatArray, idv: FloatArray, *, first: bool = False
) -> FloatArray:
    """What the actuators follow, float64[12, plants] in %, from the controllers' XMV.

    A sticking valve (IDV 14 reactor water, 15 condenser water, 19 four others) takes a new
    command only when it differs by more than the dead band; the first one it always takes.
    """
    stick = np.zeros_like(wanted)
    stick[9] = idv[14]
    stick[10] = idv[15]
    stick[[4, 6, 7, 8]] = idv[19]
    taken = first | (np.abs(previous - wanted) > _DEAD_BAND * stick)
    return np.clip(np.where(taken, wanted, previous), 0.0, 100.0)


def rates(command: FloatArray, position: FloatArray) -> FloatArray:
    """Movement of the valves, float64[12, plants] in %/h."""
    return (command - position) / TIME_CONSTANTS
