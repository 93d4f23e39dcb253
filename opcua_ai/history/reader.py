"""Reading the store: also from other processes, and while it is written."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from opcua_ai.core.errors import HistoryError
from opcua_ai.history.store import APPLICATION_ID, FILE, Value, explained

MAX_TIME = 2**63 - 1
MIN_TIME = -(2**63)
_BAD_NO_DATA = 0x809B0000
_NUMBERS = np.dtype([("time", np.int64), ("status", np.int64), ("value", np.float64)])


class Sample(NamedTuple):
    time: int
    status: int
    value: Value


@dataclass(frozen=True, slots=True)
class Series:
    id: int
    name: str
    kind: str
    """Name of the built-in data type of its values (Part 6, 5.1.2)."""


class Reader:
    """One connection that only reads, for one thread; a context manager that closes it."""

    def __init__(self, folder: Path) -> None:
        """Raises HistoryError when there is no history."""
        self.path = folder / FILE
        if not folder.is_dir() or not self.path.is_file():
            raise HistoryError(f"{folder}: there is no {FILE}: give the folder of the history")
        with explained(self.path):
            uri = f"{self.path.resolve().as_uri()}?mode=ro"
            self._db = sqlite3.connect(uri, uri=True, isolation_level=None)
            try:
                known = self._db.execute("PRAGMA application_id").fetchone()[0]
            except BaseException:
                self._db.close()
                raise
        if known != APPLICATION_ID:
            self._db.close()
            raise HistoryError(f"{self.path}: this is not a history of opcua-ai")

    def __enter__(self) -> Reader:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._db.close()

    def all_series(self) -> list[Series]:
        with explained(self.path):
            found = self._db.execute("SELECT id, name, kind FROM series ORDER BY name")
            return [Series(*row) for row in found]

    def series(self, name: str) -> Series | None:
        with explained(self.path):
            find = "SELECT id, name, kind FROM series WHERE name = ?"
            row = self._db.execute(find, (name,)).fetchone()
        return Series(*row) if row else None

    def rows(
        self,
        series: Series,
        first: int = MIN_TIME,
        last: int = MAX_TIME,
        limit: int = -1,
        *,
        backward: bool = False,
    ) -> list[Sample]:
        """Samples with ``first <= time <= last`` from the earlier one on, or from the later one."""
        with explained(self.path):
            return [Sample(*row) for row in self._rows(series, first, last, limit, backward)]

    def numbers(self, series: Series, first: int, last: int) -> NDArray[Any]:
        """The same, oldest first, as an array with the fields time, status and value; what is no
        number is NaN."""
        with explained(self.path):
            found = np.fromiter(
                self._db.execute(
                    "SELECT time, status, CASE typeof(value) WHEN 'real' THEN value "
                    "WHEN 'integer' THEN value ELSE 9e999 END "
                    "FROM samples WHERE series = ? AND time BETWEEN ? AND ? ORDER BY time",
                    (series.id, first, last),
                ),
                _NUMBERS,
            )
        found["value"][np.isinf(found["value"])] = np.nan
        return found

    def neighbours(
        self, series: Series, time: int, *, backward: bool, bad: int, usable: int
    ) -> list[Sample]:
        """Samples before or after a time, the nearest first, up to and including the ``usable``-th
        one whose status is below ``bad``; at most a few thousand."""
        bounds = (MIN_TIME, time - 1) if backward else (time + 1, MAX_TIME)
        found: list[Sample] = []
        with explained(self.path):
            for row in self._rows(series, *bounds, _FAR, backward):
                found.append(Sample(*row))
                usable -= found[-1].status < bad
                if usable <= 0:
                    break
        return found

    def span(self, series: Series) -> tuple[int, int] | None:
        """Times of the first and the last sample that is more than a note that there is none."""
        ends: list[int] = []
        with explained(self.path):
            for order in ("ASC", "DESC"):
                row = self._db.execute(
                    "SELECT time FROM samples WHERE series = ? AND (status & 0xFFFF0000) != ? "
                    f"ORDER BY time {order} LIMIT 1",  # noqa: S608
                    (series.id, _BAD_NO_DATA),
                ).fetchone()
                if row is None:
                    return None
                ends.append(row[0])
        return ends[0], ends[1]

    def count(self, series: Series) -> int:
        with explained(self.path):
            query = "SELECT count(*) FROM samples WHERE series = ?"
            return self._db.execute(query, (series.id,)).fetchone()[0]

    def events(
        self,
        notifier: str,
        first: int,
        last: int,
        *,
        backward: bool,
        after: tuple[int, int] | None = None,
    ) -> Iterator[tuple[int, int, str]]:
        """Time, id and fields of the events of a notifier with ``first <= time <= last``; those
        that come behind ``after`` (time and id) in that order."""
        order, beyond = ("DESC", "<") if backward else ("ASC", ">")
        query = (
            "SELECT notified.time, id, fields FROM notified JOIN events ON id = event "
            "WHERE notifier = ? AND notified.time BETWEEN ? AND ? "
        )
        keys: tuple[object, ...] = (notifier, first, last)
        if after is not None:
            query += f"AND (notified.time, event) {beyond} (?, ?) "
            keys += after
        query += f"ORDER BY notified.time {order}, event {order}"
        with explained(self.path):
            yield from self._db.execute(query, keys)

    def _rows(
        self, series: Series, first: int, last: int, limit: int, backward: bool
    ) -> sqlite3.Cursor:
        order = "DESC" if backward else "ASC"
        return self._db.execute(
            "SELECT time, status, value FROM samples WHERE series = ? AND time BETWEEN ? AND ? "
            f"ORDER BY time {order} LIMIT ?",  # noqa: S608
            (series.id, first, last, limit),
        )


_FAR = 5000
"""How many samples away a usable neighbour is looked for (Part 13, 3.1.8 leaves it to servers)."""
