"""Runs from npz, CSV and Parquet; windows; splits."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from opcua_ai.core.errors import DataError
from opcua_ai.inference.manifest import OutputSpec
from opcua_ai.inference.preprocess import clean
from opcua_ai.inference.samples import sample_manifest, sample_windows
from opcua_ai.training.config import LoadedConfig, TrainConfig
from opcua_ai.training.data import load_data
from opcua_ai.training.examples import fault_examples
from opcua_ai.training.windows import blocks, cleaned, cut


def config(folder: Path, file: str, runs: list[dict], time_column: str | None = None):
    """A regression configuration over the columns A and B."""
    raw = {
        "name": "m", "version": "1.0.0", "task": "regression", "period_s": 1.0, "rows": 2,
        "data": {"file": file, "columns": ["A", "B"], "time_column": time_column},
        "runs": runs,
        "inputs": [{"name": "A"}, {"name": "B"}],
        "regression": {"target": "tep_cost"},
    }  # fmt: skip
    return LoadedConfig(TrainConfig.model_validate(raw), folder / "deep" / "train.toml", b"")


RUNS = [{"name": "r", "use": "train"}, {"name": "s", "use": "test", "onset": 1}]
TABLE = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])


def test_npz_is_found_upwards_of_the_configuration(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", r=TABLE, s=TABLE)
    data = load_data(config(tmp_path, "x.npz", RUNS))
    assert [r.name for r in data.of("train")] == ["r"]
    np.testing.assert_array_equal(data.runs[0].take(["B"])[:, 0], [2.0, 4.0, 6.0])
    assert len(data.sha256) == 64


def test_csv_and_parquet_are_sorted_by_time(tmp_path: Path) -> None:
    folder = tmp_path / "runs"
    folder.mkdir()
    (folder / "r.csv").write_text("when,A,B\n2,3,4\n1,1,2\n3,5,\n")
    table = pa.table({"when": [2, 1, 3], "A": [3, 1, 5], "B": [4.0, 2.0, None]})
    pq.write_table(table, folder / "s.parquet")
    runs = [{"name": "r.csv", "use": "train"}, {"name": "s.parquet", "use": "test"}]
    data = load_data(config(tmp_path, "runs", runs, "when"))
    expected = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, np.nan]])
    for run in data.runs:
        np.testing.assert_array_equal(run.take(["A", "B"]), expected)


def test_what_is_wrong_with_the_data_is_named(tmp_path: Path) -> None:
    loaded = config(tmp_path, "x.npz", RUNS)
    with pytest.raises(DataError, match=r"found nowhere: x\.npz"):
        load_data(loaded)
    with pytest.raises(DataError, match="no such data file"):
        load_data(loaded, tmp_path / "other.npz")
    np.savez(tmp_path / "x.npz", r=TABLE)
    with pytest.raises(DataError, match=r"x\.npz: there is no array 's'"):
        load_data(loaded)
    np.savez(tmp_path / "x.npz", r=TABLE, s=TABLE[:, :1])
    with pytest.raises(DataError, match=r"'s' has shape \(3, 1\)"):
        load_data(loaded)
    (tmp_path / "x.npz").write_bytes(b"rubbish")
    with pytest.raises(DataError, match="not an npz file"):
        load_data(loaded)
    np.savez(tmp_path / "x.npz", r=TABLE, s=TABLE)
    with pytest.raises(DataError, match="run r: there is no column 'C'"):
        load_data(loaded).runs[0].take(["C"])


def test_a_run_shorter_than_a_window_is_named(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", r=TABLE, s=TABLE[:1])
    with pytest.raises(DataError, match="run s: 1 rows; a window needs 2"):
        load_data(config(tmp_path, "x.npz", RUNS))


def test_a_text_column_and_a_missing_time_column_are_named(tmp_path: Path) -> None:
    folder = tmp_path / "runs"
    folder.mkdir()
    (folder / "r.csv").write_text("A,B\n1,on\n")
    runs = [{"name": "r.csv", "use": "train"}, {"name": "s.csv", "use": "test"}]
    with pytest.raises(DataError, match=r"r\.csv: column 'B' is not a number"):
        load_data(config(tmp_path, "runs", runs))
    with pytest.raises(DataError, match="no time column 'when'"):
        load_data(config(tmp_path, "runs", runs, "when"))


def test_cut_gives_every_window_and_none_when_too_short() -> None:
    found = cut(TABLE, 2)
    np.testing.assert_array_equal(found, [TABLE[:2], TABLE[1:]])
    assert cut(TABLE, 4).shape == (0, 4, 2)


def test_blocks_cover_everything_once() -> None:
    found = blocks(11, 3)
    assert sorted(i for b in found for i in range(b.start, b.stop)) == list(range(11))


def test_training_and_running_clean_alike() -> None:
    manifest = sample_manifest("linear", "regression", (OutputSpec(name="y", type="value"),))
    windows = sample_windows(manifest, count=3)
    value = np.stack([w.value for w in windows])
    running = clean(value, np.stack([w.status for w in windows]), manifest)
    np.testing.assert_array_equal(cleaned(value, manifest), running.scaled)


def test_training_and_validation_windows_share_no_row(tmp_path: Path) -> None:
    # each row carries its own number, so that a shared row would show
    table = np.arange(40.0)[:, None] * np.ones((1, 2))
    np.savez(tmp_path / "x.npz", r=table, s=table)
    runs = [{"name": "r", "use": "train", "label": "F"}, {"name": "s", "use": "test"}]
    data = load_data(config(tmp_path, "x.npz", runs))
    base = sample_manifest("linear", "fault", (OutputSpec(name="y", type="value"),))
    manifest = base.model_copy(update={"inputs": base.inputs[:2]})
    parts = [
        fault_examples(data.of("train"), manifest, ["F", "G"], ["A", "B"], part=p)
        for p in ((0.0, 0.75), (0.75, 1.0))
    ]
    rows = [set(e.windows[:, :, 0].ravel().round(6).tolist()) for e in parts]
    assert rows[0] and rows[1] and not rows[0] & rows[1]
    assert set(parts[0].classes.tolist()) == {0}
