"""The one cleaning of windows, used by training and by the running system alike.

Raw windows [batch, rows, tags] with a StatusCode per cell become what a model sees:

1. A cell is *usable* when its status is not Bad and its value is a finite number. A stale cell
   (UncertainLastUsableValue) is usable, but not Good.
2. Outside the permitted range: ``uncertain`` uses the value, ``clip`` moves it to the limit and
   ``bad`` drops it; in each case the cell no longer counts as Good.
3. A cell that is not usable takes the last usable value of its tag in the window, else the
   training mean.
4. The filter looks back only, and only inside the window.
5. Scaling with the training mean and standard deviation.

The status of the window: Good when every cell is; UncertainSubNormal when the share of Good cells
reaches ``min_coverage``; BadNoData below that, and when the newest row holds no usable cell.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from opcua_ai.core import status as codes
from opcua_ai.core.types import FloatArray, StatusArray
from opcua_ai.inference.manifest import Denoise, Manifest

BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Cleaned:
    """What the cleaning makes of a batch of windows."""

    scaled: FloatArray
    """[batch, rows, tags], finite, in standard deviations from the training mean."""
    coverage: FloatArray
    """[batch] percent of the cells that are Good and in range."""
    status: StatusArray
    """[batch] StatusCode for the predictions."""


def clean(value: FloatArray, status: StatusArray, manifest: Manifest) -> Cleaned:
    """Cleaned and scaled windows of raw ones; ``value`` and ``status`` are [batch, rows, tags]."""
    mean, std = scaling(manifest)
    low, high = permitted_range(manifest)
    usable = ~codes.bad_mask(status) & np.isfinite(value)
    safe = np.where(usable, value, mean)
    outside = (safe < low) | (safe > high)
    if manifest.out_of_range == "bad":
        usable &= ~outside
    elif manifest.out_of_range == "clip":
        safe = np.clip(safe, low, high)
    good = usable & codes.good_mask(status) & ~outside
    filled = hold_last_usable(safe, usable, mean)
    scaled = (denoise(filled, manifest.denoise) - mean) / std
    coverage = 100.0 * good.mean(axis=(1, 2))
    return Cleaned(scaled, coverage, window_status(good, usable, coverage, manifest.min_coverage))


def scaling(manifest: Manifest) -> tuple[FloatArray, FloatArray]:
    """Training mean and standard deviation per tag."""
    return np.array([i.mean for i in manifest.inputs]), np.array([i.std for i in manifest.inputs])


def permitted_range(manifest: Manifest) -> tuple[FloatArray, FloatArray]:
    """Lowest and highest permitted value per tag; infinite where there is no limit."""
    low = [float("-inf") if i.low is None else i.low for i in manifest.inputs]
    high = [float("inf") if i.high is None else i.high for i in manifest.inputs]
    return np.array(low), np.array(high)


def hold_last_usable(value: FloatArray, usable: BoolArray, mean: FloatArray) -> FloatArray:
    """Each unusable cell takes the last usable value of its tag, else the mean of the tag."""
    rows = value.shape[1]
    position: NDArray[np.int64] = np.arange(rows, dtype=np.int64)
    index = np.where(usable, position[None, :, None], np.int64(-1))
    last: NDArray[np.int64] = np.maximum.accumulate(index, axis=1)
    held: FloatArray = np.take_along_axis(value, np.maximum(last, 0), axis=1)
    return np.where(last >= 0, held, mean)


def denoise(value: FloatArray, spec: Denoise) -> FloatArray:
    """Causal filter along the rows of [batch, rows, tags]; the first row stands for the past."""
    if spec.method == "median" and spec.rows > 1:
        past = np.repeat(value[:, :1], spec.rows - 1, axis=1)
        padded = np.concatenate([past, value], axis=1)
        runs: FloatArray = sliding_window_view(padded, spec.rows, axis=1)
        return np.asarray(np.median(runs, axis=-1), np.float64)
    if spec.method == "exponential":
        smooth = value.copy()
        for row in range(1, value.shape[1]):
            smooth[:, row] += (1.0 - spec.alpha) * (smooth[:, row - 1] - value[:, row])
        return smooth
    return value


def window_status(
    good: BoolArray, usable: BoolArray, coverage: FloatArray, min_coverage: float
) -> StatusArray:
    """StatusCode [batch] of windows with the masks [batch, rows, tags] and their coverage."""
    result = np.full(len(good), codes.UNCERTAIN_SUB_NORMAL, np.uint32)
    result[good.all(axis=(1, 2))] = codes.GOOD
    result[(coverage < min_coverage) | ~usable[:, -1].any(axis=-1)] = codes.BAD_NO_DATA
    return result
