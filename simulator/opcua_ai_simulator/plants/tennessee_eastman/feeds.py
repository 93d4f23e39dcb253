"""The four feeds and the header in which they mix with the recycle ("stream 6 zone").

Stream numbers are those of Downs and Vogel: 1 A, 2 D, 3 E, 4 A and C.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from opcua_ai_simulator.arrays import FloatArray
from opcua_ai_simulator.plants.tennessee_eastman.components import (
    GAS_ENERGY,
    GAS_PRESSURE,
    KELVIN,
    MOLAR_MASS,
    VAPOUR,
    A,
    B,
    C,
    D,
    E,
    F,
    cubic,
    single,
    temperature_of,
)
from opcua_ai_simulator.plants.tennessee_eastman.disturbances import Conditions

HEADER_VOLUME = 5000.0  # ft3
_PURITY, _IMPURITY = single(0.9999), single(0.0001)
_A_FEED = np.zeros((8, 1))
_A_FEED[[A, B], 0] = _PURITY, _IMPURITY
_D_FEED = np.zeros((8, 1))
_D_FEED[[B, D], 0] = _IMPURITY, _PURITY
_E_FEED = np.zeros((8, 1))
_E_FEED[[E, F], 0] = _PURITY, _IMPURITY
_A_HEAT, _D_HEAT, _E_HEAT = (VAPOUR @ feed for feed in (_A_FEED, _D_FEED, _E_FEED))
D_MOLAR_MASS, E_MOLAR_MASS = (float(MOLAR_MASS @ feed[:, 0]) for feed in (_D_FEED, _E_FEED))


class Feeds(NamedTuple):
    """Flows in lb-mol/h, float64[plants] each."""

    a: FloatArray
    d: FloatArray
    e: FloatArray
    ac: FloatArray
    ac_composition: FloatArray
    """Mole fractions, float64[8, plants]."""
    ac_enthalpy: FloatArray
    into_header: FloatArray
    """A, D and E together by component, float64[8, plants]."""
    header_heat: FloatArray
    """Their enthalpy flow, 1e6 BTU/h."""


class Header(NamedTuple):
    """The vapour in front of the reactor."""

    composition: FloatArray
    temperature: FloatArray
    pressure: FloatArray
    """torr, absolute."""
    enthalpy: FloatArray
    """Molar, of the stream to the reactor."""


def feeds(valves: FloatArray, now: Conditions) -> Feeds:
    """Streams 1 to 4 from valve positions float64[12, plants] in %."""
    d = valves[0] * now.full_scale[0] / 100.0
    e = valves[1] * now.full_scale[1] / 100.0
    a = valves[2] * (1.0 - now.a_feed_loss) * now.full_scale[2] / 100.0
    ac = valves[3] * (1.0 - 0.2 * now.header_pressure_loss) * now.full_scale[3] / 100.0 + 1e-10
    composition = np.zeros((8, len(ac)))
    composition[A] = now.ac_fraction_a
    composition[B] = now.ac_fraction_b
    composition[C] = 1.0 - now.ac_fraction_a - now.ac_fraction_b
    heat = (
        d * cubic(_D_HEAT, now.d_temperature)
        + e * cubic(_E_HEAT, now.e_temperature)
        + a * cubic(_A_HEAT, now.a_temperature)
    )
    return Feeds(
        a=a,
        d=d,
        e=e,
        ac=ac,
        ac_composition=composition,
        ac_enthalpy=cubic(VAPOUR @ composition, now.ac_temperature),
        into_header=_A_FEED * a + _D_FEED * d + _E_FEED * e,
        header_heat=heat,
    )


def header(holdup: FloatArray, energy: FloatArray, warm: FloatArray) -> Header:
    """The header from its holdup float64[8, plants] (lb-mol) and internal energy.

    ``warm`` is the temperature of a moment ago, where the search for the new one begins.
    """
    total = holdup.sum(axis=0)
    composition = holdup / total
    heat = VAPOUR @ composition
    internal = energy / total
    # u = h - R T: the same cubic with two coefficients shifted
    heat_of_energy = heat.copy()
    heat_of_energy[0] -= GAS_ENERGY * KELVIN
    heat_of_energy[1] -= GAS_ENERGY
    temperature = temperature_of(heat_of_energy, internal, warm)
    kelvin = temperature + KELVIN
    return Header(
        composition=composition,
        temperature=temperature,
        pressure=total * GAS_PRESSURE * kelvin / HEADER_VOLUME,
        enthalpy=cubic(heat, temperature),
    )


def enthalpy_flow(flow: FloatArray, temperature: FloatArray) -> FloatArray:
    """1e6 BTU/h of a vapour stream by component, float64[8, plants] in lb-mol/h."""
    return cubic(VAPOUR @ flow, temperature)
