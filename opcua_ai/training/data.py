"""Recorded runs: npz arrays, CSV and Parquet files read with pyarrow, or the server's history."""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

from opcua_ai.core.errors import DataError
from opcua_ai.core.types import NS, FloatArray, from_datetime
from opcua_ai.history.reader import Reader
from opcua_ai.history.store import FILE as HISTORY_FILE
from opcua_ai.history.table import by_browse_name, resample
from opcua_ai.training.config import NORMAL, LoadedConfig, RunSection


@dataclass(frozen=True, slots=True)
class Run:
    """One run with all its columns."""

    name: str
    use: str
    label: str
    onset: int
    columns: Mapping[str, int]
    """Column name -> index."""
    table: FloatArray
    """[rows, columns]"""

    def take(self, names: Sequence[str]) -> FloatArray:
        """[rows, names]. Raises DataError naming the run and the column."""
        missing = [n for n in names if n not in self.columns]
        if missing:
            raise DataError(
                f"run {self.name}: there is no column {missing[0]!r}; "
                f"there: {', '.join(list(self.columns)[:8])} ..."
            )
        return self.table[:, [self.columns[n] for n in names]]

    @property
    def faulty(self) -> bool:
        return self.label != NORMAL


@dataclass(frozen=True, slots=True)
class DataSet:
    """The runs of a configuration."""

    path: Path
    sha256: str
    runs: tuple[Run, ...]

    def of(self, use: str) -> tuple[Run, ...]:
        return tuple(r for r in self.runs if r.use == use)


def load_data(loaded: LoadedConfig, override: Path | None = None) -> DataSet:
    """Read the runs that the configuration lists, from ``override`` instead of its own file.

    Raises DataError naming the file and the run or column, also when no window fits into a run.
    """
    path = override if override is not None else find_data(loaded)
    if not path.exists():
        raise DataError(f"{path}: there is no such data file")
    config = loaded.config
    if config.data.source is not None or (path / HISTORY_FILE).exists():
        runs = _read_history(path, loaded)
        content = b"".join(run.table.tobytes() for run in runs)
    elif path.is_dir():
        runs = tuple(_read_table(path / r.name, r, config.data.time_column) for r in config.runs)
        content = b"".join((path / r.name).read_bytes() for r in config.runs)
    else:
        runs = _read_npz(path, loaded)
        content = path.read_bytes()
    for run in runs:
        if len(run.table) < config.rows:
            raise DataError(
                f"{path}: run {run.name}: {len(run.table)} rows; a window needs {config.rows}"
            )
    return DataSet(path, hashlib.sha256(content).hexdigest(), runs)


def find_data(loaded: LoadedConfig) -> Path:
    """The first place of ``data.file`` that exists. Raises DataError naming all of them."""
    home = loaded.path.resolve().parent
    for place in loaded.config.data.places:
        if place.startswith("package:"):
            bases, relative = _package_folder(place.removeprefix("package:"))
        else:
            bases, relative = [home, *home.parents, Path.cwd()], place
        for base in bases:
            if (base / relative).exists():
                return base / relative
    places = ", ".join(loaded.config.data.places)
    raise DataError(f"{loaded.path}: data.file: found nowhere: {places}; give it with --data FILE")


def _package_folder(place: str) -> tuple[list[Path], str]:
    """(folders of the package, path inside it); the package is not imported."""
    package, _, relative = place.partition("/")
    spec = importlib.util.find_spec(package)
    found = spec.submodule_search_locations if spec is not None else None
    return [Path(p) for p in found or ()], relative


def _read_npz(path: Path, loaded: LoadedConfig) -> tuple[Run, ...]:
    names = loaded.config.data.columns
    if not names:
        raise DataError(f"{loaded.path}: data.columns: an npz file needs its column names")
    columns = {name: i for i, name in enumerate(names)}
    runs: list[Run] = []
    try:
        with np.load(path, allow_pickle=False) as arrays:
            for run in loaded.config.runs:
                if run.name not in arrays.files:
                    raise DataError(f"{path}: there is no array {run.name!r}")
                table = np.asarray(arrays[run.name], np.float64)
                if table.ndim != 2 or table.shape[1] != len(names):
                    raise DataError(
                        f"{path}: array {run.name!r} has shape {table.shape}, expected rows x "
                        f"{len(names)} columns"
                    )
                runs.append(_run(run, columns, table))
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: not an npz file of numbers: {error}") from error
    return tuple(runs)


def _read_history(path: Path, loaded: LoadedConfig) -> tuple[Run, ...]:
    config = loaded.config
    if config.data.source is None:
        raise DataError(f"{loaded.path}: data.source: a history needs the name of a source")
    period = round(config.period_s * NS)
    runs: list[Run] = []
    with Reader(path) as reader:
        for run in config.runs:
            if run.start is None or run.end is None:
                raise DataError(
                    f"{loaded.path}: run {run.name}: in a history it needs start and end"
                )
            times = from_datetime(run.start), from_datetime(run.end)
            table = resample(reader, config.data.source, *times, period)
            paths = {name: column for column, name in enumerate(table.names)}
            runs.append(_run(run, by_browse_name(paths), table.value))
    return tuple(runs)


def _read_table(path: Path, run: RunSection, time_column: str | None) -> Run:
    try:
        if path.suffix.lower() == ".csv":
            table = pyarrow.csv.read_csv(path)
        elif path.suffix.lower() == ".parquet":
            table = pyarrow.parquet.read_table(path)
        else:
            raise DataError(f"{path}: a run is an array of an npz file, a .csv or a .parquet file")
    except (OSError, pa.ArrowInvalid) as error:
        raise DataError(f"{path}: cannot be read: {error}") from error
    if time_column is not None:
        if time_column not in table.column_names:
            raise DataError(f"{path}: there is no time column {time_column!r}")
        table = table.sort_by(time_column).drop_columns([time_column])
    numbers: list[FloatArray] = []
    for name in table.column_names:
        try:
            column = pc.fill_null(pc.cast(table[name], pa.float64()), float("nan"))
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise DataError(f"{path}: column {name!r} is not a number: {error}") from error
        numbers.append(np.asarray(column, np.float64))
    columns = {name: i for i, name in enumerate(table.column_names)}
    return _run(run, columns, np.column_stack(numbers))


def _run(run: RunSection, columns: Mapping[str, int], table: FloatArray) -> Run:
    if run.onset > len(table):
        raise DataError(f"run {run.name}: onset {run.onset} lies behind its {len(table)} rows")
    return Run(run.name, run.use, run.label, run.onset, columns, table)
