"""The data factory: options, the runs drawn from them, and the folder that keeps them."""

from __future__ import annotations

import dataclasses
import json

import pytest

from opcua_ai_simulator.cli import _parser, main
from opcua_ai_simulator.errors import ConfigurationError
from opcua_ai_simulator.factory import files
from opcua_ai_simulator.factory.folder import Folder
from opcua_ai_simulator.factory.plan import chunks, plan
from opcua_ai_simulator.factory.settings import from_options
from opcua_ai_simulator.plants.tennessee_eastman.decentralised import LOOPS

COMMAND = ("generate", "tennessee-eastman")


def settings(*options: str):
    arguments = [*COMMAND, "--out", "unused", *options]
    return from_options(_parser(arguments).parse_args(arguments))


def test_ranges_and_lists():
    chosen = settings("--faults", "3,0-2,2", "--onset", "1-10", "--magnitude", "0.5")
    assert chosen.faults == (0, 1, 2, 3)
    assert (chosen.onset, chosen.magnitude) == ((1.0, 10.0), (0.5, 0.5))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("--faults 0-30", "--faults: '0-30' names no fault: choose from 0 to 29"),
        ("--faults 5-3", "'5-3' names no fault"),
        ("--onset 10-1", "--onset: '10-1': write a number, or a range like 1-10"),
        ("--onset soon", "'soon': write a number"),
        ("--onset 48", "--onset 48 is not within --hours 48"),
        ("--magnitude 0-1", "--magnitude 0 is no fault"),
        ("--hours nan", "--hours nan is out of range"),
        ("--hours 0.01 --faults 0", "--every 180 is longer than --hours 0.01: choose at most 36 s"),
        ("--every 0.5", "--every: '0.5' is no whole number from 1 on"),
        ("--runs 0", "--runs: '0' is no whole number from 1 on"),
        ("--seeds 1,x", "--seeds: '1,x' is no list"),
        ("--seeds 1,2 --runs 2", "--runs and --seeds contradict each other"),
        ("--setpoint-range 0", "--setpoint-range 0 is out of range"),
        ("--start mode7", "no operating point is called 'mode7': of base, mode1"),
        ("--start mode1", "--start mode1 needs --control ricker"),
        ("--every 1", "--batch 256: 172800 rows of as many runs need 11.9 GiB"),
        (
            "--color red",
            "unknown option --color: see opcua-ai-simulator generate tennessee-eastman",
        ),
    ],
)
def test_a_wrong_option_is_one_line_that_names_it(tmp_path, capsys, options, words):
    out = tmp_path / "out"
    try:
        code = main([*COMMAND, "--out", str(out), *options.split()])
    except SystemExit as end:  # argparse
        code = end.code
    shown = capsys.readouterr().err
    assert code == 2
    assert words in shown
    assert shown.count("\n") == 1
    assert not out.exists()


def test_a_run_does_not_depend_on_which_others_there_are():
    few = plan(settings("--faults", "5", "--runs", "2", "--onset", "1-9", "--setpoint-moves", "3"))
    many = plan(
        settings("--faults", "0-9", "--runs", "3", "--onset", "1-9", "--setpoint-moves", "3")
    )
    assert set(few) < set(many)
    assert len({run.name for run in many}) == len({run.seed for run in many}) == 30
    assert few != plan(settings("--faults", "5", "--runs", "2", "--onset", "1-9", "--seed", "1"))


def test_what_is_drawn_stays_within_its_range():
    runs = plan(
        settings("--faults", "0-2", "--runs", "40", "--onset", "1-10", "--magnitude", "0.5-2")
    )
    faulty = [run for run in runs if run.fault]
    assert all(3600 <= run.onset <= 36000 and 0.5 <= run.magnitude <= 2 for run in faulty)
    assert len({run.onset for run in faulty}) > 70
    assert {(run.onset, run.magnitude) for run in runs if not run.fault} == {(None, 0.0)}


