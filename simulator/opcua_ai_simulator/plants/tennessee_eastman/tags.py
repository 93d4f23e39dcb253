"""The analogue values of a served plant: measurements, valves, setpoints, economics."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from opcua_ai_simulator.arrays import FloatArray
from opcua_ai_simulator.plant import Tag, Unit
from opcua_ai_simulator.plants import _tennessee_eastman_tags as process
from opcua_ai_simulator.plants.tennessee_eastman.economics import (
    mass_fraction_g,
    operating_cost,
    production,
)
from opcua_ai_simulator.plants.tennessee_eastman.loops import Loop

# UN/CEFACT has no code for money per hour.
_DOLLAR_PER_HOUR = Unit("", "$/h", "US dollar per hour")
_COSTS = (
    ("OperatingCost", "Operating cost", "Operating cost, all four parts together", 800.0),
    ("PurgeCost", "Purge cost", "Components A and C to H lost with the purge", 600.0),
    ("ProductLossCost", "Product loss cost", "Components D, E and F lost with the product", 200.0),
    ("CompressorCost", "Compressor cost", "Power of the recycle compressor", 30.0),
    ("SteamCost", "Steam cost", "Steam to the stripper", 20.0),
)


def all_tags(loops: Sequence[Loop]) -> tuple[Tag, ...]:
    """In the order of ``row``."""
    return (
        *process.measurements(),
        *process.manipulated(writable=True),
        process.agitator(writable=True),
        *(_setpoint(loop) for loop in loops),
        *_economics(),
    )


def row(xmeas: FloatArray, xmv: FloatArray, setpoints: FloatArray) -> FloatArray:
    """float64[tags] from float64[41], float64[12] and float64[loops] of one plant."""
    cost = operating_cost(xmeas)
    economics = (cost.total, *cost, production(xmeas), mass_fraction_g(xmeas))
    return np.concatenate([xmeas, xmv, setpoints, economics])


def _setpoint(loop: Loop) -> Tag:
    name = f"{loop.name}.SP"
    text = f"Setpoint: {loop.description[0].lower()}{loop.description[1:]}"
    return Tag(name, loop.group, name, text, loop.unit, loop.low, loop.high, writable=True)


def _economics() -> list[Tag]:
    tags = [
        Tag(name, "Economics", display, f"{text} (from measurements)", _DOLLAR_PER_HOUR, 0.0, high)
        for name, display, text, high in _COSTS
    ]
    return [
        *tags,
        Tag(
            "ProductionRate",
            "Economics",
            "Production rate",
            "Product with its impurities",
            process.KILOGRAM_PER_HOUR,
            0.0,
            25000.0,
        ),
        Tag(
            "ProductMassFractionG",
            "Economics",
            "G in the product",
            "Mass of G in that of G and H together",
            process.PERCENT,
            0.0,
            100.0,
        ),
    ]
