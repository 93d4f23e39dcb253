"""Progress of a training: a bar in a terminal, one plain line per epoch elsewhere."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


class Report(Protocol):
    """Called after each epoch with its number (from 1) and its figures."""

    def __call__(self, epoch: int, figures: dict[str, float]) -> None: ...


@contextmanager
def epochs_bar(console: Console, title: str, total: int, done: int) -> Generator[Report]:
    """Show ``total`` epochs of which ``done`` are finished."""
    if not console.is_terminal:

        def line(epoch: int, figures: dict[str, float]) -> None:
            console.print(f"{title}: epoch {epoch}/{total} {_text(figures)}", soft_wrap=True)

        yield line
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[figures]}"),
    )
    with Progress(*columns, console=console) as progress:
        task = progress.add_task(title, total=total, completed=done, figures="")

        def update(epoch: int, figures: dict[str, float]) -> None:
            progress.update(task, completed=epoch, figures=_text(figures))

        yield update


def _text(figures: dict[str, float]) -> str:
    return " ".join(f"{name} {value:.4g}" for name, value in figures.items())