def test_setpoint_moves_follow_each_other_and_spare_the_slaves():
    runs = plan(settings("--faults", "0", "--runs", "20", "--setpoint-moves", "8"))
    for run in runs:
        assert len(run.moves) == 8
        ends = [0]
        for move in run.moves:
            loop = LOOPS[move.loop]
            assert loop.name == move.name
            assert loop.master is None
            assert loop.low <= move.target <= loop.high
            assert move.begin > ends[-1]
            ends.append(move.begin + move.over)
        assert ends[-1] <= 48 * 3600
    assert {move.over == 0 for run in runs for move in run.moves} == {True, False}


def test_a_move_begins_where_the_last_one_of_its_loop_ended():
    (run,) = plan(settings("--faults", "0", "--setpoint-moves", "60"))
    last: dict[str, float] = {}
    for move in run.moves:
        assert move.origin == last.get(move.name, move.origin)
        last[move.name] = move.target


def test_given_seeds_replace_the_drawn_ones():
    runs = plan(settings("--faults", "1-2", "--seeds", "7,9"))
    assert [(run.fault, run.seed) for run in runs] == [(1, 7), (1, 9), (2, 7), (2, 9)]


def test_a_batch_holds_runs_of_one_start_only():
    runs = plan(
        settings("--control", "ricker", "--start", "base,mode1", "--faults", "0", "--runs", "5")
    )
    sizes = [(chunk[0].start, len(chunk)) for chunk in chunks(runs, 3)]
    assert sizes == [("base", 3), ("base", 2), ("mode1", 3), ("mode1", 2)]
    assert [run for chunk in chunks(runs, 3) for run in chunk] == runs


def test_a_dry_run_says_how_much_it_would_be(tmp_path, capsys):
    out = tmp_path / "out"
    assert main([*COMMAND, "--out", str(out), "--runs", "20", "--dry-run"]) == 0
    shown = capsys.readouterr().out
    assert "runs             420\n" in shown
    assert "rows             403200, 960 of each run\n" in shown
    assert "simulated hours  20160\n" in shown
    assert "batches to do    2 of at most 256 runs\n" in shown
    assert not out.exists()


@pytest.fixture
def begun(tmp_path) -> Folder:
    folder = Folder(tmp_path / "out", settings("--faults", "0"))
    folder.prepare(plan(folder.settings))
    return folder


def test_the_same_settings_go_on_and_half_written_files_are_removed(begun):
    draft = begun.path / "runs" / ".base-fault00-00000.parquet.tmp"
    draft.write_bytes(b"half")
    begun.check()
    begun.prepare(plan(begun.settings))
    assert sorted(path.name for path in begun.path.rglob("*")) == ["plan.json", "runs", "runs.csv"]


def test_other_settings_are_refused_by_the_name_of_the_option(begun):
    other = Folder(begun.path, dataclasses.replace(begun.settings, setpoint_moves=3))
    with pytest.raises(ConfigurationError, match="was begun with --setpoint-moves 0, not 3: go on"):
        other.check()


def test_another_version_is_refused(begun):
    plan_file = begun.path / "plan.json"
    written = json.loads(plan_file.read_text())
    written["versions"]["numpy"] = "1.0"
    plan_file.write_text(json.dumps(written))
    with pytest.raises(ConfigurationError, match='was begun with numpy "1.0", not'):
        begun.check()


def test_a_damaged_plan_and_a_folder_of_other_things_are_refused(begun, tmp_path):
    (begun.path / "plan.json").write_text("{}")
    with pytest.raises(ConfigurationError, match="is no plan of this program"):
        begun.check()
    (tmp_path / "note.txt").write_text("mine")
    with pytest.raises(ConfigurationError, match="holds something else: choose a new"):
        Folder(tmp_path, begun.settings).check()


def test_a_file_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    file = tmp_path / "run.npz"
    files.write(file, b"old")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "replace", full)
    with pytest.raises(OSError, match="No space"):
        files.write(file, b"new")
    assert file.read_bytes() == b"old"
    files.clean(tmp_path)
    assert list(tmp_path.iterdir()) == [file]
