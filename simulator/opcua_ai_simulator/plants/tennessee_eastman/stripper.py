"""The stripper: stream 4 takes the light components out of the separator's liquid."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from opcua_ai_simulator.arrays import FloatArray
from opcua_ai_simulator.plants.tennessee_eastman.components import (
    CONDENSABLE,
    LIQUID,
    VOLATILE,
    liquid_density,
    single,
    temperature_of,
)
from opcua_ai_simulator.plants.tennessee_eastman.disturbances import Conditions

VOLUME = 156.5  # ft3, the scale of the level; the sump itself has no limit
_DRY = single(0.1)  # lb-mol/h of liquid, below which the fixed split holds
_DRY_SPLIT = np.array([0.9999, 0.999, 0.999, 0.99, 0.98], np.float32).astype(float)[:, None]
_VOLATILITY = np.array([8.5010, 11.402, 11.795, 0.0480, 0.0242], np.float32).astype(float)[:, None]
_GAS_SPLIT = np.array([0.995, 0.991, 0.990], np.float32).astype(float)[:, None]
_HEAT_TRANSFER = single(0.03)


class Sump(NamedTuple):
    """Liquid in the stripper."""

    composition: FloatArray
    temperature: FloatArray
    volume: FloatArray
    density: FloatArray
    enthalpy: FloatArray
    """Molar."""


def sump(holdup: FloatArray, energy: FloatArray, warm: FloatArray) -> Sump:
    """The sump from its holdup float64[8, plants] in lb-mol and its energy."""
    moles = holdup.sum(axis=0)
    composition = holdup / moles
    enthalpy = energy / moles
    temperature = temperature_of(LIQUID @ composition, enthalpy, warm)
    density = liquid_density(composition, temperature)
    return Sump(composition, temperature, moles / density, density, enthalpy)


def overhead_split(gas: FloatArray, liquid: FloatArray, temperature: FloatArray) -> FloatArray:
    """Share of each component that leaves overhead, float64[8, plants].

    ``gas`` is stream 4 and ``liquid`` the separator's underflow, both in lb-mol/h.
    """
    factor = np.where(
        temperature > 170.0,
        temperature - single(120.262),
        single(363.744) / (177.0 - np.minimum(temperature, 170.0)) - single(2.22579488),
    )
    factor = np.where(temperature < single(5.292), single(0.1), factor)
    wet = liquid > _DRY
    stripping = _VOLATILITY * (gas / np.where(wet, liquid, 1.0) * factor)
    split = np.empty((8, len(gas)))
    split[VOLATILE] = _GAS_SPLIT
    split[CONDENSABLE] = np.where(wet, stripping / (1.0 + stripping), _DRY_SPLIT)
    return split


def heating(steam_valve: FloatArray, temperature: FloatArray, now: Conditions) -> FloatArray:
    """Heat of the steam into the stripper, 1e6 BTU/h."""
    transfer = steam_valve * _HEAT_TRANSFER * (1.0 + now.stripper_transfer) / 100.0
    return transfer * np.maximum(100.0 - temperature, 0.0)
