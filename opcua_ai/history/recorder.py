"""Writing: a thread and a bounded queue, so that nobody ever waits for the disk."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from operator import itemgetter
from pathlib import Path

import numpy as np

from opcua_ai.core.errors import HistoryError, HistoryInUseError
from opcua_ai.core.types import NS, FloatArray, StatusArray, TimeArray
from opcua_ai.history.store import Event, Row, Store, Value

log = logging.getLogger(__name__)

PERIOD_S = 0.5
"""Between two commits: what a crash loses at most."""
RETRY_S = 5.0
PRUNE_S = 60.0
MAX_WAITING = 500_000
"""Values that wait for the disk; what comes on top is dropped and counted."""
CHUNK = 50_000
"""Rows of one transaction."""
MICROSECOND = 1000
"""Nanoseconds; the resolution of the kept times."""
_BY_SERIES_AND_TIME = itemgetter(0, 1)

Block = tuple[np.ndarray, TimeArray, StatusArray, FloatArray]


@dataclass(slots=True)
class Health:
    """What the recorder says of itself."""

    message: str = ""
    """Why nothing is written; empty while all is well."""
    written: int = 0
    dropped: int = 0
    size: int = 0
    """Bytes in use, as of the last look."""


@dataclass(slots=True)
class _Waiting:
    """What has come since the last take."""

    rows: list[Row] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)


class Recorder:
    """Values in, rows on the disk. ``series``, ``put`` and its sisters come from one thread."""

    def __init__(
        self,
        folder: Path,
        max_age_s: float,
        max_bytes: int,
        now: Callable[[], int] = time.time_ns,
    ) -> None:
        self.health = Health()
        self._folder = folder
        self._max_age = round(max_age_s * NS)
        self._max_bytes = max_bytes
        self._now = now
        self._names: list[tuple[str, str]] = []
        self._number: dict[str, int] = {}
        self._last: list[tuple[int, int, Value] | None] = []
        self._lock = threading.Lock()
        self._waiting = _Waiting()
        self._count = 0
        """Values waiting, those that the thread has taken included."""
        self._wake = threading.Event()
        self._stopping = False
        self._thread: threading.Thread | None = None
        # of the thread alone
        self._store: Store | None = None
        self._ids: list[int] = []
        self._rows: list[Row] = []
        self._events: list[Event] = []
        self._prune_at = 0.0
        self._said_dropped = 0

    def start(self) -> None:
        """Open the store and begin. Raises HistoryInUseError; any other trouble is said in
        ``health`` and in the log, and tried again."""
        try:
            self._open()
        except HistoryInUseError:
            raise
        except HistoryError as error:
            self._failed(error)
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="history", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Write what waits and close; waits for the disk."""
        self._stopping = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        if self._store is not None:
            self._store.close()
            self._store = None

    def series(self, name: str, kind: str) -> int:
        """The number under which values of a series are put."""
        if name not in self._number:
            with self._lock:
                self._number[name] = len(self._names)
                self._names.append((name, kind))
                self._last.append(None)
        return self._number[name]

    def put(
        self, series: int, time_ns: int, status: int, value: Value, changes_only: bool = False
    ) -> None:
        """One value. At the time of the one before it comes a microsecond later: a value whose
        source was lost does not wipe out the good one. ``changes_only`` leaves out repetitions."""
        if time_ns <= 0:
            return  # nothing was ever sampled: there is no place for it on the axis of time
        time_ns -= time_ns % MICROSECOND
        last = self._last[series]
        if last is not None:
            same = last[1:] == (status, value)
            if same and (changes_only or last[0] == time_ns):
                return
            if last[0] == time_ns:
                time_ns += MICROSECOND
        with self._lock:
            if self._has_room(1):
                self._waiting.rows.append((series, time_ns, status, value))
                self._last[series] = (time_ns, status, value)

    def put_block(
        self, series: np.ndarray, times: TimeArray, status: StatusArray, value: FloatArray
    ) -> None:
        """Many values at once; NaN means that there is none. The arrays are not changed later."""
        with self._lock:
            if self._has_room(len(series)):
                self._waiting.blocks.append((series, times, status, value))

    def put_event(self, event: Event) -> None:
        with self._lock:
            if self._has_room(1):
                self._waiting.events.append(event)

    def _has_room(self, count: int) -> bool:
        if self._count + count > MAX_WAITING:
            self.health.dropped += count
            return False
        self._count += count
        if self._count > CHUNK:
            self._wake.set()
        return True

    def _run(self) -> None:
        wait = PERIOD_S
        while not self._stopping:
            self._wake.wait(wait)
            self._wake.clear()
            wait = self._cycle()
        self._cycle()

    def _cycle(self) -> float:
        """Write what waits; seconds until the next time."""
        self._take()
        try:
            if self._store is None:
                self._open()
            self._write()
            self._prune()
        except HistoryError as error:
            self._failed(error)
            return RETRY_S
        except Exception:
            # a fault of ours must not end the thread, nor come back with the same values for ever
            log.exception("history: %d values cannot be written", len(self._rows))
            self.health.message = "internal error, see the log"
            self._give_up()
            return RETRY_S
        if self.health.message:
            log.info("history: written again")
            self.health.message = ""
        self._say_dropped()
        return PERIOD_S if self._prune_at else 0.0

    def _give_up(self) -> None:
        lost = len(self._rows) + len(self._events)
        self._rows, self._events = [], []
        self.health.dropped += lost
        with self._lock:
            self._count -= lost

    def _open(self) -> None:
        self._store = Store(self._folder)
        self._ids = []
        self.health.size = self._store.size()

    def _take(self) -> None:
        with self._lock:
            waiting, self._waiting = self._waiting, _Waiting()
        self._rows += waiting.rows
        self._events += waiting.events
        for series, times, status, value in waiting.blocks:
            times = times - times % MICROSECOND
            self._rows += zip(
                series.tolist(), times.tolist(), status.tolist(), value.tolist(), strict=True
            )

    def _write(self) -> None:
        store = self._store
        assert store is not None  # noqa: S101
        if len(self._ids) < len(self._names):
            with self._lock:
                new = self._names[len(self._ids) :]
            self._ids += store.series(new)
        ids = self._ids
        while self._rows or self._events:
            chunk = self._rows[:CHUNK]
            # in the order of the table: twice as fast as in the order of arrival
            chunk = [(ids[n], t, status, value) for n, t, status, value in chunk]
            chunk.sort(key=_BY_SERIES_AND_TIME)
            store.write(chunk, self._events)
            del self._rows[:CHUNK]
            with self._lock:
                self._count -= len(chunk) + len(self._events)
            self.health.written += len(chunk) + len(self._events)
            self._events = []

    def _prune(self) -> None:
        store = self._store
        assert store is not None  # noqa: S101
        if time.monotonic() < self._prune_at:
            return
        more = store.prune_by_age(self._max_age, self._now())
        more |= store.prune_by_size(self._max_bytes)
        self.health.size = store.size()
        self._prune_at = 0.0 if more else time.monotonic() + PRUNE_S

    def _failed(self, error: HistoryError) -> None:
        """Say it once; the store is opened anew, for what stands in the way may have gone."""
        if str(error) != self.health.message:
            log.error("history: %s", error)
            self.health.message = str(error)
        store, self._store = self._store, None
        if store is not None:
            store.close()

    def _say_dropped(self) -> None:
        if self.health.dropped > self._said_dropped:
            new = self.health.dropped - self._said_dropped
            log.warning("history: dropped %d values that came faster than the disk takes them", new)
            self._said_dropped = self.health.dropped
