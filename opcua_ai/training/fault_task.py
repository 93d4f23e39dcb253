"""Training of a fault bundle: a detector, a classifier, both in one ``model.keras``."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from opcua_ai.core.errors import DataError
from opcua_ai.core.types import FloatArray
from opcua_ai.inference.kinds import keras as keras_kind
from opcua_ai.inference.manifest import Figures, Manifest, OutputSpec
from opcua_ai.inference.preprocess import scaling
from opcua_ai.training.architectures import Task
from opcua_ai.training.baseline import FAULT_BASELINE, fit_fault_baseline
from opcua_ai.training.config import LoadedConfig, TrainConfig, given
from opcua_ai.training.data import DataSet, Run
from opcua_ai.training.detector import Detector, detection_layers, fit_detector
from opcua_ai.training.draft import draft_manifest
from opcua_ai.training.evaluation import (
    DETECTION,
    FAULT,
    FaultReport,
    evaluate_faults,
    flat_figures,
)
from opcua_ai.training.examples import fault_examples
from opcua_ai.training.fit import Examples, fit_classifier
from opcua_ai.training.state import TrainingState, take_up, training_key

log = logging.getLogger(__name__)

VALIDATION_SHARE = 0.25
"""The last share of each run's faulty rows is held out when a validation is asked for."""


@dataclass(frozen=True, slots=True)
class FaultResult:
    """What goes into the bundle."""

    manifest: Manifest
    model: Any
    report: FaultReport


class FaultTraining:
    """The steps of a fault training; each can be called by itself."""

    def __init__(self, loaded: LoadedConfig, data: DataSet, console: Console) -> None:
        self.loaded, self.data, self.console = loaded, data, console
        self.config: TrainConfig = loaded.config
        self.network = given(self.config.network)
        self.cva = given(self.config.detector)
        self.columns = self.config.columns
        self.labels = list(self.config.labels)
        self.train = data.of("train")
        self.normal = tuple(r for r in self.train if not r.faulty)
        rows = np.concatenate([complete(r, self.columns) for r in self.normal])
        self.manifest = draft_manifest(loaded, data, "keras", rows, self._outputs())

    def _outputs(self) -> tuple[OutputSpec, ...]:
        return (
            OutputSpec(
                name=DETECTION,
                type="score",
                limit=1.0,
                low=0.0,
                description="Distance from normal operation; 1 is the alarm limit",
            ),
            OutputSpec(
                name=FAULT,
                type="classes",
                labels=tuple(self.labels),
                descriptions=tuple(self.config.labels.values()),
                description="Likeliest fault, given that there is one",
            ),
        )

    def scaled(self, run: Run) -> FloatArray:
        """Scaled rows [n, tags] of a run."""
        mean, std = scaling(self.manifest)
        return (run.take(self.columns) - mean) / std

    def examples(self, part: tuple[float, float] = (0.0, 1.0), seed: int = 0) -> Examples:
        """Training windows of all faults, from a share of each training run."""
        return fault_examples(
            self.train,
            self.manifest,
            self.labels,
            self.columns,
            part=part,
            normal=self.normal,
            prefix_copies=self.network.prefix_copies,
            seed=seed,
        )

    def detector(self) -> Detector:
        """The detector, fitted on the normal training runs."""
        return fit_detector([self.scaled(r) for r in self.normal], self.cva)

    def task(self, detector: Detector) -> Task:
        """What a classifier has to do; it may use the detector's canonical variates."""
        tags = len(self.columns)
        kernel = detector.projection.reshape(detector.past, tags, -1)
        return Task(self.config.rows, tags, len(self.labels), kernel)

    def classifier(
        self,
        detector: Detector,
        seed: int,
        state_home: Path,
        validate: bool = False,
        fresh: bool = False,
    ) -> Any:
        """A classifier of one seed; goes on where an interrupted one stopped."""
        key = training_key(self.loaded.sha256, self.data.sha256, str(seed), str(validate))
        state = TrainingState(self._folder(state_home, seed), key)
        take_up(state, f"seed {seed}", self.console, fresh)
        end = 1.0 - VALIDATION_SHARE if validate else 1.0
        held = self.examples((end, 1.0), seed) if validate else None
        return fit_classifier(
            self.examples((0.0, end), seed),
            self.network,
            self.task(detector),
            seed,
            state,
            self.console,
            validation=held,
        )

    def forget(self, state_home: Path) -> None:
        """Remove the states of all seeds: the bundle is written, nothing is left to resume."""
        for seed in self.config.seeds:
            TrainingState(self._folder(state_home, seed), "").clear()

    def _folder(self, state_home: Path, seed: int) -> Path:
        return state_home / self.config.name / f"seed-{seed}"

    def validate(self, state_home: Path, fresh: bool = False) -> None:
        """Train on the first part of every training run and report on the rest, epoch by epoch.

        For choosing settings: the test runs are not touched and no bundle is written.
        """
        detector = self.detector()
        for seed in self.config.seeds:
            self.classifier(detector, seed, state_home, validate=True, fresh=fresh)
        self.forget(state_home)

    def run(self, state_home: Path, fresh: bool = False) -> FaultResult:
        """Train all seeds, build the bundle's model, judge it on the test runs."""
        detector = self.detector()
        networks = [
            self.classifier(detector, s, state_home, fresh=fresh) for s in self.config.seeds
        ]
        model = combine(networks, detector, self.manifest)
        test = self.data.of("test")

        def judge(m: Any) -> FaultReport:
            shape = (self.manifest.rows, len(self.manifest.inputs))
            return evaluate_faults(self.config, self.manifest, test, keras_kind.compiled(m, shape))

        self.console.print("judging on the test runs")
        per_seed = tuple(judge(combine([n], detector, self.manifest)) for n in networks)
        report = judge(model) if len(networks) > 1 else per_seed[0]
        classical = fit_fault_baseline(
            [self.scaled(r) for r in self.normal],
            self.examples(seed=self.config.seeds[0]),
            self.cva.false_alarms,
            self.cva.folds,
            self.config.seeds[0],
        )
        baseline = evaluate_faults(self.config, self.manifest, test, classical.predict)
        manifest = self.manifest.model_copy(
            update={
                "metrics": flat_figures(report) | seed_spread(per_seed),
                "baseline": {"method": FAULT_BASELINE} | flat_figures(baseline),
            }
        )
        return FaultResult(manifest, model, report)


