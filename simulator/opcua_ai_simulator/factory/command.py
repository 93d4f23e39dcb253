"""``opcua-ai-simulator generate``: plans runs, has them simulated and says what came of it."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Console

from opcua_ai_simulator.errors import ConfigurationError
from opcua_ai_simulator.factory import pool
from opcua_ai_simulator.factory.folder import Folder
from opcua_ai_simulator.factory.plan import Run, chunks, plan
from opcua_ai_simulator.factory.progress import hours_bar
from opcua_ai_simulator.factory.settings import HOUR, Settings, from_options
from opcua_ai_simulator.factory.work import Work
from opcua_ai_simulator.plants.tennessee_eastman.controls import control

_MOST_MEMORY = 2 * 2**30  # bytes of one process's rows
_LARGEST_FRAME = 30_000  # bytes of a file beside its values


def generate(parsed: argparse.Namespace, notice: Callable[[str], None]) -> None:
    """Raises ConfigurationError, and KeyboardInterrupt once every process has ended."""
    try:
        _generate(parsed, notice)
    except OSError as error:
        raise ConfigurationError(
            f"--out {parsed.out}: {error.strerror or error}: make room or choose another folder; "
            "the same command goes on"
        ) from None


def _generate(parsed: argparse.Namespace, notice: Callable[[str], None]) -> None:
    settings = from_options(parsed)
    columns = 41 + 12 + len(control(settings.control, settings.start[0])[0](1).loops)
    _check_memory(settings, columns)
    runs = plan(settings)
    folder = Folder(Path(parsed.out), settings)
    folder.check()
    batches = chunks(runs, settings.batch)
    pending = [batch for batch in batches if not folder.holds(batch)]
    if parsed.dry_run:
        _describe(settings, runs, pending, columns)
        return
    folder.prepare(runs)
    if 0 < len(pending) < len(batches):
        notice(f"going on: {len(batches) - len(pending)} of {len(batches)} batches are there")
    _produce(folder, pending, parsed.jobs, notice)
    outcomes = folder.complete(runs)
    tripped = sum(bool(outcome["trip"]) for outcome in outcomes)
    print(f"{len(runs)} runs in {folder.path}, {tripped} of them tripped")


def _produce(
    folder: Folder,
    pending: Sequence[Sequence[Run]],
    jobs: int,
    notice: Callable[[str], None],
) -> None:
    if not pending:
        return
    settings = folder.settings
    total = settings.rows * settings.every * sum(map(len, pending))
    begin = time.monotonic()
    with hours_bar(Console(stderr=True), total) as look:
        pool.run(pending, Work(settings, folder), jobs, look)
    taken, hours = time.monotonic() - begin, total / HOUR
    notice(f"{hours:.1f} h simulated in {taken:.1f} s: {hours / taken:.1f} per second")


def _check_memory(settings: Settings, columns: int) -> None:
    plant = 4 * columns * settings.rows
    if plant * settings.batch > _MOST_MEMORY:
        raise ConfigurationError(
            f"--batch {settings.batch}: {settings.rows} rows of as many runs need "
            f"{plant * settings.batch / 2**30:.1f} GiB in each process: choose at most "
            f"{_MOST_MEMORY // plant}, or a larger --every"
        )


def _describe(
    settings: Settings, runs: Sequence[Run], pending: Sequence[Sequence[Run]], columns: int
) -> None:
    size = len(runs) * (_LARGEST_FRAME + settings.rows * (4 * columns + 7))
    print(f"runs             {len(runs)}")
    print(f"rows             {len(runs) * settings.rows}, {settings.rows} of each run")
    print(f"simulated hours  {len(runs) * settings.rows * settings.every / HOUR:g}")
    print(f"size             at most {size / 1e6:.1f} MB")
    print(f"batches to do    {len(pending)} of at most {settings.batch} runs")
