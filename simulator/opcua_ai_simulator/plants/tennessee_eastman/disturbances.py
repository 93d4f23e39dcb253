"""The disturbances IDV: steps, random walks, sticking valves.

The array ``idv`` is float64[30, plants]: row n is the magnitude of IDV(n), 0 = off, 1 = as
published; row 0 is not used.

 1-7    steps; 6 loses feed A
 8-13   random variations; 16-18, 20 those that the paper calls unknown
 14, 15, 19   sticking valves
 21     valve of stream 4 held at its steady position, as in the published file d21
 22-28  random variations of the 2015 revision (Bathelt, Ricker, Jelali: Revision of the Tennessee
        Eastman process model, IFAC-PapersOnLine 48-8); 29 is its IDV(21), which number the
        published files use otherwise

A walk is a cubic through random knots (Downs and Vogel, subroutine TESUB5). Switching its IDV on
takes effect from the next knot on, 0.1 to 7 h later, as in the original; 22 to 29 begin at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from opcua_ai_simulator.arrays import BoolArray, FloatArray, IndexArray
from opcua_ai_simulator.plants.tennessee_eastman.components import (
    COMPONENTS,
    ENTHALPY,
    FEEDS,
    VAPOUR,
    A,
    B,
    C,
    cubic,
    single,
)
from opcua_ai_simulator.plants.tennessee_eastman.generators import RandomSource

NUMBERS = 30  # rows of idv
FIRST_KNOT = 0.1  # h
FULL_SCALE = np.array([400.0, 400.0, 100.0, 1500.0, 0, 0, 1500.0, 1000.0, 0, 1000.0, 1200.0, 0])
"""Flow through a fully open valve: lb-mol/h, cooling water gpm; 0 where it has another law."""
SPLINES, PULSES, WALKS = 9, 12, 20  # walks 0-8, 9-11, and from 12 on those of the revision

# One row a walk: interval span and middle in h, value span and middle, and its IDV.
_TABLE = np.array(
    [
        (0.2, 0.5, 0.03, 0.485, 8),  # mole fraction of A in stream 4
        (0.7, 1.0, 0.003, 0.005, 8),  # mole fraction of B in stream 4
        (0.25, 0.5, 10.0, 45.0, 9),  # temperature of feed D, degC
        (0.7, 1.0, 10.0, 45.0, 10),  # temperature of feed A and C
        (0.15, 0.25, 10.0, 35.0, 11),  # cooling water inlet of the reactor
        (0.15, 0.25, 10.0, 40.0, 12),  # cooling water inlet of the condenser
        (1.0, 2.0, 0.25, 1.0, 13),  # rate of reaction 1
        (1.0, 2.0, 0.25, 1.0, 13),  # rate of reaction 2
        (0.4, 0.5, 0.25, 0.0, 16),  # heat transfer of the stripper
        (1.5, 2.0, 0.0, 0.0, 17),  # fouling of the reactor's coil
        (2.0, 3.0, 0.0, 0.0, 18),  # fouling of the condenser
        (1.5, 2.0, 0.0, 0.0, 20),  # flow resistance from reactor to separator
        (0.15, 0.25, 10.0, 45.0, 29),  # temperature of feed A
        (0.25, 0.5, 10.0, 45.0, 22),  # temperature of feed E
        (0.15, 0.25, 5.0, 100.0, 23),  # full scale of feed A
        (0.25, 0.5, 20.0, 400.0, 24),  # of feed D
        (0.25, 0.5, 20.0, 400.0, 25),  # of feed E
        (0.7, 1.0, 75.0, 1500.0, 26),  # of feed A and C
        (0.1, 0.2, 50.0, 1000.0, 27),  # of the reactor's cooling water
        (0.1, 0.2, 60.0, 1200.0, 28),  # of the condenser's cooling water
    ]
)
_SPAN, _MIDDLE, _VALUE_SPAN, _VALUE_MIDDLE = _TABLE[:, :4].T
_IDV = _TABLE[:, 4].astype(int)
_SCALED_VALVES = [2, 0, 1, 3, 9, 10]  # of walks 14 to 19
_FEED_TEMPERATURES = [2, 13, 12, 3]  # walks, of D, E, A, A and C
_FEED_HEAT = (VAPOUR @ FEEDS)[:, :, None]
_FOULING = np.array([[0.35], [0.25]])  # of reactor and condenser, by one unit of their walks
_STEAM_TRANSFER = single(0.03) / 100.0


class Conditions(NamedTuple):
    """What the disturbances make of the surroundings at one moment; float64[plants] each."""

    ac_content: FloatArray
    """Mole fractions and molar enthalpy of stream 4, float64[9, plants]."""
    feed_enthalpy: FloatArray
    """Molar, of the feeds D, E and A, float64[3, plants]."""
    water_inlet: FloatArray
    """degC, of reactor and condenser, float64[2, plants]."""
    clean: FloatArray
    """Share of the heat transfer that fouling leaves to both, float64[2, plants]."""
    kinetics: FloatArray
    """Factors of the rates of reactions 1 and 2, float64[2, plants]."""
    stripper_transfer: FloatArray
    """1e6 BTU / (h degC) per % of the steam valve."""
    outlet_opening: FloatArray
    """Of the way from reactor to separator, 1 = free."""
    capacity: FloatArray
    """Flow per % of each valve, float64[12, plants], see ``FULL_SCALE``."""


def conditions(walks: FloatArray, idv: FloatArray) -> Conditions:
    """The surroundings from the values of the walks, float64[20, plants], and the IDV."""
    temperature = walks[_FEED_TEMPERATURES]
    temperature[0] += idv[3] * 5.0
    ac = np.zeros((9, walks.shape[1]))
    ac[A] = walks[0] - idv[1] * 0.03 - idv[2] * 2.43719e-3
    ac[B] = walks[1] + idv[2] * 0.005
    ac[C] = 1.0 - ac[A] - ac[B]
    ac[ENTHALPY] = cubic(VAPOUR @ ac[COMPONENTS], temperature[3])
    capacity = np.repeat(FULL_SCALE[:, None] / 100.0, walks.shape[1], axis=1)
    capacity[_SCALED_VALVES] = walks[14:] / 100.0
    capacity[2] *= 1.0 - idv[6]
    capacity[3] *= 1.0 - 0.2 * idv[7]
    return Conditions(
        ac_content=ac,
        feed_enthalpy=cubic(_FEED_HEAT, temperature[:3]),
        water_inlet=walks[4:6] + 5.0 * idv[4:6],
        clean=1.0 - _FOULING * walks[9:11],
        kinetics=walks[6:8].copy(),
        stripper_transfer=_STEAM_TRANSFER * (1.0 + walks[8]),
        outlet_opening=1.0 - 0.25 * walks[11],
        capacity=capacity,
    )


@dataclass
class Walks:
    """Knots of the twenty walks: value = a + h (b + h (c + h d)), h = t - last; t in h."""

    a: FloatArray
    b: FloatArray
    c: FloatArray
    d: FloatArray
    last: FloatArray
    next: FloatArray
    moving: BoolArray
    """bool[plants], False where every walk of a plant rests at its ``a``."""

    @classmethod
    def start(cls, plants: int) -> Walks:
        def zeros() -> FloatArray:
            return np.zeros((WALKS, plants))

        moving = np.zeros(plants, np.bool_)
        walks = cls(zeros(), zeros(), zeros(), zeros(), zeros(), zeros() + FIRST_KNOT, moving)
        walks.a[:] = _VALUE_MIDDLE[:, None]
        walks.next[PULSES:] = np.inf  # asleep
        return walks

    def values(self, time: FloatArray) -> FloatArray:
        """float64[20, plants] at ``time`` float64[plants]."""
        h = time - self.last
        return self.a + h * (self.b + h * (self.c + h * self.d))

    def wake(self, time: FloatArray, idv: FloatArray) -> None:
        """Let those walks of the revision begin whose IDV has been switched on."""
        begin = (idv[_IDV[PULSES:]] != 0.0) & np.isinf(self.next[PULSES:])
        for part in (self.last, self.next):
            part[PULSES:] = np.where(begin, time, part[PULSES:])

    def advance(self, time: FloatArray, idv: FloatArray, random: RandomSource) -> None:
        """Lay the next knot of every walk that has come to its last one."""
        due = time >= self.next
        if not due.any():
            return
        walks, plants = np.divmod(np.flatnonzero(due), len(time))
        pulses = (walks >= SPLINES) & (walks < PULSES)
        for lay, some in ((self._splines, ~pulses), (self._pulses, pulses)):
            if some.any():
                lay(walks[some], plants[some], idv, random)
        self.moving[plants] = (
            self.b[:, plants].any(axis=0)
            | self.c[:, plants].any(axis=0)
            | self.d[:, plants].any(axis=0)
        )

    def _leave_knot(self, walks: IndexArray, plants: IndexArray) -> tuple[FloatArray, FloatArray]:
        """Value and slope at the last knot, which becomes the first one of the next piece."""
        a, b, c, d, last, knot = (
            part[walks, plants] for part in (self.a, self.b, self.c, self.d, self.last, self.next)
        )
        h = knot - last
        self.last[walks, plants] = knot
        return a + h * (b + h * (c + h * d)), b + h * (2.0 * c + 3.0 * h * d)

    def _piece(
        self, walks: IndexArray, plants: IndexArray, *parts: FloatArray, span: FloatArray
    ) -> None:
        for array, part in zip((self.a, self.b, self.c, self.d), parts, strict=True):
            array[walks, plants] = part
        self.next[walks, plants] = self.last[walks, plants] + span

    def _splines(
        self, walks: IndexArray, plants: IndexArray, idv: FloatArray, random: RandomSource
    ) -> None:
        """A cubic to a random value, reached after a random time with slope 0."""
        value, slope = self._leave_knot(walks, plants)
        magnitude = idv[_IDV[walks], plants]
        # The third draw would be the slope at the end, which has no span.
        interval, target, _ = _draw(random, 3, walks, plants)
        h = _SPAN[walks] * interval + _MIDDLE[walks]
        end = _VALUE_SPAN[walks] * target * magnitude + _VALUE_MIDDLE[walks]
        c = (3.0 * (end - value) - h * (2.0 * slope)) / (h * h)
        d = (2.0 * (value - end) + h * slope) / (h * h * h)
        if (walks >= PULSES).any():
            asleep = (walks >= PULSES) & (magnitude == 0.0) & np.isclose(value, end, rtol=1e-9)
            h = np.where(asleep, np.inf, h)
            value, slope, c, d = (
                np.where(asleep, rest, part)
                for rest, part in ((end, value), (0.0, slope), (0.0, c), (0.0, d))
            )
        self._piece(walks, plants, value, slope, c, d, span=h)

    def _pulses(
        self, walks: IndexArray, plants: IndexArray, idv: FloatArray, random: RandomSource
    ) -> None:
        """A parabola from 0 up to the magnitude after a random time; once up, down in 0.1 h."""
        value, slope = self._leave_knot(walks, plants)
        up = value > 0.1
        if not up.all():
            rising, of = walks[~up], plants[~up]
            h = _SPAN[rising] * _draw(random, 1, rising, of)[0] + _MIDDLE[rising]
            zero = np.zeros(len(rising))
            self._piece(rising, of, zero, zero, idv[_IDV[rising], of] / (h * h), zero, span=h)
        if up.any():
            value, slope = value[up], slope[up]
            self._piece(
                walks[up],
                plants[up],
                value,
                slope,
                -(3.0 * value + 0.2 * slope) / 0.01,
                (2.0 * value + 0.1 * slope) / 0.001,
                span=np.full(len(value), 0.1),
            )


def _draw(random: RandomSource, count: int, walks: IndexArray, plants: IndexArray) -> FloatArray:
    """float64[count, len(plants)] within (-1, 1), walk by walk."""
    drawn = [random.uniform(int(walk), count, plants[walks == walk]) for walk in np.unique(walks)]
    return np.hstack(drawn)
