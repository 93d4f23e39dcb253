"""Figures of merit. Whatever scikit-learn has is scikit-learn's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from sklearn import metrics as sk

from opcua_ai.core.types import FloatArray


@dataclass(frozen=True, slots=True)
class Detection:
    """One test run under the detector."""

    run: str
    label: str
    fdr: float
    """Share of the faulty rows that alarm; NaN for a normal run."""
    far: float
    """Share of the normal rows that alarm; NaN when there are none."""
    delay: int | None
    """Rows from the onset to the first of the consecutive alarms; None = not detected."""


def first_consecutive(alarm: NDArray[np.bool_], count: int) -> int | None:
    """Index of the first of ``count`` True in a row; None when there is no such place."""
    if len(alarm) < count:
        return None
    runs = np.lib.stride_tricks.sliding_window_view(alarm, count).all(axis=-1)
    return int(np.argmax(runs)) if runs.any() else None


def judge_run(
    run: str, label: str, alarm: NDArray[np.bool_], first_row: int, onset: int, consecutive: int
) -> Detection:
    """Detection figures of one run; ``alarm[i]`` belongs to the run's row ``first_row + i``.

    ``onset`` is the first faulty row; the number of rows for a normal run.
    """
    split = max(onset - first_row, 0)
    normal, faulty = alarm[:split], alarm[split:]
    return Detection(
        run=run,
        label=label,
        fdr=float(faulty.mean()) if len(faulty) else float("nan"),
        far=float(normal.mean()) if len(normal) else float("nan"),
        delay=first_consecutive(faulty, consecutive),
    )


@dataclass(frozen=True, slots=True)
class Naming:
    """How well faults are named, over faulty rows."""

    accuracy: float
    macro_precision: float
    macro_recall: float
    macro_f1: float
    auc: float
    """One-vs-rest ROC AUC, mean over the classes."""
    per_class: dict[str, tuple[float, float, float]]
    """Label -> (precision, recall, F1)."""
    confusion: NDArray[np.int64]
    """[true, predicted]"""


def judge_names(
    truth: NDArray[np.int64], probabilities: FloatArray, labels: Sequence[str]
) -> Naming:
    """Figures of the likeliest class; truth [n], probabilities [n, classes]."""
    guess = probabilities.argmax(axis=1)
    known = list(range(len(labels)))
    # scikit-learn's stubs know neither zero_division = 0 nor the arrays of average = None
    scores: Any = sk.precision_recall_fscore_support(
        truth, guess, labels=known, zero_division=cast("str", 0.0)
    )
    precision, recall, f1, _ = scores
    present = np.unique(truth)
    aucs = [
        float(sk.roc_auc_score(truth == c, probabilities[:, c]))
        for c in present
        if len(present) > 1
    ]
    rows = zip(precision.tolist(), recall.tolist(), f1.tolist(), strict=True)
    return Naming(
        accuracy=float(sk.accuracy_score(truth, guess)),
        macro_precision=float(np.mean(precision[present])),
        macro_recall=float(np.mean(recall[present])),
        macro_f1=float(np.mean(f1[present])),
        auc=float(np.mean(aucs)) if aucs else float("nan"),
        per_class=dict(zip(labels, rows, strict=True)),
        confusion=np.asarray(sk.confusion_matrix(truth, guess, labels=known), np.int64),
    )


def subset_accuracy(
    truth: NDArray[np.int64], probabilities: FloatArray, left_out: Sequence[int]
) -> float:
    """Accuracy over the rows of the other classes, with the left-out classes not on offer."""
    rows = ~np.isin(truth, left_out)
    offered = probabilities[rows].copy()
    offered[:, list(left_out)] = -1.0
    return float(sk.accuracy_score(truth[rows], offered.argmax(axis=1)))


@dataclass(frozen=True, slots=True)
class Regression:
    """Errors of a regression, in the unit of the target."""

    rmse: float
    mae: float
    r2: float
    coverage: float
    """Percent of the truth inside the interval; NaN without one."""


def judge_regression(
    truth: FloatArray, guess: FloatArray, interval: tuple[float, float] | None
) -> Regression:
    """Errors over [n]."""
    coverage = float("nan")
    if interval is not None:
        inside = (truth >= guess + interval[0]) & (truth <= guess + interval[1])
        coverage = 100.0 * float(inside.mean())
    return Regression(
        rmse=float(sk.root_mean_squared_error(truth, guess)),
        mae=float(sk.mean_absolute_error(truth, guess)),
        r2=float(sk.r2_score(truth, guess)),
        coverage=coverage,
    )


def detection_auc(normal: FloatArray, faulty: FloatArray) -> float:
    """ROC AUC of a score over normal and faulty rows."""
    if not len(normal) or not len(faulty):
        return float("nan")
    truth = np.concatenate([np.zeros(len(normal)), np.ones(len(faulty))])
    return float(sk.roc_auc_score(truth, np.concatenate([normal, faulty])))
