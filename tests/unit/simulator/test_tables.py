"""A user's CSV or Parquet file."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from opcua_ai_simulator.errors import ConfigurationError
from opcua_ai_simulator.tables import read_table


@pytest.fixture
def csv(tmp_path):
    def write(text, name="data.csv"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.mark.parametrize(
    "times",
    [
        ["2024-05-01T12:00:00", "2024-05-01T12:00:01", "2024-05-01T12:00:03"],
        ["2024-05-01 12:00:00+02:00", "2024-05-01 12:00:01+02:00", "2024-05-01 12:00:03+02:00"],
        ["2024-05-01T12:00:00.000Z", "2024-05-01T12:00:01.000Z", "2024-05-01T12:00:03.000Z"],
        ["1714564800", "1714564801", "1714564803"],
        ["1714564800000", "1714564801000", "1714564803000"],
        ["1714564800.0", "1714564801.0", "1714564803.0"],
        ["0", "1", "3"],
        ["12:00:00", "12:00:01", "12:00:03"],
    ],
)
def test_reads_every_way_to_write_time(csv, times):
    path = csv("Time,flow\n" + "".join(f"{time},{i}\n" for i, time in enumerate(times)))
    table = read_table(path, None)
    np.testing.assert_allclose(table.seconds, [0, 1, 3])
    np.testing.assert_array_equal(table.columns["flow"], [0, 1, 2])
    assert table.name == "data.csv"


def test_dates_are_a_day_apart(csv):
    table = read_table(csv("date,a\n2024-05-01,1\n2024-05-02,2\n"), None)
    np.testing.assert_array_equal(table.seconds, [0, 86400])


def test_keeps_fractions_of_a_second(csv):
    table = read_table(csv("time,a\n2024-05-01T12:00:00.25,1\n2024-05-01T12:00:00.5,2\n"), None)
    np.testing.assert_array_equal(table.seconds, [0, 0.25])


def test_empty_cells_are_nan_and_text_columns_are_reported(csv):
    path = csv(
        "t,flow,on,note,blank,Simulation\n0,1.5,true,ok,,1\n1,,false,bad,,2\n2,inf,true,,,3\n"
    )
    table = read_table(path, "t", reserved=("Simulation",))
    np.testing.assert_array_equal(table.columns["flow"], [1.5, np.nan, np.nan])
    np.testing.assert_array_equal(table.columns["on"], [1, 0, 1])
    assert list(table.columns) == ["flow", "on"]
    assert table.left_out == {
        "note": "it holds string, not numbers",
        "blank": "it is empty",
        "Simulation": "this name cannot be a tag; rename the column",
    }


def test_reads_semicolons_and_decimal_commas(csv):
    table = read_table(csv("time;a;b\n0;1,5;2\n1;2,25;3\n"), None)
    np.testing.assert_array_equal(table.columns["a"], [1.5, 2.25])
    points = read_table(csv("time;a\n0;1.5\n1;2.25\n"), None)
    np.testing.assert_array_equal(points.columns["a"], [1.5, 2.25])


def test_reads_parquet(tmp_path):
    start = datetime(2024, 5, 1, tzinfo=UTC)
    times = [start + timedelta(seconds=seconds) for seconds in (0, 1, 11)]
    path = tmp_path / "data.parquet"
    columns = {
        "when": pa.array(times, pa.timestamp("us", "UTC")),
        "level": pa.array([1, None, 3], pa.int32()),
        "name": pa.array(["a", "b", "c"]),
    }
    parquet.write_table(pa.table(columns), path)
    table = read_table(path, "when")
    np.testing.assert_array_equal(table.seconds, [0, 1, 11])
    np.testing.assert_array_equal(table.columns["level"], [1, np.nan, 3])
    assert list(table.left_out) == ["name"]


@pytest.mark.parametrize(
    ("text", "column", "words"),
    [
        ("", None, "is empty"),
        ("time,a\n", None, "has no rows"),
        ("x,a\n0,1\n", None, "Give --time-column one of 'x', 'a'"),
        ("time,date,a\n0,1,1\n", None, "which column is the time"),
        ("time,a\n0,1\n", "t", "no column 't': give --time-column one of 'time', 'a'"),
        ("time,a\n0,1\n2,1\n1,1\n", None, "'time' goes back in data row 3: sort"),
        ("time,a\n0,1\n1,1\n1,1\n", None, "'time' repeats the same time in data row 3: remove"),
        ("time,a\n0,1\n,1\n2,1\n", None, "'time' has no time in data row 2: fill"),
        ("time,a\n,1\n", None, "'time' has no time in data row 1"),
        ("time,a\nnoon,1\n", None, "'time' holds string: write ISO 8601"),
        ("time,a\ntrue,1\n", None, "'time' holds bool"),
        ("time,a,a\n0,1,2\n", None, "column 'a' occurs twice: rename"),
        ("time,a\n0,x\n", None, "no numeric column to play .columns: 'a'."),
        ("time\n0\n", None, "no numeric column to play .columns: none"),
        ("time,a\n0,1\n1,2,3\n", None, "cannot be read .*: repair the file"),
    ],
)
def test_every_mistake_names_the_file_and_the_cure(csv, text, column, words):
    with pytest.raises(ConfigurationError, match=words) as caught:
        read_table(csv(text), column)
    message = str(caught.value)
    assert "data.csv" in message
    assert "\n" not in message


def test_a_missing_or_foreign_file_is_named(tmp_path, csv):
    with pytest.raises(ConfigurationError, match=r"gone.csv: no such file"):
        read_table(tmp_path / "gone.csv", None)
    with pytest.raises(ConfigurationError, match=r"data.xlsx: not a .csv or .parquet file"):
        read_table(csv("x", "data.xlsx"), None)
    with pytest.raises(ConfigurationError, match=r"data.parquet: cannot be read"):
        read_table(csv("no parquet at all", "data.parquet"), None)
    latin = tmp_path / "latin.csv"
    latin.write_bytes("time,Füllstand\n0,1\n".encode("latin-1"))
    with pytest.raises(ConfigurationError, match=r"latin.csv: cannot be read"):
        read_table(latin, None)
