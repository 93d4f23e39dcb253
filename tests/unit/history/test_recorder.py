"""The thread that writes: never in the way, never silent about what it cannot write."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from opcua_ai.core import status as codes
from opcua_ai.core.errors import HistoryInUseError
from opcua_ai.history import recorder as module
from opcua_ai.history.reader import Reader, Sample
from opcua_ai.history.recorder import Recorder

S = 1_000_000_000
NOW = 1_700_000_000 * S
HUGE = 10**12


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PERIOD_S", 0.02)
    monkeypatch.setattr(module, "RETRY_S", 0.05)


@pytest.fixture
def recorder(tmp_path: Path) -> Iterator[Recorder]:
    made = Recorder(tmp_path, HUGE, HUGE)
    made.start()
    yield made
    made.stop()


def rows(folder: Path, name: str = "x") -> list[Sample]:
    with Reader(folder) as reader:
        series = reader.series(name)
        return reader.rows(series) if series else []


def wait(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_single_values_and_blocks_are_written(recorder: Recorder, tmp_path: Path) -> None:
    x, y = recorder.series("x", "Double"), recorder.series("y", "Double")
    recorder.put(x, NOW + 123, 0, 1.5)
    recorder.put_block(
        np.array([x, y]), np.array([NOW + S, NOW + 777]), np.array([0, 5], np.uint32),
        np.array([np.nan, 3.0]),
    )  # fmt: skip
    wait(lambda: recorder.health.written == 3)
    # in whole microseconds: so they travel, and so they are asked for again
    assert rows(tmp_path) == [(NOW, 0, 1.5), (NOW + S, 0, None)]
    assert rows(tmp_path, "y") == [(NOW, 5, 3.0)]


def test_stopping_writes_what_waits(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, HUGE, HUGE)
    recorder.start()
    recorder.put(recorder.series("x", "Double"), NOW, 0, 1.0)
    recorder.stop()
    assert rows(tmp_path) == [(NOW, 0, 1.0)]


def test_a_lost_source_does_not_wipe_out_the_last_value(recorder: Recorder, tmp_path: Path) -> None:
    x = recorder.series("x", "Double")
    for status, value in ((0, 1.0), (0, 1.0), (codes.BAD_NO_COMMUNICATION, None)):
        recorder.put(x, NOW, status, value)
    wait(lambda: recorder.health.written == 2)
    assert rows(tmp_path) == [(NOW, 0, 1.0), (NOW + 1000, codes.BAD_NO_COMMUNICATION, None)]


def test_repetitions_can_be_left_out(recorder: Recorder, tmp_path: Path) -> None:
    x = recorder.series("x", "String")
    for second, text in enumerate(("normal", "normal", "fault 5", "fault 5")):
        recorder.put(x, NOW + second * S, 0, text, changes_only=True)
    wait(lambda: recorder.health.written == 2)
    assert rows(tmp_path) == [(NOW, 0, "normal"), (NOW + 2 * S, 0, "fault 5")]


def test_what_was_never_sampled_has_no_place(recorder: Recorder, tmp_path: Path) -> None:
    recorder.put(recorder.series("x", "Double"), 0, codes.BAD_NO_DATA, None)
    recorder.put(recorder.series("x", "Double"), NOW, 0, 1.0)
    wait(lambda: recorder.health.written == 1)
    assert len(rows(tmp_path)) == 1


def test_more_than_the_disk_takes_is_counted_and_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "MAX_WAITING", 10)
    recorder = Recorder(tmp_path, HUGE, HUGE)
    x = recorder.series("x", "Double")
    for n in range(25):  # nobody writes yet
        recorder.put(x, NOW + n * S, 0, float(n))
    assert recorder.health.dropped == 15
    with caplog.at_level(logging.WARNING):
        recorder.start()
        wait(lambda: recorder.health.written == 10)
        recorder.stop()
    assert "dropped 15 values" in caplog.text
    assert len(rows(tmp_path)) == 10


def test_what_does_not_fit_into_one_transaction_comes_in_several(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CHUNK", 10)
    recorder = Recorder(tmp_path, HUGE, HUGE)
    x = recorder.series("x", "Double")
    for n in range(25):
        recorder.put(x, NOW + n * S, 0, float(n))
    recorder.start()
    recorder.stop()
    assert [sample.value for sample in rows(tmp_path)] == [float(n) for n in range(25)]
    assert recorder.health.written == 25
    assert recorder._count == 0  # all the room is there again


def test_a_second_recorder_is_refused(recorder: Recorder, tmp_path: Path) -> None:
    with pytest.raises(HistoryInUseError, match=r"history\.folder"):
        Recorder(tmp_path, HUGE, HUGE).start()


def test_it_begins_to_write_once_the_folder_can_be_used(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "history"
    folder.write_text("a file stands in the way")
    recorder = Recorder(folder, HUGE, HUGE)
    recorder.start()
    recorder.put(recorder.series("x", "Double"), NOW, 0, 1.0)
    assert "File exists" in recorder.health.message
    time.sleep(0.2)
    assert caplog.text.count("File exists") == 1  # said once, tried often
    folder.unlink()
    wait(lambda: recorder.health.written == 1)
    wait(lambda: recorder.health.message == "")
    recorder.stop()
    assert rows(folder) == [(NOW, 0, 1.0)]


def test_a_full_disk_is_survived(
    recorder: Recorder, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    x = recorder.series("x", "Double")
    recorder.put(x, NOW, 0, 0.0)
    wait(lambda: recorder.health.written == 1)
    store = recorder._store
    assert store is not None
    store._db.execute(f"PRAGMA max_page_count = {store._number('page_count')}")
    for n in range(1, 10_000):
        recorder.put(x, NOW + n * S, 0, float(n))
    # the store is opened anew, without the limit: as if somebody had made room
    wait(lambda: recorder.health.written == 10_000)
    wait(lambda: recorder.health.message == "")
    assert caplog.text.count("the disk is full") == 1
    assert [sample.value for sample in rows(tmp_path)] == [float(n) for n in range(10_000)]
    assert recorder.health.dropped == 0


def test_a_value_that_cannot_be_kept_stops_nothing(recorder: Recorder, tmp_path: Path) -> None:
    x = recorder.series("x", "Double")
    recorder.put(x, NOW, 0, 2**70)
    wait(lambda: recorder.health.dropped == 1)
    recorder.put(x, NOW + S, 0, 1.0)
    wait(lambda: recorder.health.written == 1)
    assert rows(tmp_path) == [(NOW + S, 0, 1.0)]


def test_retention_runs_by_itself(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, 9.0, HUGE, now=lambda: NOW + 99 * S)
    x = recorder.series("x", "Double")
    for n in range(100):
        recorder.put(x, NOW + n * S, 0, float(n))
    recorder.start()
    wait(lambda: recorder.health.written == 100)
    recorder.stop()
    assert len(rows(tmp_path)) == 10


def test_the_size_is_looked_after(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, HUGE, 150_000, now=lambda: NOW)
    x = recorder.series("x", "Double")
    times = NOW + np.arange(20_000) * S
    recorder.put_block(np.full(20_000, x), times, np.zeros(20_000, np.uint32), times / S)
    recorder.start()
    wait(lambda: recorder._prune_at > 0)  # nothing is left to do
    assert recorder.health.written == 20_000
    assert recorder.health.size <= 150_000
    recorder.stop()
    kept = [sample.time for sample in rows(tmp_path)]
    assert kept == times[-len(kept) :].tolist()  # the oldest went, and nothing else
    assert 4_000 < len(kept) < 5_000
    assert (tmp_path / "history.db").stat().st_size < 200_000


WRITER = """
import sys, time
from pathlib import Path
from opcua_ai.history.recorder import Recorder
recorder = Recorder(Path(sys.argv[1]), 1e12, 10**12)
recorder.start()
x = recorder.series("x", "Double")
while True:
    now = time.time_ns()
    recorder.put(x, now, 0, now / 1e9)
    print(now // 1000 * 1000, flush=True)
    time.sleep(0.001)
"""


@pytest.mark.parametrize("after_s", [0.9, 1.6, 2.3])
def test_kill_9_loses_the_last_second_at_most_and_never_the_file(
    tmp_path: Path, after_s: float
) -> None:
    said = tmp_path / "said"
    with said.open("w") as output:
        writer = subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)], stdout=output)
        wait(lambda: (tmp_path / "history.db").exists() and said.stat().st_size > 0)
        time.sleep(after_s)
        os.kill(writer.pid, signal.SIGKILL)
        writer.wait()
    put = [int(line) for line in said.read_text().splitlines()[:-1]]
    kept = {sample.time for sample in rows(tmp_path)}
    lost = [moment for moment in put if moment not in kept]
    assert kept
    assert all(moment > put[-1] - S for moment in lost)
    # the next process goes on in the same file
    recorder = Recorder(tmp_path, HUGE, HUGE)
    recorder.start()
    recorder.put(recorder.series("x", "Double"), NOW, 0, 1.0)
    recorder.stop()
    assert rows(tmp_path)[0] == (NOW, 0, 1.0)
    with Reader(tmp_path) as reader:
        assert reader._db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
