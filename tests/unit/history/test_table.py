"""The inputs as a table: for people, and for training."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow.parquet
import pytest

from opcua_ai import cli
from opcua_ai.core import status as codes
from opcua_ai.core.errors import ConfigError, DataError, HistoryError
from opcua_ai.history.reader import Reader
from opcua_ai.history.store import Store
from opcua_ai.history.table import INPUTS, by_browse_name, resample
from opcua_ai.training.config import load_config
from opcua_ai.training.data import load_data

S = 1_000_000_000
NOON = 1_700_049_600 * S


def iso(second: int) -> str:
    return datetime.fromtimestamp(NOON // S + second, UTC).isoformat()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Tag a: 1 at 0 s, 2 at 10 s, Bad from 20 s, 3 at 30 s. Tag b: 7 at -5 s, a minute of it."""
    made = tmp_path / "history"
    store = Store(made)
    a, b, _ = store.series([
        (f"{INPUTS}/plant/Line/a", "Double"), (f"{INPUTS}/plant/Line/b", "Double"),
        (f"{INPUTS}/other/x", "Double"),
    ])  # fmt: skip
    store.write([
        (a, NOON, 0, 1.0), (a, NOON + 10 * S, 0, 2.0), (b, NOON - 5 * S, 0, 7.0),
        (a, NOON + 20 * S, codes.BAD_NO_COMMUNICATION, None), (a, NOON + 30 * S, 0, 3.0),
    ])  # fmt: skip
    store.close()
    return made


def test_rows_hold_the_last_value(folder: Path) -> None:
    with Reader(folder) as reader:
        table = resample(reader, "plant", NOON - 5 * S, NOON + 40 * S, 5 * S)
    assert table.names == ("Line/a", "Line/b")
    n = np.nan
    np.testing.assert_array_equal(table.value[:, 0], [n, 1, 1, 2, 2, n, n, 3, 3])
    np.testing.assert_array_equal(table.value[:, 1], [7.0] * 9)


def test_a_row_before_everything_is_empty(folder: Path) -> None:
    with Reader(folder) as reader:
        table = resample(reader, "plant", NOON - 15 * S, NOON, 5 * S)
    n = np.nan
    np.testing.assert_array_equal(table.value, [[n, n], [n, n], [n, 7.0]])


@pytest.mark.parametrize(("first", "last"), [(-100, -90), (-100, -5), (31, 40)])
def test_a_time_outside_of_what_is_kept_is_refused(folder: Path, first: int, last: int) -> None:
    known = r"no values of 'plant' in that time: it has 2023-11-15T11:59:55\+00:00 to .*12:00:30"
    with Reader(folder) as reader, pytest.raises(DataError, match=known):
        resample(reader, "plant", NOON + first * S, NOON + last * S, 5 * S)


def test_a_source_without_values_is_said(folder: Path) -> None:
    with Reader(folder) as reader, pytest.raises(DataError, match="'other' has no values yet"):
        resample(reader, "other", NOON, NOON + S, S)


def test_an_unknown_source_is_named_with_the_known_ones(folder: Path) -> None:
    with Reader(folder) as reader, pytest.raises(DataError, match="'plnt'; known: other, plant"):
        resample(reader, "plnt", NOON, NOON + S, S)


def test_too_many_cells_are_refused_before_they_are_made(folder: Path) -> None:
    with Reader(folder) as reader, pytest.raises(DataError, match="choose a longer period"):
        resample(reader, "plant", NOON, NOON + 10**9 * S, S)


def test_a_browse_name_stands_for_its_path_while_it_is_the_only_one() -> None:
    columns = {"A/t": 0, "B/t": 1, "B/u": 2}
    assert by_browse_name(columns) == {**columns, "u": 2}


def test_info_lists_the_series(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["history", "info", str(folder)]) == 0
    lines = capsys.readouterr().out.splitlines()
    line = next(line for line in lines if "plant/Line/a" in line)
    assert line.split()[1:] == [
        "Double", "4", "2023-11-15", "12:00:00", "2023-11-15", "12:00:30",
    ]  # fmt: skip


