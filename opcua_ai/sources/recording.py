"""A recorded table, played back: for tests and for trials without a plant.

    [sources.history]
    kind = "recording"
    file = "line1.parquet"
    time_column = "time"

One column holds the time (timestamps, or seconds as numbers), every other numeric column is a tag.
Empty cells are played as Bad.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from opcua_ai.core import status
from opcua_ai.core.config import FilePath, SourceOptions
from opcua_ai.core.errors import DataError
from opcua_ai.core.ports import Retagged, Sink, SourceState, SourceStats
from opcua_ai.core.types import NS, FloatArray, Samples, Tag, TimeArray

if TYPE_CHECKING:
    import pyarrow as pa


class Options(SourceOptions):
    """A table ``[sources.<name>]`` with ``kind = "recording"``."""

    kind: Literal["recording"] = "recording"
    file: FilePath
    """A ``.csv`` file with a header line, or a ``.parquet`` file."""
    time_column: str = "time"
    speed: float = Field(default=1.0, gt=0)
    """Recorded seconds per second; ``inf`` plays without waiting."""
    repeat: bool = False
    """Begin again at the end, with times that go on; otherwise every tag ends as BadNoData."""
    simulated: ClassVar[bool] = True
    """What is played again does not come from a running plant."""


EXAMPLE = {"kind": "recording", "file": "no-such-file.csv"}
"""For the contract test: a source that cannot be read."""


def sample_options(folder: Path) -> dict[str, Any]:
    """For the contract test: a source that needs no plant."""
    (folder / "sample.csv").write_text("time,a,b\n1,1.5,\n2,2.5,7\n", "utf-8")
    return {"kind": "recording", "file": folder / "sample.csv", "speed": 100}


class Source:
    """Implements ``core.ports.Source``."""

    def __init__(self, options: Options, name: str) -> None:
        self.options = options
        self.name = name
        self.state = SourceState.STOPPED
        self.stats = SourceStats()
        self.tags: Sequence[Tag] = ()
        self._time: TimeArray = np.empty(0, np.int64)
        self._value: FloatArray = np.empty((0, 0))

    async def connect(self) -> None:
        """Read the file. Raises DataError naming file and column."""
        self.state = SourceState.CONNECTING
        try:
            names, self._time, self._value = await asyncio.to_thread(_read, self.options)
        except BaseException:
            self.state = SourceState.STOPPED
            raise
        self.tags = tuple(Tag(path=name, node_id=name, display_name=name) for name in names)

    async def run(self, sink: Sink) -> None:
        """Play until the end, then wait; a plant whose recording is over is silent, not gone."""
        if not self.tags:
            await self.connect()
        self.state = SourceState.RUNNING
        shift = 0
        while True:
            await self._play(sink, shift)
            shift += int(self._time[-1] - self._time[0]) + self._step()
            if not self.options.repeat:
                break
        self._emit(sink, int(self._time[-1]), np.full(len(self.tags), np.nan), status.BAD_NO_DATA)
        await asyncio.Event().wait()

    async def reconfigure(self, options: Options, retagged: Retagged) -> bool:
        """Never: another file, or another way through it, is another source."""
        return False

    async def close(self) -> None:
        """Nothing is open between reads."""
        self.state = SourceState.STOPPED

    async def _play(self, sink: Sink, shift: int) -> None:
        loop = asyncio.get_running_loop()
        begin = loop.time()
        for row, moment in enumerate(self._time):
            due = begin + float(moment - self._time[0]) / NS / self.options.speed
            await asyncio.sleep(max(0.0, due - loop.time()))
            self._emit(sink, int(moment) + shift, self._value[row], status.BAD_NO_DATA)

    def _emit(self, sink: Sink, moment: int, value: FloatArray, empty: int) -> None:
        states = np.where(np.isnan(value), np.uint32(empty), np.uint32(status.GOOD))
        columns = np.arange(len(value), dtype=np.int32)
        self.stats.values += len(value)
        sink(Samples(columns, value.copy(), states, np.full(len(value), moment, np.int64)))

    def _step(self) -> int:
        return int(np.median(np.diff(self._time))) if len(self._time) > 1 else NS


def _read(options: Options) -> tuple[list[str], TimeArray, FloatArray]:
    """Tag names, times in ns, values [rows, tags]. Runs in a thread."""
    table = _table(options)
    if options.time_column not in table.column_names:
        known = ", ".join(table.column_names[:8])
        raise DataError(f"{options.file}: no column {options.time_column!r}; there is: {known}")
    time = _times(options, table.column(options.time_column))
    columns = {
        name: _numbers(table.column(name))
        for name in table.column_names
        if name != options.time_column
    }
    numeric = {name: values for name, values in columns.items() if values is not None}
    if not numeric or not len(time):
        raise DataError(f"{options.file}: no rows of numbers beside {options.time_column!r}")
    order = np.argsort(time, kind="stable")
    return list(numeric), time[order], np.stack(list(numeric.values()), axis=1)[order]


def _table(options: Options) -> pa.Table:
    import pyarrow as pa
    from pyarrow import csv, parquet

    try:
        if options.file.suffix == ".csv":
            return csv.read_csv(options.file)
        if options.file.suffix == ".parquet":
            return parquet.read_table(options.file)
    except FileNotFoundError as error:
        raise DataError(f"{options.file}: no such file") from error
    except (OSError, pa.ArrowException) as error:
        raise DataError(f"{options.file}: {str(error).splitlines()[0]}") from error
    raise DataError(f"{options.file}: must be a .csv or .parquet file")


def _times(options: Options, column: Any) -> TimeArray:
    import pyarrow as pa

    if column.null_count:
        raise DataError(f"{options.file}: column {options.time_column!r} has empty cells")
    if pa.types.is_temporal(column.type):
        return column.cast(pa.timestamp("ns")).to_numpy().astype(np.int64)
    if pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
        return np.rint(column.to_numpy() * 1e9).astype(np.int64)
    raise DataError(f"{options.file}: column {options.time_column!r} holds no times")


def _numbers(column: Any) -> FloatArray | None:
    """Empty cells become NaN; None for a column that holds no numbers."""
    import pyarrow as pa

    kind = column.type
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)):
        return None
    return column.cast(pa.float64()).to_numpy().astype(np.float64)