def complete(run: Run, columns: Sequence[str]) -> FloatArray:
    """[rows, columns] of a run without gaps. Raises DataError naming the run and the column."""
    table = run.take(columns)
    gaps = np.flatnonzero(~np.isfinite(table).all(axis=0))
    if gaps.size:
        raise DataError(
            f"run {run.name}: column {columns[int(gaps[0])]!r} has missing values; the detector "
            "needs complete normal runs"
        )
    return table


def combine(networks: Sequence[Any], detector: Detector, manifest: Manifest) -> Any:
    """One Keras model with the outputs ``detection`` and ``fault`` (mean of the networks)."""
    keras = keras_kind.import_keras()
    windows = keras.Input((manifest.rows, len(manifest.inputs)), name="windows")
    copies = []
    for index, network in enumerate(networks):
        # the same layers without the optimizer, which would be saved along
        bare = keras.Model(network.input, network.output, name=f"network_{index}")
        copies.append(bare(windows))
    named = keras.layers.Average(name=FAULT)(copies) if len(copies) > 1 else copies[0]
    score = detection_layers(detector, windows, DETECTION)
    return keras.Model(windows, {DETECTION: score, FAULT: named})


def seed_spread(reports: Sequence[FaultReport]) -> Figures:
    """Mean and standard deviation over the seeds of what depends on them."""
    if len(reports) < 2:
        return {}
    names = ("accuracy_all", "macro_f1", "overall_accuracy")
    figures: Figures = {"seeds": len(reports)}
    for name in names:
        values = [float(flat_figures(r)[name] or 0.0) for r in reports]
        figures[f"{name}_seed_mean"] = round(float(np.mean(values)), 4)
        figures[f"{name}_seed_std"] = round(float(np.std(values, ddof=1)), 4)
    return figures
