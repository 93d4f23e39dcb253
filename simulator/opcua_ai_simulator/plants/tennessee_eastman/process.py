"""The process: what the 50 states are, and how fast they change.

Source: J. J. Downs and E. F. Vogel, A plant-wide industrial process control problem, Computers
chem. Engng 17 (1993) 245-255, and their program TEFUNC. Streams have the paper's numbers:
1 A, 2 D, 3 E, 4 A and C, 5 stripper overhead, 6 reactor feed, 7 reactor product, 8 recycle,
9 purge, 10 separator liquid, 11 product.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from opcua_ai_simulator.arrays import FloatArray, IndexArray
from opcua_ai_simulator.plants.tennessee_eastman import (
    compressor,
    feeds,
    limits,
    reactor,
    separator,
    stripper,
    valves,
)
from opcua_ai_simulator.plants.tennessee_eastman.components import MOLAR_MASS, single
from opcua_ai_simulator.plants.tennessee_eastman.disturbances import Conditions

STATES = 50
REACTOR, REACTOR_ENERGY = slice(0, 8), 8
SEPARATOR, SEPARATOR_ENERGY = slice(9, 17), 17
STRIPPER, STRIPPER_ENERGY = slice(18, 26), 26
HEADER, HEADER_ENERGY = slice(27, 35), 35
REACTOR_WATER, CONDENSER_WATER = 36, 37
VALVES = slice(38, 50)
"""Rows of the state: holdups of A to H in lb-mol, energies in 1e6 BTU, cooling water outlets in
degC, valve positions in %."""

_REACTOR_JACKET, _CONDENSER_JACKET = 7060.0, 11138.0
_WATER = single(500.53)
_BTU = single(1.8)


class Process(NamedTuple):
    """Everything at one moment; float64[plants], compositions and flows float64[8, plants]."""

    rates: FloatArray
    """Of the states per hour, float64[50, plants]; all 0 after a shutdown."""
    temperatures: FloatArray
    """Reactor, separator, stripper, header: where the next search for them begins."""
    trip: IndexArray
    """Index into ``limits.REASONS``."""
    feeds: feeds.Feeds
    header: feeds.Header
    reactor: reactor.TwoPhase
    separator: reactor.TwoPhase
    stripper: stripper.Sump
    reactor_feed: FloatArray
    recycle: compressor.Recycle
    purge: FloatArray
    underflow: FloatArray
    product: FloatArray
    steam_heat: FloatArray
    reactor_water: FloatArray
    condenser_water: FloatArray


def evaluate(
    states: FloatArray, command: FloatArray, temperatures: FloatArray, now: Conditions
) -> Process:
    """The process at states float64[50, plants] and valve commands float64[12, plants].

    ``temperatures`` float64[4, plants] are those of a moment ago, see ``Process.temperatures``.
    """
    valve = states[VALVES]
    vessel = reactor.two_phase(
        states[REACTOR], states[REACTOR_ENERGY], temperatures[0], reactor.VOLUME
    )
    drum = reactor.two_phase(
        states[SEPARATOR], states[SEPARATOR_ENERGY], temperatures[1], separator.VOLUME
    )
    sump = stripper.sump(states[STRIPPER], states[STRIPPER_ENERGY], temperatures[2])
    header = feeds.header(states[HEADER], states[HEADER_ENERGY], temperatures[3])
    fresh = feeds.feeds(valve, now)

    header_mass, vessel_mass, drum_mass = (
        MOLAR_MASS @ composition for composition in (header.composition, vessel.vapour, drum.vapour)
    )
    into_reactor = 1937.6 * _root(header.pressure - vessel.pressure) / header_mass
    out_of_reactor = (
        4574.21
        * _root(vessel.pressure - drum.pressure)
        * (1.0 - 0.25 * now.outlet_resistance)
        / vessel_mass
    )
    recycled = compressor.recycle(
        drum.pressure, header.pressure, drum.temperature, drum_mass, valve[4]
    )
    purge = separator.purge(drum.pressure, drum_mass, valve[5])
    underflow = valve[6] * now.full_scale[6] / 100.0
    product = valve[7] * now.full_scale[7] / 100.0
    gas = fresh.ac * fresh.ac_composition
    stripped = gas + underflow * drum.liquid
    overhead = stripper.overhead_split(fresh.ac, underflow, sump.temperature) * stripped

    produced, reaction_heat = reactor.reactions(vessel, now)
    reactor_water, condenser_water = states[REACTOR_WATER], states[CONDENSER_WATER]
    cooling = reactor.cooling(vessel, reactor_water, valve[11], now)
    condensing = separator.condensing(out_of_reactor, vessel.temperature, condenser_water, now)
    steam_heat = stripper.heating(valve[8], sump.temperature, now)

    reactor_in = into_reactor * header.composition
    reactor_out = out_of_reactor * vessel.vapour
    reactor_heat = into_reactor * header.enthalpy
    separator_heat = out_of_reactor * vessel.vapour_enthalpy
    # The recycle leaves the separator with the compressor's heat already in it, as in the
    # original program.
    recycle_heat = recycled.flow * drum.vapour_enthalpy + recycled.work
    underflow_heat = underflow * drum.liquid_enthalpy
    overhead_heat = feeds.enthalpy_flow(overhead, sump.temperature)

    rates = np.empty_like(states)
    rates[REACTOR] = reactor_in - reactor_out + produced
    rates[REACTOR_ENERGY] = reactor_heat - separator_heat + reaction_heat + cooling
    rates[SEPARATOR] = reactor_out - (recycled.flow + purge) * drum.vapour - underflow * drum.liquid
    rates[SEPARATOR_ENERGY] = (
        separator_heat - recycle_heat - purge * drum.vapour_enthalpy - underflow_heat + condensing
    )
    rates[STRIPPER] = stripped - overhead - product * sump.composition
    rates[STRIPPER_ENERGY] = (
        fresh.ac * fresh.ac_enthalpy
        + underflow_heat
        - overhead_heat
        - product * sump.enthalpy
        + steam_heat
    )
    rates[HEADER] = fresh.into_header + overhead + recycled.flow * drum.vapour - reactor_in
    rates[HEADER_ENERGY] = fresh.header_heat + overhead_heat + recycle_heat - reactor_heat
    rates[REACTOR_WATER] = (
        valve[9] * now.full_scale[9] / 100.0 * _WATER * (now.reactor_water_inlet - reactor_water)
        - cooling * 1e6 / _BTU
    ) / _REACTOR_JACKET
    rates[CONDENSER_WATER] = (
        valve[10]
        * now.full_scale[10]
        / 100.0
        * _WATER
        * (now.condenser_water_inlet - condenser_water)
        - condensing * 1e6 / _BTU
    ) / _CONDENSER_JACKET
    rates[VALVES] = valves.rates(command, valve)
    trip = limits.tripped(
        kilopascal(vessel.pressure), vessel.temperature, vessel.volume, drum.volume, sump.volume
    )
    rates[:, trip > 0] = 0.0
    return Process(
        rates=rates,
        temperatures=np.stack(
            [vessel.temperature, drum.temperature, sump.temperature, header.temperature]
        ),
        trip=trip,
        feeds=fresh,
        header=header,
        reactor=vessel,
        separator=drum,
        stripper=sump,
        reactor_feed=into_reactor,
        recycle=recycled,
        purge=purge,
        underflow=underflow,
        product=product,
        steam_heat=steam_heat,
        reactor_water=reactor_water,
        condenser_water=condenser_water,
    )


def kilopascal(torr: FloatArray) -> FloatArray:
    """Gauge pressure in kPa of an absolute one in torr."""
    return (torr - 760.0) / 760.0 * single(101.325)


def _root(pressure_drop: FloatArray) -> FloatArray:
    return np.sqrt(np.maximum(pressure_drop, 0.0))
