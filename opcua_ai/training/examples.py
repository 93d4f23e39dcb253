"""Training examples of the fault classifier, cut out of runs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from opcua_ai.core.types import FloatArray
from opcua_ai.inference.manifest import Manifest
from opcua_ai.training.data import Run
from opcua_ai.training.fit import Examples
from opcua_ai.training.windows import cleaned, cut


def fault_examples(
    runs: Sequence[Run],
    manifest: Manifest,
    labels: Sequence[str],
    columns: Sequence[str],
    part: tuple[float, float] = (0.0, 1.0),
    normal: Sequence[Run] = (),
    prefix_copies: int = 0,
    seed: int = 0,
) -> Examples:
    """Windows of the faulty rows of the runs, labelled by class.

    ``part`` takes only that share of each run's faulty rows, so that training and validation
    windows share no row. With ``prefix_copies`` the first windows of each run are also shown as
    they look just after the onset: their older rows come from a random place of a normal run.
    """
    rng = np.random.default_rng(seed)
    windows: list[FloatArray] = []
    classes: list[int] = []
    for run in runs:
        if not run.faulty:
            continue
        table = run.take(columns)[run.onset :]
        first, last = (int(round(share * len(table))) for share in part)
        parts = [cut(table[first:last], manifest.rows)]
        if first == 0 and normal:
            parts += [
                _onset_windows(table[:last], normal, columns, manifest.rows, rng)
                for _ in range(prefix_copies)
            ]
        for found in parts:
            windows.append(cleaned(found, manifest))
            classes += [list(labels).index(run.label)] * len(found)
    return Examples(np.concatenate(windows), np.asarray(classes, np.int64))


def _onset_windows(
    table: FloatArray,
    normal: Sequence[Run],
    columns: Sequence[str],
    rows: int,
    rng: np.random.Generator,
) -> FloatArray:
    """Windows that end in the first rows - 1 rows of the fault and begin in normal operation."""
    source = normal[int(rng.integers(len(normal)))].take(columns)
    start = int(rng.integers(max(1, len(source) - rows)))
    return cut(np.concatenate([source[start : start + rows - 1], table[: rows - 1]]), rows)
