"""A cancellation that was overheard."""

from __future__ import annotations

import asyncio


def give_way() -> None:
    """Be cancelled after all: asyncua turns a cancellation that meets a breaking connection into
    an error of that connection."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
