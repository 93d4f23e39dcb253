"""The test protocol: what a model makes of every row of the test runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from opcua_ai.core.types import FloatArray
from opcua_ai.inference.manifest import Figures, Manifest
from opcua_ai.training.config import TrainConfig
from opcua_ai.training.data import Run
from opcua_ai.training.metrics import (
    Detection,
    Naming,
    detection_auc,
    judge_names,
    judge_run,
    subset_accuracy,
)
from opcua_ai.training.windows import cleaned, cut

CHUNK = 1024
Outputs = Mapping[str, FloatArray]
Predictor = Callable[[FloatArray], Outputs]
"""Scaled windows [batch, rows, tags] -> output name -> [batch, width]."""

DETECTION = "detection"
FAULT = "fault"


@dataclass(frozen=True, slots=True)
class FaultReport:
    """All figures of a fault model on the test runs."""

    detections: tuple[Detection, ...]
    far_normal: float
    """Share of alarmed rows of the normal test runs."""
    far_before: float
    """Share of alarmed rows before the onset, mean over the faulty test runs."""
    fdr: dict[str, float]
    """Subset -> mean detected share; ``all`` and those of the configuration."""
    auc: float
    """Of the detection score: normal against faulty test rows."""
    naming: Naming
    accuracy: dict[str, float]
    """Subset -> accuracy of the likeliest class on faulty rows."""
    overall_accuracy: float
    """Normal or the right fault, over all test rows: the detector decides, then the class."""
    named_delay: dict[str, int | None]
    """Run -> rows from the onset to the first of the consecutive rightly named alarms."""


def run_outputs(
    run: Run, columns: Sequence[str], manifest: Manifest, predict: Predictor
) -> Outputs:
    """Outputs for the window that ends at each row from ``manifest.rows - 1`` on."""
    windows = cut(run.take(columns), manifest.rows)
    chunks = [
        predict(cleaned(windows[i : i + CHUNK], manifest)) for i in range(0, len(windows), CHUNK)
    ]
    return {name: np.concatenate([c[name] for c in chunks]) for name in chunks[0]}


def evaluate_faults(
    config: TrainConfig, manifest: Manifest, runs: Sequence[Run], predict: Predictor
) -> FaultReport:
    """Run the test protocol of a fault model."""
    results = [(run, run_outputs(run, config.columns, manifest, predict)) for run in runs]
    labels = list(config.labels)
    limit = manifest.output(DETECTION).limit or 1.0
    first = manifest.rows - 1
    detections: list[Detection] = []
    named: dict[str, int | None] = {}
    truth: list[NDArray[np.int64]] = []
    probabilities: list[FloatArray] = []
    normal_scores: list[FloatArray] = []
    fault_scores: list[FloatArray] = []
    right = total = 0
    for run, outputs in results:
        score = outputs[DETECTION][:, 0]
        alarm = score > limit
        onset = run.onset if run.faulty else len(run.table)
        count = config.evaluation.consecutive
        detections.append(judge_run(run.name, run.label, alarm, first, onset, count))
        split = max(onset - first, 0)
        normal_scores.append(score[:split])
        fault_scores.append(score[split:])
        right += int((~alarm[:split]).sum())
        total += len(alarm)
        if run.faulty:
            wanted = labels.index(run.label)
            hit = alarm[split:] & (outputs[FAULT][split:].argmax(axis=1) == wanted)
            right += int(hit.sum())
            named[run.name] = judge_run(
                run.name, run.label, hit, first + split, first + split, count
            ).delay
            truth.append(np.full(len(alarm) - split, wanted, np.int64))
            probabilities.append(outputs[FAULT][split:])
    y, p = np.concatenate(truth), np.concatenate(probabilities)
    naming = judge_names(y, p, labels)
    return FaultReport(
        detections=tuple(detections),
        far_normal=_mean([d.far for d in detections if np.isnan(d.fdr)]),
        far_before=_mean([d.far for d in detections if not np.isnan(d.fdr)]),
        fdr=_subset_fdr(config, detections),
        auc=detection_auc(np.concatenate(normal_scores), np.concatenate(fault_scores)),
        naming=naming,
        accuracy={"all": naming.accuracy}
        | {
            name: subset_accuracy(y, p, [labels.index(x) for x in left_out])
            for name, left_out in config.evaluation.subsets.items()
        },
        overall_accuracy=right / total,
        named_delay=named,
    )


def _subset_fdr(config: TrainConfig, detections: Sequence[Detection]) -> dict[str, float]:
    subsets: dict[str, tuple[str, ...]] = {"all": (), **config.evaluation.subsets}
    return {
        name: _mean([d.fdr for d in detections if d.label not in left_out])
        for name, left_out in subsets.items()
    }


def _mean(values: Sequence[float]) -> float:
    known = [v for v in values if not np.isnan(v)]
    return float(np.mean(known)) if known else float("nan")


def flat_figures(report: FaultReport) -> Figures:
    """The main figures of a report under short names, for manifest and card."""
    figures: Figures = {
        "far_normal": report.far_normal,
        "far_before_onset": report.far_before,
        **{f"fdr_{name}": value for name, value in report.fdr.items()},
        "detection_auc": report.auc,
        **{f"accuracy_{name}": value for name, value in report.accuracy.items()},
        "macro_precision": report.naming.macro_precision,
        "macro_recall": report.naming.macro_recall,
        "macro_f1": report.naming.macro_f1,
        "naming_auc": report.naming.auc,
        "overall_accuracy": report.overall_accuracy,
    }
    return {k: round(v, 4) if isinstance(v, float) else v for k, v in figures.items()}


def run_cells(report: FaultReport) -> list[tuple[Detection, list[str]]]:
    """Each test run with its figures as text: FDR, FAR, delay, rows until it is named, precision,
    recall, F1. A normal run has false alarms only; "none" = not within the run."""
    return [(found, _cells(report, found)) for found in report.detections]


def _cells(report: FaultReport, found: Detection) -> list[str]:
    scores = report.naming.per_class.get(found.label)
    if scores is None:
        return ["", number(found.far, 3), *[""] * 5]
    delays = (found.delay, report.named_delay.get(found.run))
    return [
        number(found.fdr, 3),
        number(found.far, 3),
        *("none" if rows is None else str(rows) for rows in delays),
        *(number(score, 2) for score in scores),
    ]


def number(value: float, digits: int) -> str:
    """With that many decimals; empty for NaN."""
    return "" if np.isnan(value) else f"{value:.{digits}f}"