def test_export_writes_what_training_and_the_recording_source_read(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "day.parquet"
    times = "--start", iso(0), "--end", iso(40), "--period", "10"
    assert cli.main(["history", "export", str(folder), "plant", *times, "-o", str(output)]) == 0
    assert "4 rows of 2 tags" in capsys.readouterr().out
    table = pyarrow.parquet.read_table(output).to_pydict()
    assert table["Line/a"] == [1.0, 2.0, None, 3.0]
    assert [moment.isoformat() for moment in table["time"]][1] == iso(10)


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        (["info", "nowhere"], "nowhere: there is no history.db: give the folder of the history"),
        (["info", "{folder}/history.db"], "there is no history.db: give the folder of the history"),
        (["export", "{folder}", "plant", "--start", iso(9), "--end", iso(1), "--period", "1",
          "-o", "x.csv"], "the end must come after the start"),
        (["export", "{folder}", "plant", "--start", iso(0), "--end", iso(1), "--period", "1",
          "-o", "x.txt"], "must be a .csv or .parquet file"),
    ],
)  # fmt: skip
def test_mistakes_of_the_command(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], wanted: str
) -> None:
    arguments = [argument.format(folder=folder) for argument in arguments]
    assert cli.main(["history", *arguments]) == 2
    assert wanted in capsys.readouterr().err


@pytest.mark.parametrize(
    ("option", "text", "wanted"),
    [
        ("--start", "yesterday", "'yesterday' is no time such as 2026-05-01T06:00Z"),
        ("--end", "2026-05-01", "has no time zone: add Z or +02:00"),
        ("--period", "often", "'often' is no number of seconds above 0"),
        ("--period", "nan", "'nan' is no number of seconds above 0"),
    ],
)
def test_mistyped_options(
    capsys: pytest.CaptureFixture[str], option: str, text: str, wanted: str
) -> None:
    with pytest.raises(SystemExit):
        cli.main(["history", "export", "history", "plant", option, text])
    assert wanted in capsys.readouterr().err


TRAIN = """
name = "cost"
version = "1.0.0"
task = "regression"
period_s = 10.0
rows = 2
[data]
file = "history"
{source}
[[runs]]
name = "morning"
use = "train"
start = {start}
end = {end}
[[runs]]
name = "noon"
use = "test"
start = {start}
end = {end}
[[inputs]]
name = "XMEAS(1)"
column = "a"
[regression]
target = "tep_cost"
"""


@pytest.fixture
def train(folder: Path) -> Callable[..., Path]:
    def write(source: str = 'source = "plant"', start: str = iso(0)) -> Path:
        path = folder.parent / "train.toml"
        path.write_text(TRAIN.format(source=source, start=start, end=iso(40)))
        return path

    return write


def test_training_reads_the_same_store(train: Callable[..., Path]) -> None:
    loaded = load_config(train())
    data = load_data(loaded)
    (run,) = data.of("train")
    np.testing.assert_array_equal(run.take(loaded.config.columns), [[1], [2], [np.nan], [3]])
    assert load_data(loaded).sha256 == data.sha256


def test_a_history_needs_a_source_and_times(train: Callable[..., Path]) -> None:
    with pytest.raises(DataError, match=r"data\.source: a history needs the name of a source"):
        load_data(load_config(train(source="")))
    with pytest.raises(ConfigError, match="start"):
        load_config(train(start="2023-11-15T12:00:00"))  # no time zone


@pytest.mark.parametrize("made", [Path.mkdir, Path.touch])
def test_with_a_source_the_data_is_a_history(
    train: Callable[..., Path], tmp_path: Path, made: Callable[[Path], None]
) -> None:
    made(tmp_path / "elsewhere")
    with pytest.raises(HistoryError, match=r"elsewhere: there is no history\.db: give the folder"):
        load_data(load_config(train()), tmp_path / "elsewhere")
