"""Windows: CPU time to take a thousand values, beside a store that sorts and copies every block.

10,000 tags in rows of a second, 400 blocks in four seconds of plant time. ``in order`` is what most
servers send; ``by tag`` are several values of each tag in a row, as their queues hold them;
``mixed`` needs the sort. ``shared`` is a store of a collector process.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from opcua_ai.core import status as codes
from opcua_ai.core.types import NS, FloatArray, Samples, StatusArray, TimeArray
from opcua_ai.windows.shared import Memory, StoreView, StoreWriter
from opcua_ai.windows.store import WindowStore

TAGS, ROWS, BLOCKS, ROUNDS = 10_000, 60, 400, 5
START = 1_700_000_000 * NS
STEP = 4 * NS // BLOCKS


class Sorting(WindowStore):
    """The plain way, as the store was written first."""

    def add(self, samples: Samples) -> None:
        newest = int(samples.time.max())
        order = np.argsort(samples.time, kind="stable")
        self._tick = self._tick or newest
        self._walk(
            samples.column[order], samples.value[order], samples.status[order], samples.time[order]
        )
        self._clock = max(self._clock, newest)
        self._version += 1

    def _hold(
        self, column: NDArray[np.int32], value: FloatArray, status: StatusArray, when: TimeArray
    ) -> None:
        held = self._arrays
        fresh = (when >= held.hold_time[column]) | (status == codes.BAD_NO_COMMUNICATION)
        column, value, status, when = column[fresh], value[fresh], status[fresh], when[fresh]
        held.hold_status[column] = status
        held.hold_time[column] = np.maximum(held.hold_time[column], when)
        usable = ~codes.bad_mask(status) & np.isfinite(value)
        held.hold_value[column[usable]] = value[usable]


def measured() -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = {}
    for size in (1000, 10_000):
        for order in ("in order", "by tag", "mixed"):
            blocks = _blocks(size, order)
            base = _cost(Sorting, blocks)
            kinds = (
                {"": WindowStore, ", shared": _shared} if order == "in order" else {"": WindowStore}
            )
            for kind, make in kinds.items():
                cost = _cost(make, blocks)
                found[f"{size} {order}{kind}"] = {
                    "cpu_ms_per_1000": cost,
                    "sorting_ms_per_1000": base,
                    "ratio": base / cost,
                }
    return found


def _blocks(size: int, order: str) -> list[Samples]:
    random = np.random.default_rng(0)
    blocks: list[Samples] = []
    for block in range(BLOCKS):
        spread = np.sort(random.integers(0, STEP, size))
        column = random.permutation(TAGS)[:size]
        if order == "by tag":
            column = np.repeat(column[: size // 5], 5)
            spread = np.tile(np.sort(random.integers(0, STEP, 5)), size // 5)
        elif order == "mixed":
            # a tag's newer value may stand before its older one
            column, spread = random.integers(0, TAGS, size), random.permutation(spread)
        blocks.append(
            Samples(
                column.astype(np.int32),
                random.random(size),
                np.zeros(size, np.uint32),
                START + block * STEP + spread,
            )
        )
    return blocks


def _cost(make: Callable[[int, float, int], WindowStore], blocks: list[Samples]) -> float:
    """CPU ms for a thousand values: the best of rounds."""
    best = float("inf")
    for _ in range(ROUNDS):
        store = make(TAGS, 1.0, ROWS)
        if not isinstance(store, StoreWriter):
            store.use(np.arange(TAGS))
        before = time.process_time()
        for block in blocks:
            store.add(block)
        best = min(best, time.process_time() - before)
    return best * 1e3 / (len(blocks) * len(blocks[0].time) / 1000)


def _shared(columns: int, period_s: float, rows: int) -> StoreWriter:
    memory, view = Memory(), StoreView(columns, period_s, rows)
    view.use(np.arange(columns))
    store = StoreWriter(columns, period_s, rows)
    store.attach(memory, view.share(memory), view.used)
    memory.close()
    return store
