"""Values that come too late for their rows: read from a source's history after an outage."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from opcua_ai.core import status as codes
from opcua_ai.core.types import Samples, TimeArray
from opcua_ai.windows.arrays import Arrays


def fill(
    arrays: Arrays, place: NDArray[np.int64], rows: NDArray[np.int64], ticks: TimeArray,
    samples: Samples,
) -> bool:  # fmt: skip
    """Write samples into closed rows as if they had come in time, sample and hold between them.

    ``place`` is where each sample's tag stands in the ring (-1: nowhere), ``rows`` and ``ticks``
    are the closed rows, oldest first. A cell keeps what it has when that is at least as new; a cell
    that says only that the source was lost gives way to a sample of the same time. Returns whether
    anything changed.
    """
    if len(rows) == 0:
        return False
    first_row = np.searchsorted(ticks, samples.time)
    chosen = np.flatnonzero((place >= 0) & (first_row < len(rows)))
    if len(chosen) == 0:
        return False
    chosen = chosen[np.argsort(samples.time[chosen], kind="stable")]
    value, status, time = samples.value[chosen], samples.status[chosen], samples.time[chosen]
    places, at = np.unique(place[chosen], return_inverse=True)
    usable = ~codes.bad_mask(status) & np.isfinite(value)
    shape = len(rows), len(places)
    every = np.arange(len(chosen))
    newest = _in_force(shape, first_row[chosen], at, every)
    last_usable = _in_force(shape, first_row[chosen][usable], at[usable], every[usable])

    cells = np.ix_(rows, places)
    held = arrays.time[cells]
    lost = arrays.status[cells] == codes.BAD_NO_COMMUNICATION
    newer = (newest >= 0) & ((time[newest] > held) | (lost & (time[newest] == held)))
    better = newer & (last_usable >= 0) & (time[last_usable] >= held)
    arrays.value[cells] = np.where(better, value[last_usable], arrays.value[cells])
    arrays.status[cells] = np.where(newer, status[newest], arrays.status[cells])
    arrays.time[cells] = np.where(newer, time[newest], held)
    arrays.filled[cells] |= newer
    return bool(newer.any())


def _in_force(
    shape: tuple[int, int],
    row: NDArray[np.int64],
    place: NDArray[np.int64],
    sample: NDArray[np.int64],
) -> NDArray[np.int64]:
    """[rows, places]: the sample that each row holds, -1 for none; samples are in time order."""
    grid = np.full(shape, -1)
    grid[row, place] = sample
    return np.maximum.accumulate(grid, axis=0)
