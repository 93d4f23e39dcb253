"""The inputs of a source as a table: one row a tick, sampled and held."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from opcua_ai.core import status as codes
from opcua_ai.core.errors import DataError
from opcua_ai.core.types import FloatArray, TimeArray, to_datetime, unescape_name
from opcua_ai.history.reader import Reader, Series

INPUTS = "AIAdvisory/History/Inputs"
"""Where the input tags of all sources stand in the server: ``<here>/<source>/<browse path>``."""
MAX_CELLS = 500_000_000


@dataclass(frozen=True, slots=True)
class Table:
    time: TimeArray
    names: tuple[str, ...]
    """Browse paths below the source."""
    value: FloatArray
    """[rows, names]; NaN where the tag was Bad or had not come yet."""


def inputs(reader: Reader, source: str) -> dict[str, Series]:
    """Browse path -> series. Raises DataError, naming the sources that are there."""
    prefix = f"{INPUTS}/"
    found: dict[str, dict[str, Series]] = {}
    for series in reader.all_series():
        if series.name.startswith(prefix):
            owner, _, path = series.name.removeprefix(prefix).partition("/")
            found.setdefault(owner, {})[path] = series
    if source not in found:
        known = ", ".join(found) or "none"
        raise DataError(f"{reader.path}: no inputs of a source {source!r}; known: {known}")
    return found[source]


def by_browse_name(paths: Mapping[str, int]) -> dict[str, int]:
    """Columns by browse path, and by the BrowseName at its end where only one path ends so."""
    ends = [unescape_name(path.rsplit("/", 1)[-1]) for path in paths]
    short = {
        end: column
        for end, column in zip(ends, paths.values(), strict=True)
        if ends.count(end) == 1
    }
    return short | dict(paths)


def resample(reader: Reader, source: str, first: int, last: int, period: int) -> Table:
    """Rows at ``first``, one ``period`` later and so on, before ``last``. Raises DataError, also
    where all of them lie outside of what is kept."""
    chosen = inputs(reader, source)
    rows = len(range(first, last, period))
    if not rows:
        raise DataError(f"{reader.path}: the end must come after the start")
    if rows * len(chosen) > MAX_CELLS:
        raise DataError(
            f"{reader.path}: {rows} rows of {len(chosen)} tags do not fit into memory: "
            "choose a longer period or a shorter time"
        )
    _check_reach(reader, source, chosen, first, last)
    time = np.arange(first, last, period, dtype=np.int64)
    value = np.full((len(time), len(chosen)), np.nan)
    for column, series in enumerate(chosen.values()):
        before = reader.neighbours(series, first, backward=True, bad=2**32, usable=1)
        start = before[0].time if before else first
        samples = reader.numbers(series, start, last)
        held = np.searchsorted(samples["time"], time, "right") - 1
        known = held >= 0
        good = samples["status"][held] < codes.BAD if len(samples) else known
        value[known & good, column] = samples["value"][held[known & good]]
    return Table(time, tuple(chosen), value)


def _check_reach(
    reader: Reader, source: str, chosen: Mapping[str, Series], first: int, last: int
) -> None:
    spans = [span for series in chosen.values() if (span := reader.span(series))]
    if not spans:
        raise DataError(f"{reader.path}: {source!r} has no values yet")
    oldest, newest = min(begin for begin, _ in spans), max(end for _, end in spans)
    if last <= oldest or first > newest:
        begin, end = (to_datetime(time).isoformat(timespec="seconds") for time in (oldest, newest))
        raise DataError(
            f"{reader.path}: no values of {source!r} in that time: it has {begin} to {end}"
        )
