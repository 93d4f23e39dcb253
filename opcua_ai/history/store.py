"""The file: SQLite in WAL mode, one writer at a time.

Rows of a series lie together and in order of time (the primary key is the table), so that reading
a range, a neighbour or the first and last value costs one descent of the tree.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from opcua_ai.core.errors import HistoryError, HistoryInUseError

FILE, LOCK = "history.db", "history.lock"
VERSION = 1
APPLICATION_ID = 0x6F706169
Value = float | int | str | bool | None
Row = tuple[int, int, int, Value]
"""Series, time, status, value."""

SLICE = 100_000
"""Rows that one step of retention deletes at most."""
OLDEST_SHARE = 0.02
"""Share of each series that goes when the file is too large."""

_SCHEMA = f"""
PRAGMA application_id = {APPLICATION_ID};
PRAGMA user_version = {VERSION};
CREATE TABLE IF NOT EXISTS series
    (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, kind TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS samples
    (series INTEGER NOT NULL, time INTEGER NOT NULL, status INTEGER NOT NULL, value,
     PRIMARY KEY (series, time)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS events
    (id INTEGER PRIMARY KEY, time INTEGER NOT NULL, fields TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS notified
    (notifier TEXT NOT NULL, time INTEGER NOT NULL, event INTEGER NOT NULL,
     PRIMARY KEY (notifier, time, event)) WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class Event:
    """An event as its writer encodes it, and the names of the nodes that notify of it."""

    time: int
    fields: str
    notifiers: Sequence[str]


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn what SQLite says into one line that names the file and what to do."""
    try:
        yield
    except sqlite3.Error as error:
        raise HistoryError(f"{path}: {_reason(error)}") from error
    except OSError as error:
        raise HistoryError(f"{path}: {error.strerror or error}") from error


def _reason(error: sqlite3.Error) -> str:
    name = getattr(error, "sqlite_errorname", "")
    if name == "SQLITE_FULL":
        return "the disk is full: make room or lower history.max_size_mb"
    if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
        return "the file is damaged: move it away, a new one is begun then"
    if name.startswith(("SQLITE_CANTOPEN", "SQLITE_READONLY", "SQLITE_PERM")):
        return "cannot be written: give this user the right to write there"
    return f"{error} ({name})" if name else str(error)


class Store:
    """The one writer of a folder's history. Used by one thread at a time."""

    def __init__(self, folder: Path) -> None:
        """Raises HistoryInUseError while another process writes there, else HistoryError."""
        self.path = folder / FILE
        with explained(self.path):
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = _lock(folder)
            try:
                self._db = self._open()
            except BaseException:
                self._lock.close()
                raise

    def _open(self) -> sqlite3.Connection:
        db = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)
        try:
            if not _own(db, self.path):
                db.execute("PRAGMA auto_vacuum = INCREMENTAL")
            db.execute("PRAGMA journal_mode = WAL")
            # a commit is on the disk when it returns: also a power failure costs a second at most
            db.execute("PRAGMA synchronous = FULL")
            db.execute("PRAGMA journal_size_limit = 67108864")
            db.executescript(_SCHEMA)
        except BaseException:
            db.close()
            raise
        return db

    def close(self) -> None:
        self._db.close()
        self._lock.close()

    def series(self, names: Iterable[tuple[str, str]]) -> list[int]:
        """Ids of series by name and kind of their values, made where they are new."""
        wanted = list(names)
        with explained(self.path), _transaction(self._db):
            self._db.executemany(
                "INSERT INTO series (name, kind) VALUES (?, ?) "
                "ON CONFLICT (name) DO UPDATE SET kind = excluded.kind",
                wanted,
            )
            find = "SELECT id FROM series WHERE name = ?"
            return [self._db.execute(find, (name,)).fetchone()[0] for name, _ in wanted]

    def write(self, rows: Iterable[Row], events: Iterable[Event] = ()) -> None:
        """All or nothing, and on the disk when it returns. A second value of a series at the same
        time replaces the first."""
        with explained(self.path), _transaction(self._db):
            self._db.executemany("INSERT OR REPLACE INTO samples VALUES (?, ?, ?, ?)", rows)
            for event in events:
                cursor = self._db.execute(
                    "INSERT INTO events (time, fields) VALUES (?, ?)", (event.time, event.fields)
                )
                self._db.executemany(
                    "INSERT INTO notified VALUES (?, ?, ?)",
                    [(name, event.time, cursor.lastrowid) for name in event.notifiers],
                )

    def size(self) -> int:
        """Bytes in use; the file may hold free pages beyond them, which are used first."""
        with explained(self.path):
            pages = self._number("page_count") - self._number("freelist_count")
            return pages * self._number("page_size")

    def prune_by_age(self, max_age: int, now: int) -> bool:
        """Delete what is older than ``max_age`` before the newest value of its own series, or
        before ``now`` where that value claims to be of the future: a plant that lives in the past
        keeps its history, and a clock that jumped ahead deletes nothing. True when there is more.
        """
        age = min(max_age, now)  # further back there is no time
        left = SLICE
        with explained(self.path), _transaction(self._db):
            newest = self._db.execute(
                "SELECT id, (SELECT max(time) FROM samples WHERE series = id) FROM series"
            ).fetchall()
            for series, time in newest:
                if time is not None and left > 0:
                    left -= self._delete_before(series, min(time, now) - age, left)
            if (last := self._one("SELECT max(time) FROM events")) is not None:
                self._delete_events(min(last, now) - age)
        return left <= 0

    def prune_by_size(self, max_bytes: int) -> bool:
        """Delete the oldest share of every series while the file is too large. True when there is
        more."""
        if self.size() <= max_bytes:
            return False
        with explained(self.path), _transaction(self._db):
            counts = self._db.execute(
                "SELECT id, (SELECT count(*) FROM samples WHERE series = id) FROM series"
            ).fetchall()
            for series, count in counts:
                # a series of a few rows keeps its last one
                gone = min(count - 1, max(1, int(count * OLDEST_SHARE)))
                if gone > 0:
                    self._delete_before(series, None, gone)
            events = self._one("SELECT count(*) FROM events") or 0
            self._delete_events(self._nth("events WHERE true", (), int(events * OLDEST_SHARE)))
        with explained(self.path):
            # a script, for each step frees one page and Cursor.execute takes one step
            self._db.executescript("PRAGMA incremental_vacuum")
        return self.size() > max_bytes and sum(count > 1 for _, count in counts) > 0

    def _delete_before(self, series: int, time: int | None, most: int) -> int:
        stop = self._nth("samples WHERE series = ?", (series,), most)
        bounds = [bound for bound in (time, stop) if bound is not None]
        if not bounds:
            return 0
        delete = "DELETE FROM samples WHERE series = ? AND time < ?"
        return self._db.execute(delete, (series, min(bounds))).rowcount

    def _delete_events(self, before: int | None) -> None:
        if before is not None:
            self._db.execute("DELETE FROM notified WHERE time < ?", (before,))
            self._db.execute("DELETE FROM events WHERE time < ?", (before,))

    def _nth(self, source: str, keys: tuple[int, ...], number: int) -> int | None:
        """Time of a row by its number in order of time."""
        return self._one(
            f"SELECT time FROM {source} ORDER BY time LIMIT 1 OFFSET ?",  # noqa: S608
            (*keys, number),
        )

    def _one(self, query: str, keys: tuple[int, ...] = ()) -> int | None:
        row = self._db.execute(query, keys).fetchone()
        return None if row is None else row[0]

    def _number(self, pragma: str) -> int:
        return self._db.execute(f"PRAGMA {pragma}").fetchone()[0]


def _own(db: sqlite3.Connection, path: Path) -> bool:
    """True for a history of ours, False for a file that is new."""
    version = db.execute("PRAGMA user_version").fetchone()[0]
    if version > VERSION:
        raise HistoryError(f"{path}: written by a newer opcua-ai: choose another folder")
    empty = db.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0] == 0
    if not empty and db.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
        raise HistoryError(f"{path}: this is not a history of opcua-ai: choose another folder")
    return not empty


def _lock(folder: Path) -> sqlite3.Connection:
    """Held as long as the connection is open; the system gives it back when the process dies."""
    lock = sqlite3.connect(
        folder / LOCK, isolation_level=None, timeout=0.2, check_same_thread=False
    )
    try:
        lock.execute("BEGIN EXCLUSIVE")
    except sqlite3.OperationalError as error:
        lock.close()
        if getattr(error, "sqlite_errorname", "") == "SQLITE_BUSY":
            raise HistoryInUseError(
                f"history.folder = {str(folder)!r}: another process writes there; "
                "stop it or choose another folder"
            ) from error
        raise
    except BaseException:
        lock.close()
        raise
    return lock


@contextmanager
def _transaction(db: sqlite3.Connection) -> Iterator[None]:
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        if db.in_transaction:  # a full disk has rolled it back already
            db.execute("ROLLBACK")
        raise
    db.execute("COMMIT")
