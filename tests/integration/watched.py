"""A source under watch: what it delivers of a plant that counts upwards."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

from asyncua import ua

from opcua_ai.core import status
from opcua_ai.core.ports import SourceState
from opcua_ai.sources.opcua import Options, Source
from tests.integration.plant_server import Plant
from tests.integration.proxy import Proxy

FAST = {
    "kind": "opcua",
    "browse_root": "Plant/Line1",
    "include": ["*/Level"],
    "publishing_interval_ms": 20,
    "sampling_interval_ms": 0,
    "keep_alive_s": 0.5,
    "outage_s": 10,
    "timeout_s": 0.5,
    "reconnect_min_s": 0.05,
    "reconnect_max_s": 0.1,
}


class Seen:
    """A sink that keeps everything, live and filled samples apart."""

    def __init__(self) -> None:
        self.live: list[tuple[int, float, int, int]] = []
        self.filled: list[tuple[int, float, int, int]] = []

    def __call__(self, samples) -> None:
        arrays = (samples.column, samples.value, samples.status, samples.time)
        rows = zip(*(array.tolist() for array in arrays), strict=True)
        (self.filled if samples.filled else self.live).extend(rows)

    def values(self, column: int = 0) -> list[float]:
        """The Good ones of a live column, oldest first."""
        return [row[1] for row in self.live if row[0] == column and status.is_good(row[2])]

    @property
    def last(self) -> float:
        values = self.values()
        return values[-1] if values else -1.0


def without_repeats(values: list[float]) -> list[float]:
    """The sample that was in force before an outage is told once more after it."""
    return [
        value for value, before in zip(values, [None, *values], strict=False) if value != before
    ]


def upwards(first: float, last: float) -> list[float]:
    return [float(number) for number in range(int(first), int(last) + 1)]


def source(url: str, **options) -> Source:
    return Source(Options.model_validate({**FAST, "endpoint": url, **options}), "plant")


@asynccontextmanager
async def delivering(src: Source, sink):
    """Run a source in the background; nothing may be left of it afterwards."""
    before = asyncio.all_tasks()
    await src.connect()
    task = asyncio.create_task(src.run(sink))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await src.close()
        assert task.cancelled() or task.exception() is None
        assert not [t for t in asyncio.all_tasks() - before if "opcua_ai" in repr(t.get_coro())]


async def write(plant: Plant, name: str, number: float) -> None:
    now = datetime.now(UTC) + CLOCK.ahead
    await plant.write_data(name, ua.DataValue(ua.Variant(float(number)), SourceTimestamp=now))


CLOCK = SimpleNamespace(ahead=timedelta())
"""The plant's, compared with ours."""


@asynccontextmanager
async def counting(plant: Plant, name: str = "Level"):
    """A tag that counts upwards, one every few milliseconds."""

    async def count() -> None:
        number = 0
        while True:
            number += 1
            await write(plant, name, number)
            await asyncio.sleep(0.005)

    task = asyncio.create_task(count())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(condition, seconds: float = 10.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)


async def further(sink: Seen, count: int) -> None:
    """Wait for so many more values."""
    reached = sink.last
    await until(lambda: sink.last > reached + count)


async def lost_and_back(src: Source, proxy: Proxy, break_it) -> None:
    """One outage that the source notices."""
    before = src.stats.reconnects
    result = break_it()
    if result is not None:
        await result
    await until(lambda: src.state is SourceState.LOST)
    await asyncio.sleep(0.3)
    await proxy.restore()
    await until(lambda: src.stats.reconnects == before + 1)


async def set_value(plant: Plant, name: str, value: object, kind=None) -> None:
    node = plant.server.get_node(ua.NodeId(getattr(ua.ObjectIds, name)))
    await node.write_value(ua.DataValue(ua.Variant(value, kind)))
