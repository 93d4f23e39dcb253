"""The console program ``opcua-ai-simulator generate`` with its real processes."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
import time
from importlib import resources
from pathlib import Path

import psutil
import pytest

PATIENCE = 30.0  # s
SHORT = ("--hours", "0.2", "--onset", "0.05", "--every", "60", "--batch", "2")
PATHS = [str(Path(str(resources.files("opcua_ai_simulator"))).parent), os.environ.get("PYTHONPATH")]


def start(out: Path, *options: str, before: str = "") -> subprocess.Popen[str]:
    program = [sys.executable, "-m", "opcua_ai_simulator", "generate", "tennessee-eastman"]
    command = [*program, "--out", str(out), *options]
    if before:
        command = ["bash", "-c", f'{before}; exec "$@"', "bash", *command]
    return subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, PATHS))},
        start_new_session=True,  # Ctrl-C goes to a terminal's whole group
    )


def finish(out: Path, *options: str, code: int = 0, before: str = "") -> tuple[str, str]:
    process = start(out, *options, before=before)
    shown = process.communicate(timeout=PATIENCE)
    assert process.returncode == code, shown
    return shown


def content(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def workers_of(process: subprocess.Popen[str], out: Path, files: int) -> list[psutil.Process]:
    """The processes below, once ``files`` runs are written and others are under way."""
    end = time.monotonic() + PATIENCE
    while len(list(out.glob("runs/base*"))) < files:
        assert process.poll() is None and time.monotonic() < end
        time.sleep(0.01)
    return psutil.Process(process.pid).children(recursive=True)


def assert_gone(processes: list[psutil.Process]) -> None:
    _, alive = psutil.wait_procs(processes, timeout=5.0)
    assert processes and not alive


@pytest.mark.parametrize("format", ["parquet", "npz"])
def test_the_same_options_give_the_same_bytes(tmp_path, format):
    options = (*SHORT, "--faults", "0-2", "--setpoint-moves", "1", "--format", format)
    shown, _ = finish(tmp_path / "one", *options, "--jobs", "1")
    assert shown == f"3 runs in {tmp_path / 'one'}, 0 of them tripped\n"
    finish(tmp_path / "two", *options, "--jobs", "2")
    files = content(tmp_path / "one")
    assert len(files) == 5
    assert files == content(tmp_path / "two")


def test_an_interrupted_command_goes_on_and_ends_alike(tmp_path):
    options = (*SHORT, "--faults", "1", "--runs", "9", "--jobs", "2")
    stopped = tmp_path / "stopped"
    process = start(stopped, *options)
    workers = workers_of(process, stopped, 2)
    os.killpg(process.pid, signal.SIGINT)
    begin = time.monotonic()
    out, errors = process.communicate(timeout=PATIENCE)
    assert time.monotonic() - begin < 3.0
    assert process.returncode == 130
    assert out == ""
    assert errors == (
        "opcua-ai-simulator: stopped: finished batches are kept; the same command goes on\n"
    )
    assert_gone(workers)
    assert 2 <= len(list(stopped.glob("runs/base*"))) < 9

    _, errors = finish(stopped, *options)
    assert "going on: " in errors and " of 5 batches are there\n" in errors
    finish(tmp_path / "whole", *options)
    assert content(stopped) == content(tmp_path / "whole")
    done, errors = finish(stopped, *options)
    assert done.startswith("9 runs in ") and errors == ""


def test_the_processes_end_with_a_killed_command(tmp_path):
    process = start(tmp_path / "out", *SHORT, "--runs", "9", "--jobs", "2")
    workers = workers_of(process, tmp_path / "out", 1)
    process.kill()
    process.communicate(timeout=PATIENCE)
    assert_gone(workers)


def test_a_trip_ends_its_file_and_stands_in_the_index(tmp_path):
    options = (*SHORT, "--faults", "0,4", "--magnitude", "20")
    shown, _ = finish(tmp_path / "out", *options)
    assert shown.endswith("1 of them tripped\n")
    with (tmp_path / "out" / "runs.csv").open(newline="") as stream:
        normal, tripped = csv.DictReader(stream)
    assert (normal["rows"], normal["trip"]) == ("12", "")
    assert (tripped["rows"], tripped["trip"]) == ("6", "reactor pressure above 3000 kPa")
    assert (tmp_path / "out" / tripped["file"]).is_file()


def test_ricker_control_starts_from_every_mode(tmp_path):
    options = (*SHORT, "--faults", "0", "--control", "ricker", "--start", "base,mode1,mode6")
    shown, _ = finish(tmp_path / "out", *options)
    assert shown.startswith("3 runs in ")


def test_errors_of_the_folder_are_one_line(tmp_path):
    out = tmp_path / "out"
    finish(out, *SHORT, "--faults", "0")
    shown, errors = finish(out, *SHORT, "--faults", "0", "--seed", "1", code=2)
    assert shown == ""
    assert errors == (
        f"opcua-ai-simulator: error: --out {out} was begun with --seed 0, not 1: go on with the "
        "same, or choose another folder\n"
    )
    (tmp_path / "file").write_text("")
    _, errors = finish(tmp_path / "file" / "out", *SHORT, code=2)
    assert errors.count("\n") == 1 and f"--out {tmp_path / 'file' / 'out'}: Not a dir" in errors


def test_a_full_disk_is_one_line_and_the_same_command_goes_on(tmp_path):
    options = (*SHORT, "--faults", "0")
    out = tmp_path / "out"
    _, errors = finish(out, *options, code=2, before="ulimit -f 8")
    assert errors == (
        f"opcua-ai-simulator: error: --out {out}: File too large: make room or choose another "
        "folder; the same command goes on\n"
    )
    finish(out, *options)
    assert [path.name for path in (out / "runs").iterdir()] == ["base-fault00-00000.parquet"]
