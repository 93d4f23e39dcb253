"""Sample-and-hold windows on the plant's clock.

A subscription reports changes only, so rows are not counted from samples: at each tick of the
plant's clock (every ``period`` since the first sample) the store writes down the value that each
tag holds. The plant's clock is the newest SourceTimestamp that has arrived. Where nothing changes
it stands still; there the source may say until when it knows the plant (``Samples.until``), which
closes rows but moves no clock: a sample that comes all the same counts from the next row on.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from opcua_ai.core import status as codes
from opcua_ai.core.types import NS, FloatArray, Samples, StatusArray, TimeArray, Window
from opcua_ai.windows.arrays import Arrays
from opcua_ai.windows.filling import fill

T = TypeVar("T", bound=np.generic)

log = logging.getLogger(__name__)

BEHIND_ROWS = 3
"""Rows that the plant may go on behind the clock, as jitter makes it, before the clock counts as
set back."""
LATE_S = 10
"""How much later a sample may be than the time until which the source said that it knew the plant:
further back it was wrong, as of a simulator that was held for a while."""


class WindowStore:
    """Ring of the newest rows of one source at one period, for the columns in ``use``.

    ``settle_s``: a row is closed as soon as a later sample arrives or the source says that none
    will come, or when its tick has come and no sample has arrived for this many wall seconds (so a
    plant that is sampled exactly once a period is not seen one period late).
    """

    def __init__(
        self,
        columns: int,
        period_s: float,
        rows: int,
        settle_s: float = 0.2,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.columns = columns
        self.period = round(period_s * NS)
        self.rows = rows
        self._settle_s = settle_s
        self._monotonic = monotonic
        self._arrived = float("-inf")
        self._version = 0
        self._used: NDArray[np.int64] = np.zeros(0, np.int64)
        """Columns that have a place in the ring, in the order of their places."""
        self._place: NDArray[np.int64] = np.full(columns + 1, -1)
        """Of each column, and of column -1. Place -1 (none) is the last one of the ring, where
        nothing is ever written."""
        self._last: TimeArray = np.zeros(columns, np.int64)
        """Scratch paper of ``_each_tag_in_order``."""
        self._arrays = Arrays.blank(columns, 0, rows)
        self._restart()

    def _restart(self) -> None:
        self._clock = 0
        self._tick = 0
        """Plant time of the next row to close; 0 before the first sample."""
        self._closed = 0
        self._head = 0
        """Where in the ring the next row goes, which is where the oldest one is."""
        self._behind: int | None = None
        """Where the samples began to stay behind the clock; None while they reach it."""

    def use(self, columns: NDArray[np.int64]) -> None:
        """Give these columns (-1 = none) a place in the ring. Rows that are closed stay; in them
        the new columns wait for data.

        The other tags of the source only move the plant's clock.
        """
        new = np.setdiff1d(columns[columns >= 0], self._used)
        if not len(new):
            return
        self._place[new] = len(self._used) + np.arange(len(new))
        self._used = np.concatenate([self._used, new])
        self._resize()

    def grow(self, columns: int) -> None:
        """Make room for more tags of the source, behind those that there are."""
        self._place = np.concatenate([self._place, np.full(columns - self.columns, -1)])
        self._last = np.zeros(columns, np.int64)
        self.columns = columns
        self._resize()

    def _resize(self) -> None:
        before = self._arrays
        self._arrays = Arrays.blank(self.columns, len(self._used), self.rows)
        self._arrays.copy_from(before)

    @property
    def period_s(self) -> float:
        return self.period / NS

    @property
    def version(self) -> int:
        """Grows whenever a window read from the store could differ from the last one."""
        return self._version

    @property
    def filled(self) -> int:
        """Rows closed since the start, at most ``rows``."""
        return self._closed

    def add(self, samples: Samples) -> None:
        """Take a block of samples; closes every row whose tick they pass. A block that was read
        from the source's history goes into the rows that are closed, and moves no clock."""
        if len(samples.time) and samples.filled:
            self._version += self._fill(samples)
        elif len(samples.time):
            self._take(samples)
        if self._tick and samples.until > self._tick:
            self._close_until(samples.until - 1)
            self._version += 1

    def _take(self, samples: Samples) -> None:
        """Live samples: hold them, and close the rows that they pass."""
        when = samples.time
        column = samples.column.astype(np.intp)
        in_order = bool((when[1:] >= when[:-1]).all())
        newest = int(when[-1] if in_order else when.max())
        if self._set_back(samples, newest):
            self._step_back(samples, newest)
        if not self._tick:
            self._tick = newest
        if newest <= self._tick and (in_order or self._each_tag_in_order(column, when)):
            self._hold(column, samples.value, samples.status, when)
        else:
            order = np.argsort(when, kind="stable")
            self._walk(column[order], samples.value[order], samples.status[order], when[order])
        self._clock = max(self._clock, newest)
        self._arrived = self._monotonic()
        self._version += 1

    def _each_tag_in_order(self, column: NDArray[np.intp], when: TimeArray) -> bool:
        """Whether the last sample of each tag is its newest: then no other order matters."""
        self._last[column] = when
        return bool((self._last[column] >= when).all())

    def _walk(
        self, column: NDArray[np.intp], value: FloatArray, status: StatusArray, when: TimeArray
    ) -> None:
        """Hold samples in time order, and close the rows between them."""
        start = 0
        while start < len(when):
            end = int(np.searchsorted(when, self._tick, side="right"))
            if end > start:
                self._hold(column[start:end], value[start:end], status[start:end], when[start:end])
                start = end
            if start < len(when):
                self._close_until(int(when[start]) - 1)

    @property
    def _known(self) -> int:
        """Plant time that samples reach again, unless its clock was set back."""
        return max(self._clock, self._tick - self.period - LATE_S * NS)

    def _set_back(self, samples: Samples, newest: int) -> bool:
        """Whether the plant's clock was set back (or one far-off timestamp went by).

        An old timestamp alone proves nothing: a tag that rarely changes arrives with one. Proof are
        a tag that goes far behind its own last time, and a plant that lives on behind the clock.
        """
        if newest >= self._known:
            self._behind = None
            return False
        held = self._arrays.hold_time[samples.column]
        far = newest < self._known - self.rows * self.period
        if far and bool((samples.time < held - self.rows * self.period).any()):
            return True
        late = bool((samples.time < held).any())
        if self._behind is None or newest < self._behind:
            self._behind = newest
        return (far or late) and newest - self._behind > BEHIND_ROWS * self.period

    def _step_back(self, samples: Samples, newest: int) -> None:
        """Begin again; a tag that has not changed since still holds its value."""
        back = (self._known - newest) / NS
        log.warning("the plant's clock went back by %.0f s: its windows begin again", back)
        hold_time = self._arrays.hold_time
        np.minimum(hold_time, samples.time.min(), out=hold_time)
        self._arrays.forget_rows()
        self._restart()

    def _hold(
        self, column: NDArray[np.intp], value: FloatArray, status: StatusArray, when: TimeArray
    ) -> None:
        arrays = self._arrays
        held = arrays.hold_time[column]
        fresh = when >= held
        if not fresh.all():
            # a lost source is news whenever it is said, and no new time
            fresh |= status == codes.BAD_NO_COMMUNICATION
            column, value, status = column[fresh], value[fresh], status[fresh]
            when = np.maximum(held, when)[fresh]
        arrays.hold_status[column] = status
        arrays.hold_time[column] = when
        usable = np.isfinite(value)
        if status.any():
            usable &= ~codes.bad_mask(status)
        if not usable.all():
            column, value = column[usable], value[usable]
        arrays.hold_value[column] = value

    def _close_until(self, moment: int) -> None:
        """Close every row whose tick is not after ``moment``."""
        due = (moment - self._tick) // self.period + 1
        if due <= 0:
            return
        arrays, new = self._arrays, min(due, self.rows)
        self._head = (self._head + new) % self.rows
        rows = self._newest(new)
        arrays.value[rows, :-1] = arrays.hold_value[self._used]
        arrays.status[rows, :-1] = arrays.hold_status[self._used]
        arrays.time[rows, :-1] = arrays.hold_time[self._used]
        arrays.filled[rows] = False
        self._tick += due * self.period
        self._closed = min(self.rows, self._closed + due)

    def _newest(self, rows: int) -> NDArray[np.int64]:
        """Where in the ring the newest rows are, oldest first."""
        return (self._head + np.arange(-rows, 0)) % self.rows

    def _copy(self, ring: NDArray[T], rows: int, place: NDArray[np.int64]) -> NDArray[T]:
        """These places of the newest rows, oldest first."""
        begin = self._head - rows
        if begin >= 0:
            return ring[begin : self._head].take(place, 1)
        parts = ring[begin:].take(place, 1), ring[: self._head].take(place, 1)
        return np.concatenate(parts)

    def _ticks(self, rows: int) -> TimeArray:
        """Plant time of the newest rows, oldest first."""
        return self._tick + self.period * np.arange(-rows, 0)

    def _fill(self, samples: Samples) -> bool:
        rows, ticks = self._newest(self._closed), self._ticks(self._closed)
        return fill(self._arrays, self._place[samples.column], rows, ticks, samples)

    def close_settled(self) -> None:
        """Close the row whose tick the clock has just reached, once its samples have settled."""
        if self._settled():
            self._close_until(self._clock)
            self._version += 1

    def _settled(self) -> bool:
        quiet = self._monotonic() - self._arrived
        return 0 < self._tick <= self._clock and quiet >= self._settle_s

    def window(
        self, columns: NDArray[np.int64], rows: int, stale_after_s: float | None = None
    ) -> Window:
        """The newest ``rows`` closed rows of ``columns`` (-1 = a tag that the source lacks).

        A tag that is Bad *now* is Bad in the newest row even before that row's successor closes,
        so that a lost source shows at once. A value whose sample is older than ``stale_after_s``
        plant seconds at its row's tick is UncertainLastUsableValue.
        """
        place = self._place[columns]
        value = self._copy(self._arrays.value, rows, place)
        status = self._copy(self._arrays.status, rows, place)
        sampled = self._copy(self._arrays.time, rows, place)
        filled = self._copy(self._arrays.filled, rows, place)
        if stale_after_s is not None:
            stale = self._ticks(rows)[:, None] - sampled > round(stale_after_s * NS)
            stale &= codes.good_mask(status)
            status[stale] = codes.UNCERTAIN_LAST_USABLE_VALUE
        now = self._arrays.hold_status[columns]
        status[-1] = np.where(codes.bad_mask(now), now, status[-1])
        status[:, columns < 0] = codes.BAD_NODE_ID_UNKNOWN
        newest = int(sampled.max()) if sampled.size else 0
        last_tick = self._tick - self.period if self._tick else 0
        return Window(value, status, last_tick, newest, np.any(filled, 1))
