"""What a person sees meanwhile: a bar in a terminal, a line now and then elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from opcua_ai_simulator.factory.settings import HOUR

_LINE_EVERY = 10.0  # s


@contextmanager
def hours_bar(console: Console, total: int) -> Generator[Callable[[int], None]]:
    """Yields what is to be called with the seconds simulated so far, of ``total``."""
    if not console.is_terminal:
        yield _Lines(console, total)
        return
    columns = (
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[text]}"),
        TimeRemainingColumn(),
    )
    begin = time.monotonic()
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("", total=total, text="")

        def show(seconds: int) -> None:
            text = _text(seconds, total, time.monotonic() - begin)
            progress.update(task, completed=seconds, text=text)

        yield show


class _Lines:
    def __init__(self, console: Console, total: int) -> None:
        self._console, self._total = console, total
        self._begin = self._last = time.monotonic()

    def __call__(self, seconds: int) -> None:
        now = time.monotonic()
        if now - self._last < _LINE_EVERY or seconds == 0:
            return
        self._last = now
        left = (now - self._begin) * (self._total / seconds - 1.0)
        text = _text(seconds, self._total, now - self._begin)
        self._console.print(
            f"{seconds / self._total:.0%}: {text}, {left:.0f} s left", soft_wrap=True
        )


def _text(seconds: int, total: int, taken: float) -> str:
    speed = seconds / HOUR / max(taken, 1e-9)
    return f"{seconds / HOUR:.0f} of {total / HOUR:.0f} simulated hours, {speed:.1f} per second"
