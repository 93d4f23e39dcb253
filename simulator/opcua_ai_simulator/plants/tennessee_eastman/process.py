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
    limits,
    reactor,
    separator,
    stripper,
    valves,
)
from opcua_ai_simulator.plants.tennessee_eastman.components import ENTHALPY, single
from opcua_ai_simulator.plants.tennessee_eastman.disturbances import Conditions
from opcua_ai_simulator.plants.tennessee_eastman.feeds import Feeds, feeds
from opcua_ai_simulator.plants.tennessee_eastman.vessels import (
    GAS_HEADER,
    GAS_REACTOR,
    GAS_SEPARATOR,
    HEADER,
    REACTOR,
    SEPARATOR,
    STRIPPER,
    Gases,
    Liquids,
    vessels,
)

STATES = 50
HOLDUPS, WATERS, VALVES = slice(0, 36), slice(36, 38), slice(38, 50)
"""Rows of the state: nine for each of reactor, separator, stripper and header, A to H in lb-mol
and the energy in 1e6 BTU; cooling water outlets of reactor and condenser in degC; valve positions
in %."""

_JACKETS = np.array([[7060.0], [11138.0]])
_WATER = single(500.53)
_BTU = single(1.8)
# lb-mol/h by the root of the pressure drop in torr, for a gas of molar mass 1
_INTO_REACTOR, _OUT_OF_REACTOR, _PURGE = 1937.6, 4574.21, 0.151169


class Process(NamedTuple):
    """Everything at one moment; flows in lb-mol/h, float64[plants] each."""

    rates: FloatArray
    """Of the states per hour, float64[50, plants]; all 0 after a shutdown."""
    temperatures: FloatArray
    """degC, of reactor, separator, stripper and header, float64[4, plants]."""
    trip: IndexArray
    """Index into ``limits.REASONS``."""
    feeds: Feeds
    liquids: Liquids
    gases: Gases
    reactor_feed: FloatArray
    recycle: compressor.Recycle
    purge: FloatArray
    underflow: FloatArray
    product: FloatArray
    steam_heat: FloatArray
    """1e6 BTU/h"""
    waters: FloatArray
    """Cooling water outlets of reactor and condenser in degC, float64[2, plants]."""


def evaluate(
    states: FloatArray, command: FloatArray, temperatures: FloatArray, now: Conditions
) -> Process:
    """The process at states float64[50, plants] and valve commands float64[12, plants].

    ``temperatures`` float64[4, plants] are those of a moment ago, see ``vessels``.
    """
    holdup = states[HOLDUPS].reshape(4, 9, -1)
    waters, valve = states[WATERS], states[VALVES]
    temperature, liquids, gases = vessels(holdup, temperatures)
    flow = valve[:4] * now.capacity[:4]
    flow[3] += 1e-10  # as in the original program
    fed = feeds(flow, now)
    underflow, product = valve[6:8] * now.capacity[6:8]

    pull = np.sqrt(np.maximum(gases.pressure[:-1] - gases.pressure[1:], 0.0)) / gases.molar_mass
    into_reactor = _INTO_REACTOR * pull[GAS_HEADER]
    out_of_reactor = _OUT_OF_REACTOR * now.outlet_opening * pull[GAS_REACTOR]
    purge = _PURGE * valve[5] * pull[GAS_SEPARATOR]
    recycle = compressor.recycle(
        gases.pressure[GAS_SEPARATOR],
        gases.pressure[GAS_HEADER],
        temperature[SEPARATOR],
        gases.molar_mass[GAS_SEPARATOR],
        valve[4],
    )

    # Streams: components and enthalpy per hour, float64[9, plants]
    feed = into_reactor * gases.content[GAS_HEADER]
    effluent = out_of_reactor * gases.content[GAS_REACTOR]
    recycled = recycle.flow * gases.content[GAS_SEPARATOR]
    # It leaves the separator with the compressor's heat already in it, as in the original program.
    recycled[ENTHALPY] += recycle.work
    drained = underflow * liquids.content[SEPARATOR]
    stripped = fed.ac + drained
    overhead = stripper.overhead(stripped, fed.flow[3], underflow, temperature[STRIPPER])

    produced = reactor.reactions(
        gases.reactor_partial, gases.reactor_volume, temperature[REACTOR], now
    )
    steam_heat = stripper.heating(valve[8], temperature[STRIPPER], now)
    heat = np.array(
        [reactor.coil(liquids.volume[REACTOR], valve[11]), separator.condenser(out_of_reactor)]
    )
    heat *= now.clean
    heat *= waters - temperature[REACTOR]

    rates = np.empty_like(states)
    gain = rates[HOLDUPS].reshape(holdup.shape)
    gain[REACTOR] = feed - effluent + produced
    gain[SEPARATOR] = effluent - recycled - purge * gases.content[GAS_SEPARATOR] - drained
    gain[STRIPPER] = stripped - overhead - product * liquids.content[STRIPPER]
    gain[HEADER] = fed.into_header + overhead + recycled - feed
    gain[:STRIPPER, ENTHALPY] += heat
    gain[STRIPPER, ENTHALPY] += steam_heat
    water_flow = valve[9:11] * now.capacity[9:11]
    rates[WATERS] = (
        water_flow * _WATER * (now.water_inlet - waters) - heat * (1e6 / _BTU)
    ) / _JACKETS
    rates[VALVES] = valves.rates(command, valve)

    trip = limits.tripped(
        kilopascal(gases.pressure[GAS_REACTOR]), temperature[REACTOR], *liquids.volume
    )
    if trip.any():
        rates[:, trip > 0] = 0.0
    return Process(
        rates=rates,
        temperatures=temperature,
        trip=trip,
        feeds=fed,
        liquids=liquids,
        gases=gases,
        reactor_feed=into_reactor,
        recycle=recycle,
        purge=purge,
        underflow=underflow,
        product=product,
        steam_heat=steam_heat,
        waters=waters,
    )


def kilopascal(torr: FloatArray) -> FloatArray:
    """Gauge pressure in kPa of an absolute one in torr."""
    return (torr - 760.0) * (single(101.325) / 760.0)
