"""opcua-ai history: what a server has kept, also while it goes on writing."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opcua_ai.history.reader import Reader

_SECOND = 1_000_000_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    info = actions.add_parser("info", help="the kept series, with number and times of their values")
    export = actions.add_parser("export", help="the inputs of a source as a .csv or .parquet table")
    for action in (info, export):
        action.add_argument("folder", type=Path, help="history.folder of the configuration")
    export.add_argument("source", help="name of the source in the configuration")
    export.add_argument("--start", type=_moment, required=True, help="e.g. 2026-05-01T06:00+02:00")
    export.add_argument("--end", type=_moment, required=True)
    export.add_argument("--period", type=_period, required=True, metavar="S", help="between rows")
    export.add_argument("-o", "--output", type=Path, required=True, metavar="FILE")


def run(args: argparse.Namespace) -> int:
    from opcua_ai.history.reader import Reader

    with Reader(args.folder) as reader:
        if args.action == "info":
            _info(reader)
        else:
            _export(reader, args)
    return 0


def _moment(text: str) -> int:
    from opcua_ai.core.types import from_datetime

    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no time such as 2026-05-01T06:00Z") from None
    if moment.tzinfo is None:
        raise argparse.ArgumentTypeError(f"{text!r} has no time zone: add Z or +02:00")
    return from_datetime(moment.astimezone(UTC))


def _period(text: str) -> int:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < 1e9:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds above 0")
    return max(1, round(seconds * _SECOND))


def _info(reader: Reader) -> None:
    from rich.table import Table

    from opcua_ai.cli._terminal import table_console

    table = Table("series", "type", "values", "first", "last", box=None, pad_edge=False)
    table.columns[0].overflow = "fold"
    table.columns[2].justify = "right"
    for series in reader.all_series():
        span = reader.span(series)
        ends = [_shown(time) for time in span] if span else ["-", "-"]
        table.add_row(series.name, series.kind, str(reader.count(series)), *ends)
    table_console().print(table)


def _shown(time: int) -> str:
    from opcua_ai.core.types import to_datetime

    return to_datetime(time).strftime("%Y-%m-%d %H:%M:%S")


def _export(reader: Reader, args: argparse.Namespace) -> None:
    import pyarrow as pa
    from pyarrow import csv, parquet

    from opcua_ai.core.errors import DataError
    from opcua_ai.history.table import resample

    writers = {".csv": csv.write_csv, ".parquet": parquet.write_table}
    write = writers.get(args.output.suffix.lower())
    if write is None:
        raise DataError(f"{args.output}: must be a .csv or .parquet file")
    table = resample(reader, args.source, args.start, args.end, args.period)
    columns = {"time": pa.array(table.time, pa.timestamp("ns", tz="UTC"))}
    for at, name in enumerate(table.names):
        columns[name] = pa.array(table.value[:, at], from_pandas=True)
    try:
        write(pa.table(columns), args.output)
    except OSError as error:
        raise DataError(f"{args.output}: {error.strerror or error}") from error
    print(f"{args.output}: {len(table.time)} rows of {len(table.names)} tags")
