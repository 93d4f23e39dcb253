"""Windows cut out of runs. Runs are split first; no window ever crosses a cut."""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from opcua_ai.core import status as codes
from opcua_ai.core.types import FloatArray
from opcua_ai.inference.manifest import Manifest
from opcua_ai.inference.preprocess import clean


def cut(table: FloatArray, rows: int) -> FloatArray:
    """Every window of ``rows`` rows of [n, tags] -> [n - rows + 1, rows, tags]; may be empty."""
    if len(table) < rows:
        return np.empty((0, rows, table.shape[1]))
    return sliding_window_view(table, rows, axis=0).transpose(0, 2, 1)


def cleaned(windows: FloatArray, manifest: Manifest) -> FloatArray:
    """Scaled windows as the running system would see them: NaN cells Bad, all others Good."""
    status = np.where(np.isfinite(windows), codes.GOOD, codes.BAD).astype(np.uint32)
    return clean(windows, status, manifest).scaled


def blocks(length: int, count: int) -> list[slice]:
    """``count`` contiguous blocks that cover ``length`` rows."""
    edges = np.linspace(0, length, count + 1).round().astype(int).tolist()
    return [slice(a, b) for a, b in zip(edges[:-1], edges[1:], strict=True)]
