"""What the file keeps, lets go of, and says when it cannot be used."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from opcua_ai.core.errors import HistoryError, HistoryInUseError
from opcua_ai.history.reader import MAX_TIME, MIN_TIME, Reader
from opcua_ai.history.store import Event, Store

S = 1_000_000_000
NOW = 1_700_000_000 * S


def times(folder: Path, name: str) -> list[int]:
    with Reader(folder) as reader:
        series = reader.series(name)
        assert series is not None
        return [sample.time for sample in reader.rows(series)]


def test_values_of_every_kind_come_back_as_they_were(tmp_path: Path) -> None:
    store = Store(tmp_path)
    number, text, flag = store.series([("n", "Double"), ("t", "String"), ("b", "Boolean")])
    store.write([
        (number, NOW, 0, 1.5), (number, NOW + 1000, 0x80310000, None),
        (text, NOW, 0x40950000, "fault 5"), (flag, NOW, 0, True),
    ])  # fmt: skip
    store.close()
    with Reader(tmp_path) as reader:
        found = {s.name: (s.kind, reader.rows(s)) for s in reader.all_series()}
    assert found == {
        "b": ("Boolean", [(NOW, 0, True)]),
        "n": ("Double", [(NOW, 0, 1.5), (NOW + 1000, 0x80310000, None)]),
        "t": ("String", [(NOW, 0x40950000, "fault 5")]),
    }


def test_times_that_go_backward_are_read_in_their_order(tmp_path: Path) -> None:
    store = Store(tmp_path)
    (series,) = store.series([("x", "Double")])
    store.write([(series, NOW + 10 * S, 0, 1.0)])
    store.write([(series, NOW, 0, 2.0)])  # the clock was set back
    store.write([(series, NOW, 0, 3.0)])
    store.close()
    with Reader(tmp_path) as reader:
        (found,) = reader.all_series()
        assert reader.rows(found) == [(NOW, 0, 3.0), (NOW + 10 * S, 0, 1.0)]


def test_a_commit_is_on_the_disk_when_it_returns(tmp_path: Path) -> None:
    """What a power failure costs cannot be tried here: this is what decides it."""
    store = Store(tmp_path)
    assert store._db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert store._number("synchronous") >= 2  # FULL: the log is synchronised at each commit
    store.close()


def test_a_second_writer_is_refused_while_the_first_one_writes(tmp_path: Path) -> None:
    first = Store(tmp_path)
    with pytest.raises(HistoryInUseError, match="another process writes there"):
        Store(tmp_path)
    first.close()
    Store(tmp_path).close()


def test_a_reader_needs_no_permission_of_the_writer(tmp_path: Path) -> None:
    store = Store(tmp_path)
    (series,) = store.series([("x", "Double")])
    store.write([(series, NOW, 0, 1.0)])
    assert times(tmp_path, "x") == [NOW]
    store.close()


def test_a_damaged_file_is_named_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "history.db").write_bytes(b"no database" * 1000)
    for use in (Store, Reader):
        with pytest.raises(HistoryError, match=r"history\.db: the file is damaged: move it away"):
            use(tmp_path)
    (tmp_path / "history.db").unlink()
    Store(tmp_path).close()  # nothing is left locked


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(HistoryError, match=r"file/history/history\.db: Not a directory"):
        Store(tmp_path / "file" / "history")


def test_a_full_disk_loses_nothing_that_was_written(tmp_path: Path) -> None:
    store = Store(tmp_path)
    (series,) = store.series([("x", "Double")])
    store.write([(series, NOW, 0, 1.0)])
    # SQLite says the same as on a full disk
    store._db.execute(f"PRAGMA max_page_count = {store._number('page_count') + 2}")
    with pytest.raises(HistoryError, match="the disk is full: make room"):
        store.write((series, NOW + n * 1000, 0, float(n)) for n in range(1, 10_000))
    assert times(tmp_path, "x") == [NOW]
    store._db.execute("PRAGMA max_page_count = 1000000")
    store.write([(series, NOW + S, 0, 1.0)])
    store.close()
    assert times(tmp_path, "x") == [NOW, NOW + S]


def test_a_history_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    Store(tmp_path).close()
    with sqlite3.connect(tmp_path / "history.db") as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(HistoryError, match="written by a newer opcua-ai"):
        Store(tmp_path)


def test_another_database_is_no_history(tmp_path: Path) -> None:
    db = sqlite3.connect(tmp_path / "history.db")
    db.execute("CREATE TABLE x (y)")
    db.close()
    with pytest.raises(HistoryError, match="not a history of opcua-ai"):
        Reader(tmp_path)
    with pytest.raises(HistoryError, match="not a history of opcua-ai"):
        Store(tmp_path)


def test_age_counts_from_the_newest_value_of_each_series(tmp_path: Path) -> None:
    store = Store(tmp_path)
    live, past = store.series([("live", "Double"), ("past", "Double")])
    for series, newest in ((live, NOW), (past, NOW - 10_000 * S)):
        store.write((series, newest - n * S, 0, 0.0) for n in range(100))
    assert not store.prune_by_age(9 * S, NOW)
    store.close()
    assert times(tmp_path, "live") == [NOW - n * S for n in range(9, -1, -1)]
    assert len(times(tmp_path, "past")) == 10


def test_a_value_of_the_future_deletes_nothing(tmp_path: Path) -> None:
    store = Store(tmp_path)
    (series,) = store.series([("x", "Double")])
    store.write([(series, NOW, 0, 1.0), (series, NOW + 10**6 * S, 0, 1.0)])
    store.prune_by_age(10 * S, NOW)
    store.close()
    assert len(times(tmp_path, "x")) == 2


def test_long_deletions_come_in_slices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("opcua_ai.history.store.SLICE", 30)
    store = Store(tmp_path)
    (series,) = store.series([("x", "Double")])
    store.write((series, NOW - n * S, 0, 0.0) for n in range(100))
    assert store.prune_by_age(9 * S, NOW)
    while store.prune_by_age(9 * S, NOW):
        pass
    store.close()
    assert len(times(tmp_path, "x")) == 10


def test_the_oldest_of_every_series_make_room(tmp_path: Path) -> None:
    store = Store(tmp_path)
    often, seldom = store.series([("often", "Double"), ("seldom", "String")])
    store.write((often, NOW + n * 1000, 0, float(n)) for n in range(100_000))
    store.write((seldom, NOW + n * 1000, 0, str(n)) for n in range(3))
    limit = store.size() // 2
    while store.prune_by_size(limit):
        pass
    assert store.size() <= limit
    store.close()
    assert store.path.stat().st_size <= limit + 2**16
    kept = times(tmp_path, "often")
    assert 20_000 < len(kept) < 60_000
    assert kept[-1] == NOW + 99_999 * 1000
    assert times(tmp_path, "seldom")[-1] == NOW + 2000


def test_events_are_found_by_notifier_and_grow_old(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.write(
        [], [Event(NOW + n * S, f"event {n}", ["server", f"asset {n % 2}"]) for n in range(6)]
    )
    with Reader(tmp_path) as reader:
        found = list(reader.events("asset 1", MIN_TIME, MAX_TIME, backward=False))
        assert [fields for _, _, fields in found] == ["event 1", "event 3", "event 5"]
        after = found[1][0], found[1][1]
        rest = reader.events("asset 1", MIN_TIME, MAX_TIME, backward=True, after=after)
        assert [fields for _, _, fields in rest] == ["event 1"]
    store.prune_by_age(2 * S, NOW + 100 * S)
    store.close()
    with Reader(tmp_path) as reader:
        left = reader.events("server", MIN_TIME, MAX_TIME, backward=False)
        assert [fields for _, _, fields in left] == ["event 3", "event 4", "event 5"]
