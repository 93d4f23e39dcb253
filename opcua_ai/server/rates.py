"""Rates of a source: what its counters have gained from one heartbeat to the next."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

from opcua_ai.core.ports import SourceStats

LEAST_S = 0.5
"""A shorter time than this says nothing of a rate: the heartbeat comes once a second."""


@dataclass(frozen=True, slots=True)
class Rates:
    """NaN before the second heartbeat."""

    values_per_s: float = math.nan
    cpu_load: float = math.nan
    """CPU seconds in a second: the share of one core."""


class Meter:
    """The rates of one source."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._rates = Rates()
        self._since = math.nan
        self._values, self._cpu_s = 0, 0.0

    def measure(self, stats: SourceStats) -> Rates:
        """The rates since the last heartbeat, given the counters of this one."""
        now = self._clock()
        passed = now - self._since
        if passed < LEAST_S:
            return self._rates
        if not math.isnan(passed):
            self._rates = Rates(
                _gain(self._values, stats.values) / passed,
                _gain(self._cpu_s, stats.cpu_s) / passed,
            )
        self._since, self._values, self._cpu_s = now, stats.values, stats.cpu_s
        return self._rates


def _gain(before: float, now: float) -> float:
    """A counter that has fallen began again at zero: its source was set up anew."""
    return now - before if now >= before else now
