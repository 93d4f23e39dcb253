"""The arrays of a window store, in memory of their own or in a given buffer."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from opcua_ai.core import status as codes
from opcua_ai.core.types import FloatArray, StatusArray, TimeArray

COUNTERS = 8
"""int64 at the begin of a shared buffer; ``windows.shared`` says what each means."""


@dataclass(slots=True)
class Arrays:
    """What each tag holds now, and the ring of closed rows for the tags that are in use."""

    counters: NDArray[np.int64]
    hold_value: FloatArray
    """[columns]; the last usable value, whatever the status says."""
    hold_status: StatusArray
    hold_time: TimeArray
    value: FloatArray
    """[rows, places + 1], a ring: the store knows where the oldest row is. The last place is left
    blank: it is what tags without a place read."""
    status: StatusArray
    time: TimeArray
    """SourceTimestamp of the sample that was held."""
    filled: NDArray[np.bool_]
    """Cells whose value was read from the source's history."""

    @classmethod
    def on(cls, buffer: Any, columns: int, places: int, rows: int) -> Arrays:
        """Views on a buffer of ``size`` bytes; its contents stay as they are."""
        views: list[NDArray[Any]] = []
        offset = 0
        for kind, shape in _layout(columns, places, rows):
            views.append(np.ndarray(shape, kind, buffer, offset))
            offset += _bytes(kind, shape)
        return cls(*views)

    @classmethod
    def blank(cls, columns: int, places: int, rows: int) -> Arrays:
        """In memory of their own, before the first sample."""
        arrays = cls.on(bytearray(size(columns, places, rows)), columns, places, rows)
        arrays.forget_holds()
        arrays.forget_rows()
        return arrays

    def forget_holds(self) -> None:
        self.hold_value[:] = np.nan
        self.hold_status[:] = codes.BAD_WAITING_FOR_INITIAL_DATA
        self.hold_time[:] = 0

    def forget_rows(self) -> None:
        self.value[:] = np.nan
        self.status[:] = codes.BAD_WAITING_FOR_INITIAL_DATA
        self.time[:] = 0
        self.filled[:] = False

    def copy_from(self, other: Arrays) -> None:
        """Take over what a store of at most as many columns and places has."""
        for name in ("hold_value", "hold_status", "hold_time"):
            source = getattr(other, name)
            getattr(self, name)[: len(source)] = source
        for name in ("value", "status", "time", "filled"):
            source = getattr(other, name)
            getattr(self, name)[:, : source.shape[1]] = source


def size(columns: int, places: int, rows: int) -> int:
    """Bytes that the arrays need."""
    return sum(_bytes(kind, shape) for kind, shape in _layout(columns, places, rows))


def _layout(columns: int, places: int, rows: int) -> list[tuple[DTypeLike, tuple[int, ...]]]:
    """In the order of the fields."""
    held, ring = (columns,), (rows, places + 1)
    return [
        (np.int64, (COUNTERS,)),
        (np.float64, held),
        (np.uint32, held),
        (np.int64, held),
        (np.float64, ring),
        (np.uint32, ring),
        (np.int64, ring),
        (np.bool_, ring),
    ]


def _bytes(kind: DTypeLike, shape: tuple[int, ...]) -> int:
    """Rounded up, so that every array begins at a multiple of 64 (a cache line)."""
    return -(-math.prod(shape) * np.dtype(kind).itemsize // 64) * 64
