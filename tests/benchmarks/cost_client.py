"""One subscriber of the benchmark client-cost, in a process of its own.

``python -m tests.benchmarks.cost_client ours|handler|iterator URL SECONDS [WARM_UP]``, node ids on
standard input: our source up to a window store with every tag in use, or asyncua's client. Values
count upwards, so what is missing shows. Prints one line of JSON: values, lost, cpu_s, wall_s,
rss_mb, growth_mb.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import sys
import time

import numpy as np
import psutil
from asyncua import Client, ua

from opcua_ai.core.types import Samples
from opcua_ai.sources.opcua import Options, Source
from opcua_ai.windows.store import WindowStore

WARM_UP = 3.0
PERIOD_MS = 100.0
QUEUE = 20
FIRST_HANDLE = 201
"""asyncua's first client handle."""


class Tally:
    """What came since ``begin``: first and last value of each item, and how many values."""

    def __init__(self, count: int) -> None:
        self.values = 0
        self.last = np.zeros(count)
        self.begin()

    def begin(self) -> None:
        self.values, self._first, self._seen = 0, self.last.copy(), self.last > 0

    @property
    def lost(self) -> int:
        """Of the items that had a value at the beginning."""
        return int((self.last - self._first)[self._seen].sum()) - self.values


class Python(Tally):
    """asyncua's handler or iterator: one value at a time."""

    def __init__(self, count: int) -> None:
        super().__init__(count)
        self.last = [0.0] * count

    def begin(self) -> None:
        self.values, self._first = 0, list(self.last)

    @property
    def lost(self) -> int:
        pairs = zip(self.last, self._first, strict=True)
        return int(sum(last - first for last, first in pairs if first)) - self.values

    def datachange_notification(self, node: object, value: float, data) -> None:
        self.take(data.subscription_data.client_handle - FIRST_HANDLE, value)

    def take(self, item: int, value: float) -> None:
        self.values += 1
        self.last[item] = value


async def ours(url: str, nodes: list[str], seconds: float, warm_up: float) -> dict[str, float]:
    options = Options(
        endpoint=url, browse_root="Values", sampling_interval_ms=0, queue_size=QUEUE,
        publishing_interval_ms=PERIOD_MS, max_nodes=2 * len(nodes), timeout_s=30,
    )  # fmt: skip
    source = Source(options, "plant")
    await source.connect()
    store = WindowStore(len(nodes), 1.0, 60)
    store.use(np.arange(len(nodes)))
    tally = Tally(len(nodes))

    def sink(samples: Samples) -> None:
        tally.values += len(samples.column)
        tally.last[samples.column] = samples.value
        store.add(samples)

    task = asyncio.create_task(source.run(sink))
    try:
        return await watched(tally, seconds, warm_up)
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        await source.close()


async def theirs(
    url: str, nodes: list[str], seconds: float, warm_up: float, iterates: bool = False
) -> dict[str, float]:
    tally = Python(len(nodes))
    async with Client(url, timeout=30, watchdog_intervall=30) as client:
        subscription = await client.create_subscription(
            PERIOD_MS, None if iterates else tally, queue_maxsize=1_000_000
        )
        items = [client.get_node(ua.NodeId.from_string(node)) for node in nodes]
        for start in range(0, len(items), 1000):
            await subscription.subscribe_data_change(
                items[start : start + 1000], queuesize=QUEUE, sampling_interval=0.0
            )

        async def iterate() -> None:
            async for event in subscription:
                tally.take(event.data.subscription_data.client_handle - FIRST_HANDLE, event.value)

        task = asyncio.create_task(iterate()) if iterates else None
        result = await watched(tally, seconds, warm_up)
        if task is not None:
            task.cancel()
        with contextlib.suppress(ua.UaError, TimeoutError):
            await subscription.delete()
        return result


async def watched(tally: Tally, seconds: float, warm_up: float) -> dict[str, float]:
    while not tally.values:
        await asyncio.sleep(0.1)
    await asyncio.sleep(warm_up)
    memory = resident()
    tally.begin()
    cpu, wall = time.process_time(), time.monotonic()
    await asyncio.sleep(seconds)
    result = {
        "values": tally.values,
        "lost": tally.lost,
        "cpu_s": time.process_time() - cpu,
        "wall_s": time.monotonic() - wall,
    }
    return result | {"rss_mb": resident(), "growth_mb": resident() - memory}


def resident() -> float:
    gc.collect()
    return psutil.Process().memory_info().rss / 1e6


async def main(kind: str, url: str, seconds: float, warm_up: float = WARM_UP) -> None:
    nodes = sys.stdin.read().split()
    if kind == "ours":
        result = await ours(url, nodes, seconds, warm_up)
    else:
        result = await theirs(url, nodes, seconds, warm_up, iterates=kind == "iterator")
    print(json.dumps(result))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:3], *map(float, sys.argv[3:])))
