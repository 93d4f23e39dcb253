"""Partial condenser in front of the vapour-liquid separator."""

from __future__ import annotations

from opcua_ai_simulator.arrays import FloatArray
from opcua_ai_simulator.plants.tennessee_eastman.components import single

_TRANSFER = single(0.404655)
_HALF_FLOW = single(3528.73)


def condenser(flow: FloatArray) -> FloatArray:
    """Heat transfer of the clean condenser, 1e6 BTU / (h degC).

    ``flow`` is the stream from the reactor in lb-mol/h. The driving temperature is the reactor's,
    as in the original program.
    """
    square = flow * flow * (1.0 / (_HALF_FLOW * _HALF_FLOW))
    return _TRANSFER - _TRANSFER / (1.0 + square * square)
