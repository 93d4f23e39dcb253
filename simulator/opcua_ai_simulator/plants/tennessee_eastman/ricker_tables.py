"""Loops, tunings and setpoints of the control in ``ricker``."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from opcua_ai_simulator.arrays import FloatArray
from opcua_ai_simulator.plants._tennessee_eastman_tags import (
    CELSIUS,
    CUBIC_METRE_PER_HOUR,
    KILOGRAM_PER_HOUR,
    KILOPASCAL,
    KSCMH,
    PERCENT,
)
from opcua_ai_simulator.plants.tennessee_eastman import operating_points
from opcua_ai_simulator.plants.tennessee_eastman.disturbances import NUMBERS, Walks, conditions
from opcua_ai_simulator.plants.tennessee_eastman.loops import Loop
from opcua_ai_simulator.plants.tennessee_eastman.measurements import (
    GAS_PERIOD,
    PRODUCT_PERIOD,
    compositions,
    continuous,
)
from opcua_ai_simulator.plants.tennessee_eastman.operating_points import OperatingPoint
from opcua_ai_simulator.plants.tennessee_eastman.process import evaluate

SCAN = 5
"""s. Ricker's is 1.8 s, but the fastest loop, reactor temperature, answers within minutes; 5 s
divides the analysers' periods and leaves the computer to the process."""
_GAS, _PRODUCT = (round(3600 * period) for period in (GAS_PERIOD, PRODUCT_PERIOD))  # s
BASE_RATE = 22.95  # m3/h of product, at which the production index is 100


@dataclass(frozen=True, slots=True)
class Tuning:
    """``gain`` is valve % or slave setpoint per unit measured, ``reset`` the integral time in s.

    ``ramp`` is how fast the setpoint may move in units an hour, none = at once.
    """

    gain: float = 0.0
    reset: float = np.inf
    ramp: float = np.inf
    period: int = SCAN


# Masters of flows move them by their gain at a production index of 100. Of the loop of
# G, the gain is in kmol/h of E in exchange for D.
_LOOPS: tuple[tuple[Loop, Tuning], ...] = (
    (Loop("AFeed", "Feeds", "Flow of feed A", KSCMH, 0, 1.017, 1, 3, "AToC"),
     Tuning(0.01, 0.06)),
    (Loop("DFeed", "Feeds", "Flow of feed D", KILOGRAM_PER_HOUR, 0, 5811, 2, 1, "GInProduct"),
     Tuning(1.6e-6, 0.06)),
    (Loop("EFeed", "Feeds", "Flow of feed E", KILOGRAM_PER_HOUR, 0, 8354, 3, 2, "GInProduct"),
     Tuning(1.8e-6, 0.06)),
    (Loop("ACFeed", "Feeds", "Flow of feed A and C", KSCMH, 0, 15.25, 4, 4, "AAndC"),
     Tuning(3e-3, 0.06)),
    (Loop("Purge", "Separator", "Purge rate", KSCMH, 0, 1.5, 10, 6, "ReactorPressure"),
     Tuning(0.01, 0.06)),
    (Loop("Underflow", "Separator", "Liquid flow to the stripper", CUBIC_METRE_PER_HOUR,
          0, 65.71, 14, 7, "SeparatorLevel"),
     Tuning(4e-4, 0.06)),
    (Loop("Product", "Stripper", "Flow of the product", CUBIC_METRE_PER_HOUR, 0, 49.1, 17, 8,
          "StripperLevel"),
     Tuning(4e-4, 0.06)),
    (Loop("SeparatorTemperature", "Separator", "Temperature of the separator", CELSIUS, 40, 120,
          11, 11, "ReactorLevel"),
     Tuning(-4.0, 900.0)),
    (Loop("ProductionRate", "Stripper", "Wanted product; scales every feed",
          CUBIC_METRE_PER_HOUR, 15, 38, 17),
     Tuning(1.0, 12000.0, ramp=0.30 * BASE_RATE / 24.0)),
    (Loop("ReactorPressure", "Reactor", "Pressure of the reactor", KILOPASCAL, 2600, 2895, 7),
     Tuning(-0.01, 1200.0, ramp=4.0)),
    (Loop("ReactorLevel", "Reactor", "Level of the reactor", PERCENT, 55, 95, 8),
     Tuning(0.8, 9000.0, ramp=0.5)),
    (Loop("ReactorTemperature", "Reactor", "Temperature of the reactor", CELSIUS, 115, 135, 9, 10),
     Tuning(-8.0, 450.0, ramp=0.2)),
    (Loop("SeparatorLevel", "Separator", "Level of the separator", PERCENT, 30, 90, 12),
     Tuning(-0.1, 12000.0, ramp=5.0)),
    (Loop("StripperLevel", "Stripper", "Level of the stripper", PERCENT, 30, 90, 15),
     Tuning(-0.08, 12000.0, ramp=5.0)),
    (Loop("GInProduct", "Analysers", "G in the product, mol%", PERCENT, 10, 92, 40),
     Tuning(-0.4, 6000.0, ramp=1.75, period=_PRODUCT)),
    (Loop("AToC", "Analysers", "A in the A and C of the reactor feed, mol%: A / (A + C)",
          PERCENT, 45, 70, None),
     Tuning(0.02, 3600.0, ramp=0.35, period=_GAS)),
    (Loop("AAndC", "Analysers", "A and C together in the reactor feed, mol%", PERCENT, 42, 65,
          None),
     Tuning(0.03, 7200.0, ramp=0.35, period=_GAS)),
    (Loop("RecycleValve", "Compressor", "Valve in the compressor's bypass", PERCENT, 0, 100,
          None, 5),
     Tuning(ramp=2.0)),
    (Loop("SteamValve", "Stripper", "Valve of the steam to the stripper", PERCENT, 0, 100,
          None, 9),
     Tuning(ramp=2.0)),
    (Loop("Agitator", "Reactor", "Speed of the agitator", PERCENT, 0, 100, None, 12),
     Tuning(ramp=2.0)),
)  # fmt: skip
LOOPS = tuple(loop for loop, _ in _LOOPS)
TUNING = tuple(tuning for _, tuning in _LOOPS)
NAMES = tuple(loop.name for loop in LOOPS)
FLOWS, HANDLES = slice(0, 7), slice(17, 20)
SLAVES, RAMPED = slice(0, 8), slice(8, 20)


