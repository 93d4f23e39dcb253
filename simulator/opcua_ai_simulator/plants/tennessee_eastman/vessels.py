"""What the four vessels hold: compositions, temperatures, levels and pressures.

Reactor, separator and stripper hold liquid, whose energy is theirs; above the first two stands
vapour in equilibrium, and the header in front of the reactor ("stream 6 zone") holds vapour alone.
All are computed together, as for few plants a call of NumPy costs more than its arithmetic.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from opcua_ai_simulator.arrays import FloatArray
from opcua_ai_simulator.plants.tennessee_eastman.components import (
    COMPONENTS,
    CONDENSABLE,
    ENTHALPY,
    GAS_ENERGY,
    GAS_PRESSURE,
    KELVIN,
    LIQUID,
    MOLAR_MASS,
    VAPOUR,
    VOLATILE,
    cubic,
    liquid_volume,
    root,
    vapour_pressure,
)

REACTOR, SEPARATOR, STRIPPER, HEADER = range(4)
"""In the order of the states."""
GAS_HEADER, GAS_REACTOR, GAS_SEPARATOR, GAS_OUTSIDE = range(4)
"""In the order in which the gas flows, down to the other side of the purge valve."""

_VOLUMES = np.array([[1300.0], [3500.0]])  # ft3, of reactor and separator
_HEADER_VOLUME = 5000.0
_OUTSIDE = 760.0  # torr

# float64[4, 1, 9]: what counts as content; in reactor and separator A, B and C stay vapour.
_CONTENT = np.ones((4, 1, 9))
_CONTENT[:, :, ENTHALPY] = 0.0
_CONTENT[:STRIPPER, :, VOLATILE] = 0.0
# float64[4, 4, 9]: these @ content are cubics in T that are 0 at its temperature. The header's
# energy is the internal one, u = h - R T.
_BALANCE = np.zeros((4, 4, 9))
_BALANCE[:HEADER, :, COMPONENTS] = LIQUID
_BALANCE[HEADER, :, COMPONENTS] = VAPOUR
_BALANCE[HEADER, :2, COMPONENTS] -= [[GAS_ENERGY * KELVIN], [GAS_ENERGY]]
_BALANCE[:STRIPPER, :, VOLATILE] = 0.0
_BALANCE[:, 0, ENTHALPY] = -1.0
_VAPOUR_AND_MASS = np.vstack([VAPOUR, MOLAR_MASS])


class Liquids(NamedTuple):
    """In reactor, separator and stripper; each float64[3, plants]."""

    content: FloatArray
    """Mole fractions and molar enthalpy, float64[3, 9, plants]."""
    volume: FloatArray
    """ft3"""
    density: FloatArray
    """lb-mol / ft3"""


class Gases(NamedTuple):
    """In header, reactor and separator; each float64[3, plants]."""

    content: FloatArray
    """Mole fractions and molar enthalpy, float64[3, 9, plants]."""
    pressure: FloatArray
    """torr, absolute; float64[4, plants] with that behind the purge valve."""
    molar_mass: FloatArray
    reactor_partial: FloatArray
    """Partial pressures in the reactor in torr, float64[8, plants]."""
    reactor_volume: FloatArray
    """ft3, float64[plants]."""


class Vessels(NamedTuple):
    temperature: FloatArray
    """float64[4, plants], of reactor, separator, stripper and header."""
    liquids: Liquids
    gases: Gases


def vessels(holdup: FloatArray, warm: FloatArray) -> Vessels:
    """The vessels from holdups (lb-mol) and energies float64[4, 9, plants].

    ``warm`` are their temperatures of a moment ago, where the search for the new ones begins.
    """
    moles = (_CONTENT @ holdup)[:, 0]
    content = holdup * (1.0 / moles)[:, None]
    content[:STRIPPER, VOLATILE] = 0.0
    temperature = root((_BALANCE @ content).swapaxes(0, 1), warm)
    molar_volume = liquid_volume(content[:HEADER, COMPONENTS], temperature[:HEADER])
    liquids = Liquids(
        content=content[:HEADER],
        volume=moles[:HEADER] * molar_volume,
        density=1.0 / molar_volume,
    )
    return Vessels(temperature, liquids, _gases(holdup, moles, content, liquids, temperature))


def _gases(
    holdup: FloatArray,
    moles: FloatArray,
    content: FloatArray,
    liquids: Liquids,
    temperature: FloatArray,
) -> Gases:
    """Ideal gas; D to H above a liquid by Raoult's law, A, B and C in the room that it leaves."""
    kelvin = temperature + KELVIN
    volume = _VOLUMES - liquids.volume[:STRIPPER]
    partial = np.empty_like(holdup[:STRIPPER, COMPONENTS])
    np.multiply(
        holdup[:STRIPPER, VOLATILE],
        (GAS_PRESSURE * kelvin[:STRIPPER] / volume)[:, None],
        out=partial[:, VOLATILE],
    )
    np.multiply(
        content[:STRIPPER, CONDENSABLE],
        vapour_pressure(temperature[:STRIPPER]),
        out=partial[:, CONDENSABLE],
    )
    pressure = np.empty_like(moles)
    pressure[GAS_HEADER] = moles[HEADER] * (GAS_PRESSURE / _HEADER_VOLUME) * kelvin[HEADER]
    above = np.add.reduce(partial, axis=1, out=pressure[GAS_REACTOR:GAS_OUTSIDE])
    pressure[GAS_OUTSIDE] = _OUTSIDE

    gas = np.empty_like(content[:GAS_OUTSIDE])
    gas[GAS_HEADER] = content[HEADER]
    gas[GAS_HEADER, ENTHALPY] += GAS_ENERGY * kelvin[HEADER]
    np.multiply(partial, (1.0 / above)[:, None], out=gas[GAS_REACTOR:, COMPONENTS])
    heat_and_mass = (_VAPOUR_AND_MASS @ gas[:, COMPONENTS]).swapaxes(0, 1)
    gas[GAS_REACTOR:, ENTHALPY] = cubic(heat_and_mass[:4, GAS_REACTOR:], temperature[:STRIPPER])
    return Gases(
        content=gas,
        pressure=pressure,
        molar_mass=heat_and_mass[4],
        reactor_partial=partial[REACTOR],
        reactor_volume=volume[REACTOR],
    )
