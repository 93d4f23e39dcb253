"""Signal faults on the way from the plant to its tags: quality, freezing, spikes, time jitter.

Pure: wall time comes in as a number, random numbers from a seeded generator. The plant never
learns of any of it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from opcua_ai_simulator.arrays import BoolArray, FloatArray, StatusArray
from opcua_ai_simulator.errors import OutOfRangeError

GOOD = 0x00000000
BAD_SENSOR_FAILURE = 0x808C0000  # the status of a value that the plant does not have (NaN)
ALL = "*"


@dataclass(frozen=True)
class Frame:
    """One row as the tags show it, n long each.

    ``shift`` is what the source time of each value is off by, in plant seconds.
    """

    values: FloatArray
    status: StatusArray
    shift: FloatArray


class Misbehaviour:
    """The signal faults that are on. Times are wall seconds of one monotonic clock.

    ``spans`` is float64[n], the width of each tag's EURange. A duration of 0 seconds lasts until
    ``normal``. A fault set again on the same tag replaces the earlier one.
    """

    def __init__(self, tags: Sequence[str], spans: FloatArray, seed: int = 0) -> None:
        n = len(tags)
        self._index = {tag: i for i, tag in enumerate(tags)}
        self._spans = spans
        self._random = np.random.default_rng(seed)
        self._shown = np.full(n, np.nan)
        self._never = np.full(n, -math.inf)
        self._jitter = 0.0
        self.normal()

    def normal(self) -> None:
        """End every fault."""
        n = len(self._spans)
        self._quality_until = self._never.copy()
        self._quality = np.zeros(n, np.uint32)
        self._freeze_until = self._never.copy()
        self._frozen = np.full(n, np.nan)
        self._spikes_until = self._never.copy()
        self._probability = np.zeros(n)
        self._magnitude = np.zeros(n)
        self._jitter = 0.0

    def set_quality(self, tag: str, status: int, seconds: float, now: float) -> None:
        """Send the values of a tag with a status code; without a value where the code is Bad."""
        where, until = self._where(tag), _until(seconds, now)
        if not 0 <= status <= 0xFFFFFFFF:
            raise OutOfRangeError(f"{status} is no status code: choose an unsigned 32-bit number")
        self._quality[where] = status
        self._quality_until[where] = until

    def freeze(self, tag: str, seconds: float, now: float) -> None:
        """Repeat the value that the tag shows; its source time goes on."""
        where, until = self._where(tag), _until(seconds, now)
        self._frozen[where] = self._shown[where]
        self._freeze_until[where] = until

    def spikes(
        self, tag: str, probability: float, percent: float, seconds: float, now: float
    ) -> None:
        """Throw single values off by ``percent`` of the EURange, up or down, with a probability."""
        where, until = self._where(tag), _until(seconds, now)
        if not 0 <= probability <= 1:
            raise OutOfRangeError(f"probability {probability:g} is out of range: choose 0 to 1")
        if not 0 <= percent < math.inf:
            raise OutOfRangeError(f"magnitude {percent:g} % is out of range: choose 0 or more")
        self._probability[where] = probability
        self._magnitude[where] = percent / 100
        self._spikes_until[where] = until

    def jitter(self, seconds: float) -> None:
        """Shift each source time by up to +- ``seconds`` of plant time; 0 ends it."""
        if not 0 <= seconds < math.inf:
            raise OutOfRangeError(f"jitter {seconds:g} s is out of range: choose 0 or more")
        self._jitter = seconds

    def apply(self, values: FloatArray, now: float) -> Frame:
        """Turn the plant's n values into what the tags show at wall time ``now``."""
        n = len(self._spans)
        frozen = (self._freeze_until > now) & ~np.isnan(self._frozen)
        shown = np.where(frozen, self._frozen, values)
        # Drawn on every row, so that one seed gives one series whatever is switched on when.
        hit = self._random.random(n) < self._probability
        sign = np.where(self._random.random(n) < 0.5, -1.0, 1.0)
        shift = self._random.uniform(-1.0, 1.0, n) * self._jitter
        hit &= self._spikes_until > now
        shown = shown + np.where(hit, sign * self._magnitude * self._spans, 0.0)
        status = np.where(self._quality_until > now, self._quality, GOOD)
        # Where there is no value nothing better than Bad may stand.
        status = np.where(np.isnan(shown) & ~is_bad(status), BAD_SENSOR_FAILURE, status)
        self._shown = shown
        return Frame(shown, status.astype(np.uint32), shift)

    def _where(self, tag: str) -> slice | int:
        if tag == ALL:
            return slice(None)
        if tag not in self._index:
            raise OutOfRangeError(f"no tag is called '{tag}': give a tag's name or {ALL}")
        return self._index[tag]


def is_bad(status: NDArray[Any]) -> BoolArray:
    """Severity 10 in the two highest bits (OPC UA Part 4, 7.39)."""
    return status >> 30 == 2


def _until(seconds: float, now: float) -> float:
    if not 0 <= seconds < math.inf:
        raise OutOfRangeError(f"{seconds:g} s is out of range: choose 0 (until Normal) or more")
    return now + seconds if seconds else math.inf