def measured(xmeas: FloatArray, xmv: FloatArray) -> FloatArray:
    """What the loops control, float64[loops, ...]; of the handles, their valves.

    From xmeas float64[41, ...] and xmv float64[12, ...].
    """
    a, c = xmeas[22], xmeas[24]
    both = a + c
    return np.concatenate([xmeas[_MEASURED], [100.0 * a / both, both], xmv[HANDLE_VALVES]])


_MEASURED = np.array([loop.measured for loop in LOOPS if loop.measured is not None]) - 1
HANDLE_VALVES = np.array([loop.valve for loop in LOOPS[HANDLES] if loop.valve is not None]) - 1


@cache
def setpoints_at(name: str) -> FloatArray:
    """Setpoints float64[loops] of an operating point, see ``operating_points.NAMES``."""
    point = operating_points.load(name)
    values = measured(_xmeas(point), point.xmv)
    values.flags.writeable = False
    return values


@cache
def feed_forward() -> tuple[float, FloatArray]:
    """How D and E follow a change of the mix, from modes 2, 1 and 3.

    The mix of mode 1 in mol% of G, and the change of D and E in kg/h for each mol% and production
    index below and above it, float64[2 feeds, 2 sides].
    """
    points = np.stack([setpoints_at(name) for name in ("mode2", "mode1", "mode3")], axis=1)
    index = points[NAMES.index("ProductionRate")] * 100.0 / BASE_RATE
    feeds = points[[NAMES.index("DFeed"), NAMES.index("EFeed")]] / index
    mix = points[NAMES.index("GInProduct")]
    return float(mix[1]), np.diff(feeds) / np.diff(mix)


def _xmeas(point: OperatingPoint) -> FloatArray:
    """float64[41] of a steady state without disturbances and noise."""
    now = conditions(Walks.start(1).values(np.zeros(1)), np.zeros((NUMBERS, 1)))
    guess = np.full((4, 1), 80.0)
    process = evaluate(point.states[:, None], point.xmv[:, None], guess, now)
    return np.concatenate([continuous(process), compositions(process)])[:, 0]
