"""The file of alarm states."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from opcua_ai.server.conditions import store
from opcua_ai.server.conditions.state import AlarmState

STATE = AlarmState(active=True, label="Störung 5", event_id=b"\x00\xff", events=[b"\x00\xff"])
TEXTS = {'a/"b"/c': STATE.model_dump_json()}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "new" / "state" / store.FILE


def test_what_is_written_is_read(path: Path) -> None:
    store.write(path, TEXTS)
    (state,) = store.read(path).values()
    assert list(store.read(path)) == ['a/"b"/c']
    # NaN (no confidence) is not equal to itself
    assert state.model_dump(exclude={"confidence"}) == STATE.model_dump(exclude={"confidence"})
    assert [file.name for file in path.parent.iterdir()] == [store.FILE]


def test_no_file_is_a_first_start(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert store.read(path) == {}
    assert not caplog.records


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "EOF"),
        ('{"version":1,"alarms":{"a":{"act', "EOF"),
        ('{"version":2,"alarms":{}}', "version: Input should be 1"),
        ('{"version":1,"alarms":{"a":{"active":7}}}', "alarms.a.active:"),
        ('{"version":1,"alarms":{"a":{"surprise":1}}}', "alarms.a.surprise:"),
        ("\0" * 4096, "expected value"),
    ],
)
def test_a_broken_file_is_set_aside(
    path: Path, caplog: pytest.LogCaptureFixture, text: str, said: str
) -> None:
    path.parent.mkdir(parents=True)
    path.write_text(text)
    assert store.read(path) == {}
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert said in record.message
    assert "all alarms begin anew" in record.message
    assert path.with_name("alarms.json.broken").read_text() == text
    assert not path.exists()


def test_a_file_that_cannot_be_read_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert store.read(tmp_path) == {}, "a folder in its place"
    assert "cannot be read (Is a directory)" in caplog.text


def test_a_failed_write_leaves_the_old_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store.write(path, TEXTS)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        store.write(path, {})
    assert len(json.loads(path.read_text())["alarms"]) == 1


_WRITING = """
import sys
from pathlib import Path
from opcua_ai.server.conditions import store
from opcua_ai.server.conditions.state import AlarmState
for number in range(10**9):
    states = {f"alarm{i}": AlarmState(comment=str(number)).model_dump_json() for i in range(200)}
    store.write(Path(sys.argv[1]), states)
    print(number, flush=True)
"""


def test_kill_leaves_a_whole_file(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """kill -9 in the middle of writing: what was written before is there, or newer."""
    for moment in (0.0, 0.003, 0.011):
        command = [sys.executable, "-c", _WRITING, str(path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(moment)
            process.kill()
            written = max((int(line) for line in process.stdout), default=0)
        states = store.read(path)
        assert len(states) == 200
        (number,) = {int(state.comment) for state in states.values()}
        assert number in (written, written + 1)
    assert not caplog.records
