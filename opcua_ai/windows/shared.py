"""Window stores in memory that two processes share: a collector adds, the main process reads.

A sequence lock keeps them apart: the writer makes the sequence odd, writes, and makes it even; a
reader whose copy began and ended at the same even sequence has seen no half-written row. The writer
never waits.
"""

from __future__ import annotations

import mmap
import os
import tempfile
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

from opcua_ai.core import status as codes
from opcua_ai.core.types import Samples, Window
from opcua_ai.windows.arrays import Arrays, size
from opcua_ai.windows.store import WindowStore

SEQUENCE, VERSION, CLOCK, TICK, CLOSED, HEAD, BEHIND, BEHIND_KNOWN = range(8)
"""The counters at the begin of a store's memory."""
PATIENCE_S = 0.5
"""How long a reader waits for a writer that was interrupted while it wrote."""
RETRY_S = 0.0002

_fence = threading.Lock()


def _order() -> None:
    """What was written or read before is so for the other process too, before what comes after.

    x86 needs nothing; elsewhere taking and releasing a lock is the barrier that Python has.
    """
    with _fence:
        pass


class Memory:
    """Memory without a name, for stores of one collector: the kernel frees it when the last process
    that holds it has gone, however that ended."""

    def __init__(self, descriptor: int | None = None) -> None:
        self.descriptor = _anonymous() if descriptor is None else descriptor
        self._size = 0

    def reserve(self, count: int) -> int:
        """Make room for so many bytes, all zero. Returns their offset."""
        offset = self._size
        grain = mmap.ALLOCATIONGRANULARITY
        self._size += -(-count // grain) * grain
        os.ftruncate(self.descriptor, self._size)
        return offset

    def map(self, offset: int, count: int) -> mmap.mmap:
        return mmap.mmap(self.descriptor, count, offset=offset)

    def close(self) -> None:
        """What is mapped stays until it is let go of."""
        os.close(self.descriptor)


def _anonymous() -> int:
    if hasattr(os, "memfd_create"):
        return os.memfd_create("opcua-ai windows")
    with tempfile.TemporaryFile() as file:  # has no name either
        return os.dup(file.fileno())


class SharedStore(WindowStore):
    """What both sides have in common: the state that lies beside the arrays."""

    def _map(self, memory: Memory, offset: int) -> None:
        shape = self.columns, len(self._used), self.rows
        self._arrays = Arrays.on(memory.map(offset, size(*shape)), *shape)

    def _load(self) -> None:
        counters = self._arrays.counters
        self._version, self._clock, self._tick, self._closed, self._head, behind, known = counters[
            VERSION:
        ].tolist()
        self._behind = behind if known else None

    def _save(self) -> None:
        self._arrays.counters[VERSION:] = (
            self._version, self._clock, self._tick, self._closed, self._head,
            self._behind or 0, self._behind is not None,
        )  # fmt: skip

    @contextmanager
    def _writing(self) -> Generator[None]:
        counters = self._arrays.counters
        counters[SEQUENCE] |= 1
        _order()
        try:
            yield
        finally:
            self._save()
            _order()
            counters[SEQUENCE] += 1


class StoreWriter(SharedStore):
    """The collector's side, which continues what the collector before it has left."""

    def attach(self, memory: Memory, offset: int, used: NDArray[np.int64]) -> None:
        """``used`` are the columns that have a place, in the order of their places."""
        self._used = used
        self._place[used] = np.arange(len(used))
        self._map(memory, offset)
        self._load()

    def add(self, samples: Samples) -> None:
        with self._writing():
            super().add(samples)

    def close_settled(self) -> None:
        if self._settled():
            with self._writing():
                super().close_settled()


class StoreView(SharedStore):
    """The main process's side. Rows are added and closed by the collector."""

    def share(self, memory: Memory) -> int:
        """Move into shared memory, once all columns are in use. Returns the offset there."""
        before = self._arrays
        offset = memory.reserve(size(self.columns, len(self._used), self.rows))
        self._map(memory, offset)
        self._arrays.copy_from(before)
        self._before_loss = np.full(self.columns, codes.BAD_NO_COMMUNICATION, np.uint32)
        self._save()
        return offset

    @property
    def used(self) -> NDArray[np.int64]:
        """The columns that have a place, in the order of their places."""
        return self._used

    @property
    def version(self) -> int:
        return int(self._arrays.counters[VERSION])

    @property
    def filled(self) -> int:
        return int(self._arrays.counters[CLOSED])

    def add(self, samples: Samples) -> None:
        """Nothing: the collector has done so."""

    def close_settled(self) -> None:
        """Nothing: the collector does so."""

    def window(
        self, columns: NDArray[np.int64], rows: int, stale_after_s: float | None = None
    ) -> Window:
        """As in ``WindowStore``. When the collector hangs in the middle of a row, what the window
        holds is not known: every cell is BadNoCommunication."""

        def read() -> Window:
            self._load()
            return super(StoreView, self).window(columns, rows, stale_after_s)

        return self._consistent(read) or _unknown(rows, len(columns))

    def _consistent(self, read: Callable[[], Window]) -> Window | None:
        counters = self._arrays.counters
        give_up = time.monotonic() + PATIENCE_S
        while time.monotonic() < give_up:
            sequence = int(counters[SEQUENCE])
            if sequence % 2 == 0:
                _order()
                found = read()
                _order()
                if counters[SEQUENCE] == sequence:
                    return found
            time.sleep(RETRY_S)
        return None

    def lose(self) -> None:
        """The collector has gone: every tag is BadNoCommunication from now on. Where it was killed
        in the middle of a row, the windows begin again."""
        self._load()
        torn = bool(self._arrays.counters[SEQUENCE] % 2)
        with self._writing():
            if torn:
                self._arrays.forget_rows()
                self._arrays.forget_holds()
                self._restart()
            held = self._arrays.hold_status
            known = held != codes.BAD_NO_COMMUNICATION
            self._before_loss[known] = held[known]
            held[:] = codes.BAD_NO_COMMUNICATION
            self._version += 1

    def held(self) -> Samples:
        """After ``lose`` the last sample of each tag, as it was before; none where the windows have
        begun again, and before the first one."""
        arrays = self._arrays
        column = np.flatnonzero(arrays.hold_time).astype(np.int32)
        value, time = arrays.hold_value[column], arrays.hold_time[column]
        return Samples(column, value, self._before_loss[column], time)


def _unknown(rows: int, columns: int) -> Window:
    shape = rows, columns
    lost = np.full(shape, codes.BAD_NO_COMMUNICATION, np.uint32)
    return Window(np.full(shape, np.nan), lost, 0, 0, np.zeros(rows, np.bool_))
