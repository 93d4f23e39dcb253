"""The last sample of every column, and the times for which values may be missing.

A gap of a column lasts from its last sample before the loss to its first one after it. Times are
those of the samples (SourceTimestamp): a clock that was set back leaves no gap.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from opcua_ai.core import status
from opcua_ai.core.ports import SourceStats
from opcua_ai.core.types import NS, FloatArray, Samples, StatusArray, TimeArray

MOST_PARTS = 1000
"""Of gaps that wait to be taken; the oldest go first."""


@dataclass(slots=True)
class Gap:
    """One entry for each gap of a column; ``value`` and ``status`` are what held at ``begin``."""

    column: NDArray[np.int32]
    begin: TimeArray
    end: TimeArray
    value: FloatArray
    status: StatusArray

    def __len__(self) -> int:
        return len(self.column)

    @property
    def duration_s(self) -> float:
        """Of the column in the middle; one that seldom changes says little about the outage."""
        return float(np.median(self.end - self.begin)) / NS

    def where(self, mask: NDArray) -> Gap:
        """The entries that a mask or indices choose."""
        return Gap(
            self.column[mask], self.begin[mask], self.end[mask], self.value[mask], self.status[mask]
        )


class Gaps:
    """Fed with every live block before it is delivered; ``take`` hands the gaps out."""

    def __init__(self, columns: int, stats: SourceStats) -> None:
        self._stats = stats
        self.value: FloatArray = np.full(columns, np.nan)
        """The last usable one."""
        self.status: StatusArray = np.full(columns, status.BAD_WAITING_FOR_INITIAL_DATA, np.uint32)
        self.time: TimeArray = np.zeros(columns, np.int64)
        """0: nothing has ever arrived."""
        self.noted = asyncio.Event()
        """There is something to ``take``, or will be when ``waiting`` has become empty."""
        self.news = asyncio.Event()
        """A column has delivered its first sample after the loss."""
        self._lost = Gap(
            np.arange(columns, dtype=np.int32),
            np.zeros(columns, np.int64),
            np.zeros(columns, np.int64),
            self.value.copy(),
            self.status.copy(),
        )
        """Of each column the gap that has no end yet; ``begin`` 0: there is none."""
        self._waiting = 0
        self._counted = True
        """The present loss is among the gaps of the stats."""
        self._parts: deque[Gap] = deque(maxlen=MOST_PARTS)

    @property
    def waiting(self) -> NDArray[np.int64]:
        """Columns that have had no sample since the loss."""
        return np.flatnonzero(self._lost.begin)

    def follow(self, gone: NDArray[np.bool_]) -> None:
        """Columns for tags that are new, and no more gaps of those that are ``gone``."""
        new = Gaps(len(gone) - len(self.time), self._stats)
        self.value, self.status, self.time = (
            np.concatenate([getattr(self, name), getattr(new, name)])
            for name in ("value", "status", "time")
        )
        self.time[gone] = 0
        self._lost = _joined([self._lost, new._lost])
        self._lost.column = np.arange(len(gone), dtype=np.int32)
        self._lost.begin[gone] = 0
        self._waiting = len(self.waiting)
        self.news.set()

    def lose(self) -> None:
        """From here on values of any column may be missing."""
        new = (self.time > 0) & (self._lost.begin == 0)
        self._lost.begin[new] = self.time[new]
        self._lost.value[new], self._lost.status[new] = self.value[new], self.status[new]
        self._waiting = len(self.waiting)
        if new.any():
            self._counted = False
            self.noted.set()

    def remember(self, samples: Samples) -> None:
        """The last samples of a process that has ended; this loss is counted already."""
        self.note(samples)
        self.lose()
        self._counted = True

    def note(self, samples: Samples) -> None:
        """Take note of live samples."""
        column, when = samples.column, samples.time
        overflown = status.overflow_mask(samples.status)
        if overflown.any():
            self._overflow(column[overflown], when[overflown])
        if self._waiting:
            first, at = np.unique(column, return_index=True)
            self._found(first, when[at])
        usable = ~status.bad_mask(samples.status)
        self.value[column[usable]] = samples.value[usable]
        self.status[column] = samples.status
        self.time[column] = when

    def take(self) -> Gap:
        """All gaps that have an end; those that wait for one stay."""
        self.noted.clear()
        gap = _joined([*self._parts] or [self._lost.where(np.zeros(0, np.intp))])
        self._parts.clear()
        return gap

    def put_back(self, gap: Gap) -> None:
        """What is left of gaps that could not be filled yet."""
        if len(gap):
            self._parts.append(gap)
            self.noted.set()

    def _found(self, column: NDArray, when: TimeArray) -> None:
        """The first samples of these columns since they were lost, if they were."""
        ended = self._lost.begin[column] > 0
        gap = self._lost.where(column[ended])
        gap.end = when[ended]
        gap = gap.where(gap.end > gap.begin)
        if len(gap) and not self._counted:
            self._counted = True
            self._stats.gaps += 1
        self.put_back(gap)
        self._lost.begin[column] = 0
        self._waiting = len(self.waiting)
        self.news.set()

    def _overflow(self, column: NDArray[np.int32], when: TimeArray) -> None:
        """The server's queue has lost values before these."""
        begin = self.time[column]
        gap = Gap(column, begin, when, self.value[column], self.status[column])
        gap = gap.where((begin > 0) & (when > begin) & (self._lost.begin[column] == 0))
        if len(gap) and not self._parts:
            self._stats.gaps += 1
        self.put_back(gap)


def _joined(parts: Sequence[Gap]) -> Gap:
    return Gap(
        np.concatenate([part.column for part in parts]),
        np.concatenate([part.begin for part in parts]),
        np.concatenate([part.end for part in parts]),
        np.concatenate([part.value for part in parts]),
        np.concatenate([part.status for part in parts]),
    )
