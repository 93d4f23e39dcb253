"""Sample-and-hold windows on the plant's clock.

A subscription reports changes only, so rows are not counted from samples: at each tick of the
plant's clock (every ``period`` since the first sample) the store writes down the value that each
tag holds. The plant's clock is the newest SourceTimestamp that has arrived.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from opcua_ai.core import status as codes
from opcua_ai.core.types import NS, FloatArray, Samples, StatusArray, TimeArray, Window

log = logging.getLogger(__name__)

BEHIND_ROWS = 3
"""Rows that the plant may go on behind the clock, as jitter makes it, before the clock counts as
set back."""


class WindowStore:
    """Ring of the newest rows of one source at one period, for the columns in ``use``.

    ``settle_s``: a row is closed as soon as a later sample arrives, or when its tick has come and
    no sample has arrived for this many wall seconds (so a plant that is sampled exactly once a
    period is not seen one period late).
    """

    def __init__(
        self,
        columns: int,
        period_s: float,
        rows: int,
        settle_s: float = 0.2,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.period = round(period_s * NS)
        self.rows = rows
        self.version = 0
        """Grows whenever a window read from the store could differ from the last one."""
        self._settle_s = settle_s
        self._monotonic = monotonic
        self._arrived = float("-inf")
        self._used: NDArray[np.int64] = np.zeros(0, np.int64)
        """Columns that have a place in the ring, in the order of their places."""
        self._place: NDArray[np.int64] = np.full(columns, -1)
        waiting = codes.BAD_WAITING_FOR_INITIAL_DATA
        self._hold_value: FloatArray = np.full(columns, np.nan)
        self._hold_status: StatusArray = np.full(columns, waiting, np.uint32)
        self._hold_time: TimeArray = np.zeros(columns, np.int64)
        self._empty()

    def _empty(self) -> None:
        shape = (self.rows, len(self._used))
        self._value: FloatArray = np.full(shape, np.nan)
        self._status: StatusArray = np.full(shape, codes.BAD_WAITING_FOR_INITIAL_DATA, np.uint32)
        self._time: TimeArray = np.zeros(shape, np.int64)
        self._clock = 0
        self._tick = 0
        """Plant time of the next row to close; 0 before the first sample."""
        self._filled = 0
        self._behind: int | None = None
        """Where the samples began to stay behind the clock; None while they reach it."""

    def use(self, columns: NDArray[np.int64]) -> None:
        """Give these columns (-1 = none) a place in the ring; call before the first sample.

        The other tags of the source only move the plant's clock.
        """
        new = np.setdiff1d(columns[columns >= 0], self._used)
        self._place[new] = len(self._used) + np.arange(len(new))
        self._used = np.concatenate([self._used, new])
        self._empty()

    @property
    def filled(self) -> int:
        """Rows closed since the start, at most ``rows``."""
        return self._filled

    def add(self, samples: Samples) -> None:
        """Take a block of samples; closes every row whose tick they pass."""
        if len(samples.time) == 0:
            return
        newest = int(samples.time.max())
        if self._set_back(samples, newest):
            self._step_back(samples, newest)
        order = np.argsort(samples.time, kind="stable")
        column, value = samples.column[order], samples.value[order]
        status, when = samples.status[order], samples.time[order]
        if not self._tick:
            self._tick = newest
        start = 0
        while start < len(when):
            end = int(np.searchsorted(when, self._tick, side="right"))
            if end > start:
                self._hold(column[start:end], value[start:end], status[start:end], when[start:end])
                start = end
            if start < len(when):
                self._close_until(int(when[start]) - 1)
        self._clock = max(self._clock, newest)
        self._arrived = self._monotonic()
        self.version += 1

    def _set_back(self, samples: Samples, newest: int) -> bool:
        """Whether the plant's clock was set back (or one far-off timestamp went by).

        An old timestamp alone proves nothing: a tag that rarely changes arrives with one. Proof are
        a tag that goes far behind its own last time, and a plant that lives on behind the clock.
        """
        if newest >= self._clock:
            self._behind = None
            return False
        held = self._hold_time[samples.column]
        far = newest < self._clock - self.rows * self.period
        if far and bool((samples.time < held - self.rows * self.period).any()):
            return True
        late = bool((samples.time < held).any())
        if self._behind is None or newest < self._behind:
            self._behind = newest
        return (far or late) and newest - self._behind > BEHIND_ROWS * self.period

    def _step_back(self, samples: Samples, newest: int) -> None:
        """Begin again; a tag that has not changed since still holds its value."""
        back = (self._clock - newest) / NS
        log.warning("the plant's clock went back by %.0f s: its windows begin again", back)
        self._hold_time = np.minimum(self._hold_time, samples.time.min())
        self._empty()

    def _hold(
        self, column: NDArray[np.int32], value: FloatArray, status: StatusArray, when: TimeArray
    ) -> None:
        # a lost source is news whenever it is said, and no new time
        fresh = (when >= self._hold_time[column]) | (status == codes.BAD_NO_COMMUNICATION)
        column, value, status, when = column[fresh], value[fresh], status[fresh], when[fresh]
        self._hold_status[column] = status
        self._hold_time[column] = np.maximum(self._hold_time[column], when)
        usable = ~codes.bad_mask(status) & np.isfinite(value)
        self._hold_value[column[usable]] = value[usable]

    def _close_until(self, moment: int) -> None:
        """Close every row whose tick is not after ``moment``."""
        due = (moment - self._tick) // self.period + 1
        if due <= 0:
            return
        shift = min(due, self.rows)
        for ring, held in (
            (self._value, self._hold_value),
            (self._status, self._hold_status),
            (self._time, self._hold_time),
        ):
            ring[:-shift] = ring[shift:]
            ring[-shift:] = held[self._used]
        self._tick += due * self.period
        self._filled = min(self.rows, self._filled + due)

    def close_settled(self) -> None:
        """Close the row whose tick the clock has just reached, once its samples have settled."""
        quiet = self._monotonic() - self._arrived
        if self._tick and self._clock >= self._tick and quiet >= self._settle_s:
            self._close_until(self._clock)
            self.version += 1

    def window(
        self, columns: NDArray[np.int64], rows: int, stale_after_s: float | None = None
    ) -> Window:
        """The newest ``rows`` closed rows of ``columns`` (-1 = a tag that the source lacks).

        A tag that is Bad *now* is Bad in the newest row even before that row's successor closes,
        so that a lost source shows at once. A value whose sample is older than ``stale_after_s``
        plant seconds at its row's tick is UncertainLastUsableValue.
        """
        places = self._place[columns]
        value = self._value[-rows:, places]
        status = self._status[-rows:, places]
        sampled = self._time[-rows:, places]
        last_tick = self._tick - self.period
        if stale_after_s is not None:
            ticks = last_tick - self.period * np.arange(rows - 1, -1, -1, dtype=np.int64)
            stale = ticks[:, None] - sampled > round(stale_after_s * NS)
            stale &= codes.good_mask(status)
            status[stale] = codes.UNCERTAIN_LAST_USABLE_VALUE
        now = self._hold_status[columns]
        status[-1] = np.where(codes.bad_mask(now), now, status[-1])
        absent = columns < 0
        value[:, absent] = np.nan
        status[:, absent] = codes.BAD_NODE_ID_UNKNOWN
        sampled[:, absent] = 0
        newest = int(sampled.max()) if sampled.size else 0
        return Window(value, status, last_tick if self._tick else 0, newest)
