"""Fault detection by canonical variate analysis (CVA), expressed as fixed Keras layers.

The past of a row (``past`` rows of all tags) is turned into canonical states that are most
correlated with its future and have unit variance in normal operation (Russell, Chiang, Braatz
2000). Two statistics watch them: the sum of squares of the first ``states`` (T2 of the state
space) and that of the rest (T2 of the residual space), each averaged over the newest rows.

The limit comes from normal rows that the analysis has not seen: contiguous blocks are held back
one after the other. (The limit of the training rows themselves gives 3 to 41 % false alarms.)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from opcua_ai.core.errors import DataError
from opcua_ai.core.types import FloatArray
from opcua_ai.inference.kinds.keras import import_keras
from opcua_ai.training.config import DetectorSection
from opcua_ai.training.windows import blocks, cut


@dataclass(frozen=True, slots=True)
class Detector:
    """A fitted analysis."""

    projection: FloatArray
    """[past * tags, canonical variates], for scaled rows, oldest row first."""
    states: int
    past: int
    average_rows: int
    limits: FloatArray
    """[2] limits of the two statistics."""

    def statistics(self, scaled: FloatArray) -> FloatArray:
        """Averaged statistics of every row of scaled rows [n, tags] that has enough rows before it
        [n - past - average_rows + 2, 2]."""
        past = cut(scaled, self.past)
        squares = (past.reshape(len(past), -1) @ self.projection) ** 2
        both = np.stack(
            [squares[:, : self.states].sum(axis=1), squares[:, self.states :].sum(axis=1)], axis=1
        )
        return np.asarray(cut(both, self.average_rows).mean(axis=1))


def fit_detector(runs: Sequence[FloatArray], settings: DetectorSection) -> Detector:
    """Analysis of scaled normal runs, each [n, tags], with limits from held-back blocks.

    Raises DataError when the runs are too short.
    """
    least = settings.folds * (settings.past + settings.future + settings.average_rows)
    for run in runs:
        if len(run) < least:
            raise DataError(
                f"a normal training run has {len(run)} rows; the detector needs {least}"
            )
    held = np.concatenate([_held_back(runs, settings, fold) for fold in range(settings.folds)])
    share = 1.0 - settings.false_alarms
    single = np.quantile(held, share, axis=0)
    joint = np.quantile((held / single).max(axis=1), share)
    return _analyse(runs, settings, single * joint)


def _held_back(runs: Sequence[FloatArray], settings: DetectorSection, fold: int) -> FloatArray:
    """Statistics [n, 2] of the fold's blocks under an analysis of all other rows."""
    kept: list[FloatArray] = []
    held: list[FloatArray] = []
    for run in runs:
        block = blocks(len(run), settings.folds)[fold]
        held.append(run[block])
        kept.extend(p for p in (run[: block.start], run[block.stop :]) if len(p))
    seen = np.concatenate(kept)
    mean, std = seen.mean(axis=0), np.maximum(seen.std(axis=0), 1e-9)
    part = _analyse([(p - mean) / std for p in kept], settings, np.ones(2))
    return np.concatenate([part.statistics((h - mean) / std) for h in held])


def _analyse(runs: Sequence[FloatArray], settings: DetectorSection, limits: FloatArray) -> Detector:
    tags = runs[0].shape[1]
    both = np.concatenate([cut(r, settings.past + settings.future) for r in runs])
    flat = both.reshape(len(both), -1)
    flat = flat - flat.mean(axis=0)
    past, future = flat[:, : settings.past * tags], flat[:, settings.past * tags :]
    white_past = _whitening(past, settings.ridge)
    white_future = _whitening(future, settings.ridge)
    cross = white_future @ (future.T @ past / len(past)) @ white_past
    _, _, variates = np.linalg.svd(cross)
    projection = white_past @ variates.T
    states = min(settings.states, projection.shape[1])
    return Detector(projection, states, settings.past, settings.average_rows, limits)


def _whitening(x: FloatArray, ridge: float) -> FloatArray:
    """Symmetric inverse square root of the covariance of centred rows x."""
    covariance = x.T @ x / len(x) + ridge * np.eye(x.shape[1])
    values, vectors = np.linalg.eigh(covariance)
    return (vectors * values**-0.5) @ vectors.T


def detection_layers(detector: Detector, windows: Any, name: str) -> Any:
    """The detector on a Keras tensor [batch, rows, tags] -> [batch, 1], scaled so that 1 = limit.

    The projection is a 1-D convolution with fixed weights.
    """
    keras = import_keras()
    tags = int(windows.shape[-1])
    variates = detector.projection.shape[1]
    needed = detector.past + detector.average_rows - 1
    newest = windows[:, -needed:, :]
    project = keras.layers.Conv1D(
        variates, detector.past, use_bias=False, trainable=False, name=f"{name}_projection"
    )
    squares = keras.ops.square(project(newest))
    project.set_weights([detector.projection.reshape(detector.past, tags, variates)])
    parts = [
        keras.ops.mean(keras.ops.sum(part, axis=-1), axis=-1, keepdims=True) / float(limit)
        for part, limit in zip(
            (squares[:, :, : detector.states], squares[:, :, detector.states :]),
            detector.limits,
            strict=True,
        )
    ]
    return keras.layers.Maximum(name=name)(parts)
