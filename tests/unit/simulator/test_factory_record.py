"""The data factory: what is simulated and what stands in a file."""

from __future__ import annotations

import io
import json
from importlib import resources

import numpy as np
import pytest
from pyarrow import parquet

from opcua_ai_simulator.cli import _parser
from opcua_ai_simulator.factory import columns, files
from opcua_ai_simulator.factory.plan import plan
from opcua_ai_simulator.factory.produce import record
from opcua_ai_simulator.factory.settings import from_options


def simulated(*options: str):
    """(settings, runs, recording) of a short batch."""
    arguments = ["generate", "tennessee-eastman", "--out", "unused", "--batch", "4", *options]
    settings = from_options(_parser(arguments).parse_args(arguments))
    runs = plan(settings)
    return settings, runs, record(settings, runs)


def tables(*options: str):
    settings, runs, recording = simulated(*options)
    return [columns.table(recording, plant, run, settings.every) for plant, run in enumerate(runs)]


def test_a_run_does_not_depend_on_those_beside_it():
    short = ("--hours", "0.2", "--onset", "0.1", "--every", "60")
    _, _, alone = simulated("--faults", "4", *short)
    _, _, beside = simulated("--faults", "1,4", "--runs", "2", *short)
    np.testing.assert_array_equal(alone.values[:, :, 0], beside.values[:, :, 2])
    assert (beside.values[:, :, 0] != beside.values[:, :, 1]).any()


def test_the_label_begins_after_the_onset_and_the_fault_with_it():
    normal, faulty = tables("--faults", "0,4", "--hours", "0.2", "--onset", "0.1", "--no-noise")
    assert faulty["time_s"].tolist() == [180, 360, 540, 720]
    assert faulty["fault"].tolist() == [0, 0, 4, 4]
    assert normal["fault"].tolist() == [0, 0, 0, 0]
    water = faulty["XMEAS(21)"] - normal["XMEAS(21)"]
    assert abs(water[:2]).max() < 1e-6
    assert water[2] > 0.1


def test_a_run_ends_with_the_first_row_after_its_trip():
    settings, runs, recording = simulated(
        *("--faults", "0,4", "--hours", "0.2", "--onset", "0.05", "--magnitude", "20"),
        *("--every", "60"),
    )
    table = columns.table(recording, 1, runs[1], settings.every)
    assert table["tripped"].tolist() == [False] * 5 + [True]
    assert all(len(column) == 6 for column in table.values())
    about = columns.about(recording, 1, runs[1], settings)
    assert (about["rows"], about["trip"]) == (6, "reactor pressure above 3000 kPa")
    assert 300 < about["trip_h"] * 3600 <= 360
    assert columns.about(recording, 0, runs[0], settings)["trip_h"] is None


def test_a_setpoint_moves_as_planned():
    _, (run,), recording = simulated(
        *("--faults", "0", "--hours", "0.2", "--setpoint-moves", "2", "--every", "1"),
        *("--seed", "3"),
    )
    for move in run.moves:
        column = recording.values[:, 41 + 12 + move.loop, 0]
        before, end = column[move.begin - 2], column[move.begin + move.over - 1]
        assert before == np.float32(move.origin)
        assert end == np.float32(move.target)
    (ramp,) = [move for move in run.moves if move.over]
    half = recording.values[ramp.begin - 1 + ramp.over // 2, 41 + 12 + ramp.loop, 0]
    assert min(ramp.origin, ramp.target) < half < max(ramp.origin, ramp.target)


def test_the_published_file_comes_out_to_its_printed_digits():
    (table,) = tables(
        *("--faults", "5", "--seeds", "5658678765", "--generator", "original"),
        *("--hours", "0.5", "--onset", "0.49", "--batch", "1"),
    )
    shipped = resources.files("opcua_ai_simulator") / "recordings" / "tep_braatz.npz"
    with shipped.open("rb") as stream, np.load(stream) as npz:
        published = npz["d05_te"][:9].astype(float)
    own = np.stack([table[name] for name in list(table)[1:53]], axis=1)[:9].astype(float)
    unit = 10.0 ** (np.floor(np.log10(abs(published))) - 4)
    assert (abs(own - published) <= unit).all()


@pytest.mark.parametrize("format", ["parquet", "npz"])
def test_a_file_holds_the_columns_and_what_is_to_know(format, tmp_path):
    settings, runs, recording = simulated("--faults", "0", "--hours", "0.1")
    table = columns.table(recording, 0, runs[0], settings.every)
    about = columns.about(recording, 0, runs[0], settings)
    content = files.encode(format, table, about)
    assert content == files.encode(format, table, about)
    file = tmp_path / f"run.{format}"
    file.write_bytes(content)
    assert files.read_about(file) == json.loads(json.dumps(about))
    assert about["units"]["XMEAS(7)"] == "kPa"
    if format == "parquet":
        arrow = parquet.read_table(io.BytesIO(content))
        read = {name: arrow[name].to_numpy() for name in arrow.column_names}
    else:
        with np.load(io.BytesIO(content)) as npz:
            read = {name: npz[name] for name in npz.files if name != files.ABOUT}
    assert list(read) == list(table)
    for name, column in table.items():
        np.testing.assert_array_equal(read[name], column)
        assert read[name].dtype == column.dtype
    assert {"time_s", "XMEAS(1)", "XMV(12)", "ReactorLevel.SP", "fault", "tripped"} < set(read)
