"""The reactor: vapour-liquid equilibrium, four reactions, agitator and cooling coil."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from opcua_ai_simulator.arrays import FloatArray
from opcua_ai_simulator.plants.tennessee_eastman.components import (
    CONDENSABLE,
    GAS_PRESSURE,
    KELVIN,
    LIQUID,
    VAPOUR,
    VOLATILE,
    A,
    C,
    D,
    E,
    F,
    G,
    H,
    cubic,
    liquid_density,
    single,
    temperature_of,
    vapour_pressure,
)
from opcua_ai_simulator.plants.tennessee_eastman.disturbances import Conditions

VOLUME = 1300.0  # ft3
_ORDER_A, _ORDER_C = single(1.1544), single(0.3735)
_RATE = np.array([[single(31.5859536)], [single(3.00094014)], [single(53.4060443)]])
_GAS_CONSTANT = np.float32(1.987)  # cal / (mol K); the quotient, too, is of single precision
_ACTIVATION = (np.array([[40000.0], [20000.0], [60000.0]], np.float32) / _GAS_CONSTANT).astype(
    float
)
_BYPRODUCT = 0.767488334  # of the fourth rate constant to the third
_HEAT_1, _HEAT_2 = 0.06899381054, 0.05  # 1e6 BTU per lb-mol; reactions 3 and 4 carry none


class TwoPhase(NamedTuple):
    """Liquid under its vapour, in the reactor or the separator."""

    liquid: FloatArray
    """Mole fractions, float64[8, plants]."""
    vapour: FloatArray
    temperature: FloatArray
    volume: FloatArray
    """Of the liquid, ft3."""
    density: FloatArray
    """Of the liquid, lb-mol / ft3."""
    partial_pressure: FloatArray
    """torr, float64[8, plants]."""
    pressure: FloatArray
    vapour_volume: FloatArray
    liquid_enthalpy: FloatArray
    vapour_enthalpy: FloatArray


def two_phase(
    holdup: FloatArray, energy: FloatArray, warm: FloatArray, vessel_volume: float
) -> TwoPhase:
    """Equilibrium of a vessel: A, B, C only vapour (ideal gas), D to H by Raoult's law.

    ``holdup`` float64[8, plants] in lb-mol; the energy is carried by the liquid. ``warm`` is the
    temperature of a moment ago, where the search for the new one begins.
    """
    moles = holdup[CONDENSABLE].sum(axis=0)
    liquid = holdup / moles
    liquid[VOLATILE] = 0.0
    enthalpy = energy / moles
    temperature = temperature_of(LIQUID @ liquid, enthalpy, warm)
    density = liquid_density(liquid, temperature)
    volume = moles / density
    vapour_volume = vessel_volume - volume
    partial = np.empty_like(holdup)
    kelvin = temperature + KELVIN
    partial[VOLATILE] = holdup[VOLATILE] * (GAS_PRESSURE * kelvin / vapour_volume)
    partial[CONDENSABLE] = liquid[CONDENSABLE] * vapour_pressure(temperature)
    pressure = partial.sum(axis=0)
    vapour = partial / pressure
    return TwoPhase(
        liquid=liquid,
        vapour=vapour,
        temperature=temperature,
        volume=volume,
        density=density,
        partial_pressure=partial,
        pressure=pressure,
        vapour_volume=vapour_volume,
        liquid_enthalpy=enthalpy,
        vapour_enthalpy=cubic(VAPOUR @ vapour, temperature),
    )


def reactions(reactor: TwoPhase, now: Conditions) -> tuple[FloatArray, FloatArray]:
    """Net production float64[8, plants] in lb-mol/h and heat of reaction in 1e6 BTU/h.

    A + C + D -> G, A + C + E -> H, A + E -> F and 3 D -> 2 F as the program has it, which takes
    1.5 D for one F in the fourth.
    """
    p = reactor.partial_pressure
    k1, k2, k3 = np.exp(_RATE - _ACTIVATION / (reactor.temperature + KELVIN))
    gas = np.where(
        (p[A] > 0.0) & (p[C] > 0.0),
        np.maximum(p[A], 0.0) ** _ORDER_A * np.maximum(p[C], 0.0) ** _ORDER_C,
        0.0,
    )
    volume = reactor.vapour_volume
    r1 = k1 * now.kinetics_1 * gas * p[D] * volume
    r2 = k2 * now.kinetics_2 * gas * p[E] * volume
    r3 = k3 * p[A] * p[E] * volume
    r4 = k3 * _BYPRODUCT * p[A] * p[D] * volume
    net = np.zeros_like(p)
    net[A] = -r1 - r2 - r3
    net[C] = -r1 - r2
    net[D] = -r1 - 1.5 * r4
    net[E] = -r2 - r3
    net[F] = r3 + r4
    net[G] = r1
    net[H] = r2
    return net, r1 * _HEAT_1 + r2 * _HEAT_2


def cooling(
    reactor: TwoPhase, water_outlet: FloatArray, agitator: FloatArray, now: Conditions
) -> FloatArray:
    """Heat from the coil into the reactor (negative when it cools), 1e6 BTU/h.

    The coil works as far as the liquid covers it; ``agitator`` is its speed in %.
    """
    speed = (agitator + 150.0) / 100.0
    covered = np.clip(0.025 * reactor.volume / 7.8 - 0.25, 0.0, 1.0)
    transfer = covered * (-0.5 * speed * speed + 2.75 * speed - 2.5) * 855490e-6
    return transfer * (water_outlet - reactor.temperature) * (1.0 - 0.35 * now.reactor_fouling)
