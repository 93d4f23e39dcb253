"""The flags of ``generate``; imports nothing heavy, so that help is instant."""

from __future__ import annotations

import argparse
import math
import os
from typing import Any

from opcua_ai_simulator.plants._tennessee_eastman_tags import ALL_FAULTS

FAULTS = len(ALL_FAULTS)  # 0 is normal operation


def add_options(parser: argparse.ArgumentParser) -> None:
    """Their names are the fields of ``settings.Settings``, besides out, jobs and dry-run."""
    _add_runs(parser)
    _add_plant(parser)
    _add_files(parser)


def _add_runs(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("runs")
    _option(group, "--faults", _faults, tuple(range(21)), "LIST", "like 0-20,28; default 0-20")
    _option(group, "--runs", _positive, 1, "N", "of each fault and start, default 1")
    _option(
        group,
        "--onset",
        _span,
        (8.0, 8.0),
        "HOURS",
        "of the fault, or a range like 1-10; default 8",
    )
    _option(
        group,
        "--magnitude",
        _span,
        (1.0, 1.0),
        "SIZE",
        "of the fault, or a range like 0.5-2; default 1, as published",
    )
    _option(group, "--hours", float, 48.0, "HOURS", "length of a run, default 48")
    _option(
        group,
        "--setpoint-moves",
        _count,
        0,
        "N",
        "of setpoints in a run, steps and ramps; default 0",
    )
    _option(
        group,
        "--setpoint-range",
        float,
        2.0,
        "PERCENT",
        "of the loop's range, how far a move may lead from the start; default 2",
    )
    _option(group, "--seed", _count, 0, "N", "of all that is drawn, default 0")
    _option(
        group,
        "--seeds",
        _seeds,
        (),
        "LIST",
        "seeds of the plants instead of drawn ones, one run of each fault and start a seed",
    )


def _add_plant(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("plant")
    group.add_argument(
        "--control",
        choices=("decentralised", "ricker"),
        default="decentralised",
        help="that of the published data files (default), or Ricker's, which holds all modes",
    )
    _option(group, "--start", _names, ("base",), "LIST", "of base, mode1 .. mode6; default base")
    group.add_argument(
        "--noise",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="of the measurements, default on",
    )
    group.add_argument(
        "--generator",
        choices=("numpy", "original"),
        default="numpy",
        help="of noise and disturbances; original: as in the published data files",
    )


def _add_files(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("files")
    group.add_argument("--out", required=True, metavar="DIR", help="folder, made when missing")
    _option(group, "--every", _positive, 180, "SECONDS", "from row to row, default 180")
    group.add_argument(
        "--format", choices=("parquet", "npz"), default="parquet", help="default parquet"
    )
    _option(group, "--batch", _positive, 256, "N", "runs simulated together, default 256")
    _option(group, "--jobs", _positive, os.cpu_count() or 1, "N", "processes, default one a core")
    group.add_argument(
        "--dry-run", action="store_true", help="say what would be written, and write nothing"
    )


def _option(group: Any, flag: str, kind: Any, default: Any, metavar: str, text: str) -> None:
    group.add_argument(flag, type=kind, default=default, metavar=metavar, help=text)


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"'{text}' is no whole number from 0 on")
    return int(text)


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"'{text}' is no whole number from 1 on")
    return int(text)


def _names(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text.split(",")))


def _faults(text: str) -> tuple[int, ...]:
    """``0-2,5`` as (0, 1, 2, 5)."""
    found: set[int] = set()
    for part in text.split(","):
        first, _, last = part.partition("-")
        last = last or first
        if not (first.isdecimal() and last.isdecimal() and int(first) <= int(last) < FAULTS):
            raise argparse.ArgumentTypeError(
                f"'{part}' names no fault: choose from 0 to {FAULTS - 1}, like 0-20,28"
            )
        found.update(range(int(first), int(last) + 1))
    return tuple(sorted(found))


def _seeds(text: str) -> tuple[int, ...]:
    parts = text.split(",")
    if not all(part.isdecimal() and 0 < int(part) < 2**53 for part in parts):
        raise argparse.ArgumentTypeError(f"'{text}' is no list of whole numbers from 1 on")
    return tuple(int(part) for part in parts)


def _span(text: str) -> tuple[float, float]:
    """``1-10`` as (1, 10), ``8`` as (8, 8)."""
    first, _, last = text.partition("-")
    try:
        low, high = float(first), float(last or first)
    except ValueError:
        low, high = math.nan, math.nan
    if not 0.0 <= low <= high < math.inf:
        raise argparse.ArgumentTypeError(f"'{text}': write a number, or a range like 1-10")
    return low, high
