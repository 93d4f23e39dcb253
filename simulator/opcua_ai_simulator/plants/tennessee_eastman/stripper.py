"""The stripper: stream 4 takes the light components out of the separator's liquid."""

from __future__ import annotations

import numpy as np

from opcua_ai_simulator.arrays import FloatArray
from opcua_ai_simulator.plants.tennessee_eastman.components import (
    COMPONENTS,
    CONDENSABLE,
    ENTHALPY,
    VAPOUR,
    VOLATILE,
    cubic,
    single,
)
from opcua_ai_simulator.plants.tennessee_eastman.disturbances import Conditions

_DRY = single(0.1)  # lb-mol/h of liquid, below which the fixed split holds
_DRY_SPLIT = np.array([0.9999, 0.999, 0.999, 0.99, 0.98], np.float32).astype(float)[:, None]
_VOLATILITY = np.array([8.5010, 11.402, 11.795, 0.0480, 0.0242], np.float32).astype(float)[:, None]
_GAS_SPLIT = np.array([0.995, 0.991, 0.990], np.float32).astype(float)[:, None]
_COLD, _HOT = single(5.292), 170.0  # degC, between which the law of the split holds


def overhead(
    fed: FloatArray, gas: FloatArray, liquid: FloatArray, temperature: FloatArray
) -> FloatArray:
    """The stream that leaves overhead, components and enthalpy per hour, float64[9, plants].

    ``gas`` is stream 4 and ``liquid`` the separator's underflow, both in lb-mol/h; ``fed``
    float64[9, plants] is what they bring.
    """
    stripping = _VOLATILITY * (gas * _stripping_factor(temperature) / np.maximum(liquid, _DRY))
    split = stripping / (1.0 + stripping)
    dry = liquid <= _DRY
    if dry.any():
        split = np.where(dry, _DRY_SPLIT, split)
    stream = np.empty_like(fed)
    np.multiply(fed[VOLATILE], _GAS_SPLIT, out=stream[VOLATILE])
    np.multiply(fed[CONDENSABLE], split, out=stream[CONDENSABLE])
    stream[ENTHALPY] = cubic(VAPOUR @ stream[COMPONENTS], temperature)
    return stream


def _stripping_factor(temperature: FloatArray) -> FloatArray:
    factor = single(363.744) / (177.0 - np.minimum(temperature, _HOT)) - single(2.22579488)
    factor = np.where(temperature > _HOT, temperature - single(120.262), factor)
    return np.where(temperature < _COLD, single(0.1), factor)


def heating(steam_valve: FloatArray, temperature: FloatArray, now: Conditions) -> FloatArray:
    """Heat of the steam into the stripper, 1e6 BTU/h."""
    return steam_valve * now.stripper_transfer * np.maximum(100.0 - temperature, 0.0)
