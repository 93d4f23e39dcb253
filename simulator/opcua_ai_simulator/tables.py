"""Reads a user's CSV or Parquet file: one time column, numeric columns, everything else named.

Every failure is a ``ConfigurationError`` of one line that names the file, the column and the cure.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from opcua_ai_simulator.arrays import FloatArray
from opcua_ai_simulator.errors import ConfigurationError

TIME_NAMES = ("time", "timestamp", "datetime", "date")


@dataclass(frozen=True)
class Table:
    """A file's content.

    ``seconds`` is float64[rows], strictly increasing from 0. ``columns`` holds float64[rows] each,
    NaN where a cell is empty or infinite. ``left_out`` says why a column is not a tag.
    """

    name: str
    seconds: FloatArray
    columns: dict[str, FloatArray]
    left_out: dict[str, str]


def read_table(path: Path, time_column: str | None, reserved: Sequence[str] = ()) -> Table:
    """Read a file; columns called as in ``reserved`` are left out."""
    arrow = _read(path)
    names: list[str] = arrow.column_names
    _refuse_twins(path, names)
    if arrow.num_rows == 0:
        raise ConfigurationError(f"{path}: the file has no rows: choose one that holds data")
    time_name = _time_name(path, names, time_column)
    seconds = _seconds(path, time_name, arrow.column(time_name))
    columns: dict[str, FloatArray] = {}
    left_out: dict[str, str] = {}
    for name in names:
        if name == time_name:
            continue
        if name in reserved or not name.strip():
            left_out[name] = "this name cannot be a tag; rename the column"
            continue
        values = _numbers(arrow.column(name))
        if values is None:
            left_out[name] = f"it holds {arrow.column(name).type}, not numbers"
        elif np.isnan(values).all():
            left_out[name] = "it is empty"
        else:
            columns[name] = values
    if not columns:
        found = ", ".join(f"'{name}'" for name in left_out) or "none besides the time column"
        raise ConfigurationError(
            f"{path}: no numeric column to play (columns: {found}): add one column per tag"
        )
    return Table(path.name, seconds, columns, left_out)


def _read(path: Path) -> Any:
    readers: dict[str, Callable[[Path], Any]] = {".csv": _read_csv, ".parquet": _read_parquet}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise ConfigurationError(f"{path}: not a .csv or .parquet file: convert it to one of them")
    if not path.is_file():
        raise ConfigurationError(f"{path}: no such file: check the path given to --file")
    import pyarrow as pa

    try:
        return reader(path)
    except (pa.ArrowInvalid, pa.ArrowKeyError, UnicodeDecodeError, OSError) as error:
        cause = str(error).splitlines()[0]
        raise ConfigurationError(f"{path}: cannot be read ({cause}): repair the file") from None


def _read_csv(path: Path) -> Any:
    from pyarrow import csv

    with path.open(encoding="utf-8-sig") as stream:
        header, first = stream.readline(), stream.readline()
    if not header.strip():
        raise ConfigurationError(f"{path}: the file is empty: choose one that holds data")
    delimiter = max(",;\t", key=header.count)
    # A spreadsheet of a country with a decimal comma separates its columns with semicolons.
    comma = delimiter != "," and re.search(r"(^|[;\t])\s*-?\d+,\d+\s*($|[;\t])", first)
    return csv.read_csv(
        path,
        parse_options=csv.ParseOptions(delimiter=delimiter),
        convert_options=csv.ConvertOptions(decimal_point="," if comma else "."),
    )


def _read_parquet(path: Path) -> Any:
    from pyarrow import parquet

    return parquet.read_table(path)


def _refuse_twins(path: Path, names: list[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise ConfigurationError(f"{path}: column '{name}' occurs twice: rename one of them")


def _time_name(path: Path, names: list[str], asked: str | None) -> str:
    listed = ", ".join(f"'{name}'" for name in names)
    if asked is not None:
        if asked in names:
            return asked
        raise ConfigurationError(f"{path}: no column '{asked}': give --time-column one of {listed}")
    found = [name for name in names if name.strip().lower() in TIME_NAMES]
    if len(found) == 1:
        return found[0]
    raise ConfigurationError(
        f"{path}: which column is the time? Give --time-column one of {listed}"
    )


def _seconds(path: Path, name: str, column: Any) -> FloatArray:
    """float64[rows] from 0, strictly increasing."""
    times = _time_values(column)
    where = f"{path}: time column '{name}'"
    if times is None:
        raise ConfigurationError(
            f"{where} holds {column.type}: write ISO 8601 (2024-05-01T12:00:00) or seconds"
        )
    missing = np.flatnonzero(~np.isfinite(times))
    if len(missing):
        raise ConfigurationError(
            f"{where} has no time in data row {missing[0] + 1}: fill it in or remove the row"
        )
    wrong = np.flatnonzero(np.diff(times) <= 0)
    if len(wrong):
        row = int(wrong[0])
        if times[row + 1] == times[row]:
            raise ConfigurationError(
                f"{where} repeats the same time in data row {row + 2}: remove one of the rows"
            )
        raise ConfigurationError(
            f"{where} goes back in data row {row + 2}: sort the file by that column"
        )
    return times


def _time_values(column: Any) -> FloatArray | None:
    """Seconds after the first row, NaN where empty; None when the column holds no time."""
    import pyarrow as pa
    from pyarrow import compute

    kind = column.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return _iso_seconds(column.to_pylist())
    if pa.types.is_date(kind):
        column, kind = column.cast(pa.timestamp("ms")), pa.timestamp("ms")
    if pa.types.is_timestamp(kind) or pa.types.is_duration(kind) or pa.types.is_time(kind):
        unit = {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}[kind.unit]
        whole = column.cast(pa.int32() if pa.types.is_time32(kind) else pa.int64())
        start = next((tick for tick in whole.to_pylist() if tick is not None), 0)
        # Subtract while still integer: a float64 cannot hold nanoseconds since 1970.
        passed = compute.subtract(  # pyright: ignore[reportAttributeAccessIssue]
            whole.cast(pa.int64()), start
        )
        numbers = _numbers(passed)
        return None if numbers is None else numbers / unit
    numbers = None if pa.types.is_boolean(kind) else _numbers(column)
    return None if numbers is None else (numbers - numbers[0]) / _ticks_per_second(numbers[0])


def _ticks_per_second(first: float) -> float:
    """Seconds since 1970 stay below 1e11 until the year 5138; larger ones are ms, us or ns."""
    return next(
        (ticks for limit, ticks in ((1e17, 1e9), (1e14, 1e6), (1e11, 1e3)) if first > limit), 1
    )


def _iso_seconds(texts: list[str | None]) -> FloatArray | None:
    try:
        moments = [None if text is None else _utc(text) for text in texts]
    except ValueError:
        return None
    start = next((moment for moment in moments if moment is not None), None)
    if start is None:
        return None
    return np.array(
        [np.nan if moment is None else (moment - start).total_seconds() for moment in moments]
    )


def _utc(text: str) -> datetime:
    moment = datetime.fromisoformat(text.strip())
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _numbers(column: Any) -> FloatArray | None:
    """float64[rows], NaN for empty and infinite cells, booleans as 0 and 1; None for text."""
    import pyarrow as pa

    kind = column.type
    numeric = (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal, pa.types.is_boolean)
    if pa.types.is_null(kind):
        return np.full(len(column), np.nan)
    if not any(check(kind) for check in numeric):
        return None
    if pa.types.is_boolean(kind):
        column = column.cast(pa.int8())
    # Unsafe: an integer beyond 2**53 is rounded, as every float64 is.
    values = column.cast(pa.float64(), safe=False).to_numpy().astype(np.float64)
    return np.where(np.isfinite(values), values, np.nan)
