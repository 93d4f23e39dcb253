"""A source in a collector process, with a recording in place of a plant."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path

import numpy as np

from opcua_ai.collector import CollectedSource
from opcua_ai.core.types import Samples
from opcua_ai.windows.shared import StoreView
from tests.integration import watched

ROWS = 3

until = partial(watched.until, seconds=20)


class Rig:
    """One source that is run."""

    def __init__(self, source: CollectedSource) -> None:
        self.source = source
        self.got: list[Samples] = []
        self.running: asyncio.Task[None] | None = None

    async def start(self) -> None:
        await self.source.connect()
        count = len(self.source.tags)
        self.columns = np.arange(count)
        self.store: StoreView = self.source.feed.store(count, 0.2, ROWS)
        self.store.use(self.columns)
        self.running = asyncio.create_task(self.source.run(self.got.append))

    async def stop(self) -> None:
        await self.source.close()
        await self.source.close()
        if self.running is not None:
            await asyncio.wait_for(self.running, 5)


def table(folder: Path, columns: str, start: int = 0, name: str = "plant.csv") -> Path:
    """Ten rows a second, in which every column has its own thousand."""
    names = columns.split()
    lines = [",".join(["time", *names])]
    for row in range(start, start + 1000):
        values = (str(1000 * (1 + "abc".index(n)) + row % 1000) for n in names)
        lines.append(",".join([str(1e9 + row / 10), *values]))
    (folder / name).write_text("\n".join(lines), "utf-8")
    return folder / name


def thousands(rig: Rig) -> list[list[int]]:
    value = rig.store.window(rig.columns, 1).value
    return (value // 1000).astype(int).tolist()
