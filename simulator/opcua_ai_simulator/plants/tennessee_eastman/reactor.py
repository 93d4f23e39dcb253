"""The reactor: four reactions in its vapour, agitator and cooling coil."""

from __future__ import annotations

import numpy as np

from opcua_ai_simulator.arrays import FloatArray
from opcua_ai_simulator.plants.tennessee_eastman.components import (
    ENTHALPY,
    KELVIN,
    A,
    C,
    D,
    E,
    F,
    G,
    H,
    single,
)
from opcua_ai_simulator.plants.tennessee_eastman.disturbances import Conditions

_ORDER_A, _ORDER_C = single(1.1544), single(0.3735)
_BYPRODUCT = 0.767488334  # of the fourth rate constant to the third
# Of reactions 1, 2, 4 and 3, in which D, E, D and E react.
_RATE = np.array(
    [
        [single(31.5859536)],
        [single(3.00094014)],
        [single(53.4060443) + np.log(_BYPRODUCT)],
        [single(53.4060443)],
    ]
)
_GAS_CONSTANT = np.float32(1.987)  # cal / (mol K); the quotient, too, is of single precision
_ACTIVATION = (
    np.array([[40000.0], [20000.0], [60000.0], [60000.0]], np.float32) / _GAS_CONSTANT
).astype(float)
# float64[9, 4]: components, and 1e6 BTU of heat, that a lb-mol makes in each.
_YIELD = np.zeros((9, 4))
_YIELD[[A, C, D, G, ENTHALPY], 0] = -1.0, -1.0, -1.0, 1.0, 0.06899381054
_YIELD[[A, C, E, H, ENTHALPY], 1] = -1.0, -1.0, -1.0, 1.0, 0.05
_YIELD[[D, F], 2] = -1.5, 1.0
_YIELD[[A, E, F], 3] = -1.0, -1.0, 1.0


def reactions(
    partial: FloatArray, volume: FloatArray, temperature: FloatArray, now: Conditions
) -> FloatArray:
    """What the reactions make: components in lb-mol/h and heat in 1e6 BTU/h, float64[9, plants].

    A + C + D -> G, A + C + E -> H, A + E -> F and 3 D -> 2 F as the program has it, which takes
    1.5 D for one F in the fourth. ``partial`` are the partial pressures float64[8, plants] in torr
    and ``volume`` that of the vapour.
    """
    rates = np.exp(_RATE - _ACTIVATION / (temperature + KELVIN))
    by_partner = rates.reshape(2, 2, -1)  # with C or without; D or E
    by_partner *= partial[D : E + 1] * volume
    a, c = np.maximum(partial[A], 0.0), np.maximum(partial[C], 0.0)
    by_partner[0] *= a**_ORDER_A * c**_ORDER_C * now.kinetics
    by_partner[1] *= partial[A]
    return _YIELD @ rates


def coil(liquid_volume: FloatArray, agitator: FloatArray) -> FloatArray:
    """Heat transfer of the clean coil, 1e6 BTU / (h degC).

    It works as far as the liquid covers it; ``agitator`` is its speed in %.
    """
    speed = agitator * 0.01 + 1.5
    covered = np.minimum(np.maximum(liquid_volume * (0.025 / 7.8) - 0.25, 0.0), 1.0)
    return covered * ((2.75 - 0.5 * speed) * speed - 2.5) * 855490e-6
