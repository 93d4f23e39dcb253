"""Playing shipped recordings and tables."""

from pathlib import Path

import numpy as np
import pytest

from opcua_ai_simulator.errors import ConfigurationError, OutOfRangeError
from opcua_ai_simulator.plants.recording import (
    FileRecording,
    Options,
    TennesseeEastmanRecording,
    build,
)
from opcua_ai_simulator.tables import Table

ORIGINAL = Path("/work/shared/data/tep_braatz/tep_braatz.npz")


def controls(plant):
    return {control.name: control.read() for control in plant.controls}


def command(plant, name):
    return next(command.run for command in plant.commands if command.name == name)


def silent(_text):
    raise AssertionError("no notice expected")


@pytest.mark.skipif(not ORIGINAL.exists(), reason="the original data is not on this machine")
def test_shipped_recordings_equal_the_published_numbers_exactly():
    with np.load(ORIGINAL) as original:
        for name in original.files:
            plant = TennesseeEastmanRecording(name)
            rows = np.array([plant.step() for _ in range(controls(plant)["Rows"])])
            np.testing.assert_array_equal(rows, original[name])


def test_plays_rows_in_order_and_starts_again():
    plant = TennesseeEastmanRecording("d05_te", start_row=958)
    last = [plant.step() for _ in range(3)]
    assert controls(plant)["Row"] == 0
    again = TennesseeEastmanRecording("d05_te")
    np.testing.assert_array_equal(last[2], again.step())
    assert plant.period == 180
    np.testing.assert_array_equal(again.step(), plant.step())


@pytest.mark.parametrize(
    ("name", "fault", "rows", "onset"),
    [("d00", 0, 500, -1), ("d00_te", 0, 960, -1), ("d05", 5, 480, 0), ("d21_te", 21, 960, 160)],
)
def test_controls_tell_what_plays(name, fault, rows, onset):
    plant = TennesseeEastmanRecording(name)
    shown = controls(plant)
    assert shown["Recording"] == name
    assert (shown["Fault"], shown["Rows"], shown["OnsetRow"]) == (fault, rows, onset)
    assert plant.label == f"recording {name}"


def test_selecting_a_fault_shows_with_the_next_row():
    plant = TennesseeEastmanRecording("d00_te")
    before = plant.step()
    command(plant, "SelectFault")(5, 160)
    assert controls(plant)["Recording"] == "d05_te"
    expected = TennesseeEastmanRecording("d05_te", start_row=160).step()
    shown = plant.step()
    np.testing.assert_array_equal(shown, expected)
    assert not np.array_equal(shown, before)
    assert controls(plant)["Row"] == 160


def test_restart_goes_to_row_0():
    plant = TennesseeEastmanRecording("d01", start_row=100)
    plant.step()
    command(plant, "Restart")()
    plant.step()
    assert controls(plant)["Row"] == 0


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("SelectFault", (22, 0)),
        ("SelectFault", (-1, 0)),
        ("SelectFault", (5, 960)),
        ("SelectRecording", ("d99", 0)),
        ("SelectRecording", ("d05", 480)),
    ],
)
def test_a_wrong_selection_changes_nothing(name, arguments):
    plant = TennesseeEastmanRecording("d02_te", start_row=7)
    shown = controls(plant)
    with pytest.raises(OutOfRangeError):
        command(plant, name)(*arguments)
    assert controls(plant) == shown
    with pytest.raises(OutOfRangeError):
        plant.write("XMEAS(1)", 1.0)


def test_a_table_keeps_its_own_time_steps_and_gets_ranges_with_margin():
    seconds = np.array([0.0, 1.0, 3.0, 13.0])
    columns = {"flow": np.array([1.0, 2.0, np.nan, 3.0]), "level": np.full(4, 5.0)}
    plant = FileRecording(Table("pump.csv", seconds, columns, {}))
    plant.step()
    periods = []
    for _ in range(4):
        periods.append(plant.period)
        plant.step()
    assert periods == [1.0, 2.0, 10.0, 2.0]  # the way back takes the median
    flow, level = plant.tags
    assert (flow.path, flow.low, flow.high) == ("flow", 0.8, 3.2)
    assert level.low < 5 < level.high
    assert controls(plant) == {"Recording": "pump.csv", "Row": 0, "Rows": 4}


def test_one_row_repeats_every_second():
    plant = FileRecording(Table("one.csv", np.zeros(1), {"a": np.zeros(1)}, {}))
    plant.step()
    assert plant.period == 1.0


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (Options(fault=3, recording="d03"), "--fault and --recording"),
        (Options(fault=22), "choose 0 to 21"),
        (Options(recording="d05te"), "d00_te .. d21_te"),
        (Options(start_row=960), "choose 0 to 959"),
        (Options(time_column="t"), "--file"),
        (Options(fault=1, file=Path("x.csv")), "--file excludes"),
    ],
)
def test_wrong_options_say_what_to_do(options, words):
    with pytest.raises(ConfigurationError, match=words):
        build(options, silent)


@pytest.mark.parametrize(
    ("options", "name"),
    [(Options(), "d00_te"), (Options(fault=5), "d05_te"), (Options(recording="d05"), "d05")],
)
def test_options_choose_the_recording(options, name):
    (plant,) = build(options, silent)
    assert plant.label == f"recording {name}"


def test_the_rows_stay_as_far_apart_as_recorded_whatever_the_speed():
    plant = TennesseeEastmanRecording()
    plant.follow(2000)
    assert plant.period == 180
