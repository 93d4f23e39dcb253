"""Training of a linear regression bundle, with errors that respect what the data are.

Rows of a run depend on each other, so textbook standard errors are far too small: whole runs are
drawn with replacement instead. The interval of the residuals comes from runs that the fit has not
seen (each left out once).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from opcua_ai.core import plugins
from opcua_ai.core.errors import DataError
from opcua_ai.core.types import FloatArray
from opcua_ai.inference.kinds import linear
from opcua_ai.inference.manifest import Figures, Manifest, OutputSpec
from opcua_ai.training.baseline import regression_baselines
from opcua_ai.training.config import LoadedConfig, RegressionSection, given
from opcua_ai.training.data import DataSet, Run
from opcua_ai.training.draft import draft_manifest
from opcua_ai.training.evaluation import Predictor, run_outputs
from opcua_ai.training.metrics import Regression, judge_regression
from opcua_ai.training.windows import cleaned, cut


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of a regression."""

    x: FloatArray
    """[n, inputs] scaled and averaged"""
    y: FloatArray
    """[n]"""
    run: NDArray[np.int64]
    """[n] index of the run"""


@dataclass(frozen=True, slots=True)
class RegressionReport:
    """Errors on the test runs."""

    overall: Regression
    """Over the test runs with a kind of operation that the fit has seen."""
    everything: Regression
    """Over all test runs, those whose training counterpart was excluded too."""
    per_run: dict[str, Regression]


@dataclass(frozen=True, slots=True)
class RegressionResult:
    """What goes into the bundle."""

    manifest: Manifest
    fit: linear.Fit
    report: RegressionReport


def target_of(run: Run, settings: RegressionSection) -> FloatArray:
    """Computed target [n] of the rows of a run. Raises DataError where it is not a number."""
    module = plugins.load("training.targets", settings.target)
    y = np.asarray(module.compute(run.take(module.COLUMNS)), np.float64)
    gaps = np.flatnonzero(~np.isfinite(y))
    if gaps.size:
        raise DataError(
            f"run {run.name}: row {gaps[0]}: the target {settings.target!r} cannot be computed: "
            "one of its columns has missing values"
        )
    return y


def windows_of(run: Run, manifest: Manifest, columns: Sequence[str]) -> FloatArray:
    """Scaled windows of a run [n, rows, tags]."""
    return cleaned(cut(run.take(columns), manifest.rows), manifest)


def averaged_target(run: Run, manifest: Manifest, settings: RegressionSection) -> FloatArray:
    """Mean target over ``average_rows`` rows for every window of the run [n - rows + 1]."""
    y = target_of(run, settings)
    mean = cut(y[:, None], settings.average_rows).mean(axis=(1, 2))
    return np.asarray(mean[manifest.rows - settings.average_rows :])


class RegressionTraining:
    """The steps of a regression training."""

    def __init__(self, loaded: LoadedConfig, data: DataSet, console: Console) -> None:
        self.loaded, self.data, self.console = loaded, data, console
        config = loaded.config
        self.settings = given(config.regression)
        self.columns = config.columns
        self.train = tuple(r for r in data.of("train") if r.name not in self.settings.exclude)
        rows = np.concatenate([r.take(self.columns) for r in self.train])
        target = plugins.load("training.targets", self.settings.target)
        output = OutputSpec(
            name=target.OUTPUT, type="value", unit=target.UNIT, description=target.DESCRIPTION
        )
        self.manifest = draft_manifest(loaded, data, "linear", rows, (output,))

    def rows(self, runs: Sequence[Run]) -> Rows:
        """Averaged inputs and targets of runs; each run's windows stay together."""
        m = self.settings.average_rows
        x = [windows_of(r, self.manifest, self.columns)[:, -m:].mean(axis=1) for r in runs]
        y = [averaged_target(r, self.manifest, self.settings) for r in runs]
        index = [np.full(len(part), i, np.int64) for i, part in enumerate(y)]
        return Rows(np.concatenate(x), np.concatenate(y), np.concatenate(index))

    def validate(self) -> None:
        """Report the error on training runs left out of the fit one by one.

        For choosing settings: the test runs are not touched and no bundle is written.
        """
        residuals = left_out_residuals(self.rows(self.train))
        rmse = float(np.sqrt(np.mean(residuals**2)))
        self.console.print(
            f"left-out training runs: RMSE {rmse:.4g} {self.manifest.outputs[0].unit}"
        )

    def run(self) -> RegressionResult:
        """Fit, estimate errors, judge on the test runs beside the baselines."""
        rows = self.rows(self.train)
        names = tuple(i.name for i in self.manifest.inputs)
        plain = linear.fit(rows.x, rows.y, names)
        fit = self._with_bootstrap(plain, rows)
        if fit.warning:
            self.console.print(f"warning: {fit.warning}")
        interval = left_out_interval(rows, self.settings.level)
        output = self.manifest.outputs[0].model_copy(
            update={"interval": interval, "level": self.settings.level}
        )
        manifest = self.manifest.model_copy(update={"outputs": (output,)})
        kind = linear.LinearKind(fit, self.settings.average_rows, manifest)
        report = evaluate_regression(self.loaded, manifest, self.data.of("test"), kind.predict)
        warnings = (fit.warning,) if fit.warning else ()
        training = manifest.training.model_copy(update={"warnings": warnings})
        update = {
            "training": training,
            "metrics": regression_figures(report) | self._slope_figures(fit, kind),
            "baseline": self._baselines(rows),
        }
        return RegressionResult(manifest.model_copy(update=update), fit, report)

    def _with_bootstrap(self, fit: linear.Fit, rows: Rows) -> linear.Fit:
        count = len(self.train)
        if not self.settings.bootstrap or count < 2:
            return fit
        rng = np.random.default_rng(self.loaded.config.seeds[0])
        members = [np.flatnonzero(rows.run == i) for i in range(count)]
        draws: list[FloatArray] = []
        for _ in range(self.settings.bootstrap):
            chosen = np.concatenate([members[i] for i in rng.integers(count, size=count)])
            design = np.column_stack([np.ones(len(chosen)), rows.x[chosen]])
            draws.append(np.asarray(np.linalg.lstsq(design, rows.y[chosen])[0][1:], np.float64))
        covariance = np.atleast_2d(np.cov(np.array(draws), rowvar=False))
        return replace(fit, covariance=covariance)

    def _slope_figures(self, fit: linear.Fit, kind: linear.LinearKind) -> Figures:
        figures: Figures = {"rank": fit.rank, "design": fit.warning or "full rank"}
        for tag, (slope, error) in kind.slopes().items():
            figures[f"slope {tag}"] = round(slope, 4)
            figures[f"slope {tag} standard error"] = round(error, 4)
        return figures

    def _baselines(self, rows: Rows) -> Figures:
        out = self.loaded.config.excluded_labels
        test = self.rows([r for r in self.data.of("test") if r.label not in out])
        figures: Figures = {
            "method": "mean of the training rows; scikit-learn RidgeCV and "
            "HistGradientBoostingRegressor on the same averaged inputs"
        }
        guesses = {"mean": np.full(len(test.y), rows.y.mean())}
        fitted = regression_baselines(rows.x, rows.y, self.loaded.config.seeds[0])
        guesses |= {name: np.asarray(m.predict(test.x)) for name, m in fitted.items()}
        for name, guess in guesses.items():
            found = judge_regression(test.y, guess, None)
            figures |= {f"{name} rmse": round(found.rmse, 4), f"{name} r2": round(found.r2, 4)}
        return figures


def left_out_residuals(rows: Rows) -> FloatArray:
    """Residuals of runs that the fit has not seen, each run left out once."""
    residuals: list[FloatArray] = []
    runs = np.unique(rows.run)
    for run in runs:
        out = rows.run == run
        part = (
            linear.fit(rows.x[~out], rows.y[~out]) if len(runs) > 1 else linear.fit(rows.x, rows.y)
        )
        residuals.append(rows.y[out] - part.intercept - rows.x[out] @ part.coefficients)
    return np.concatenate(residuals)


def left_out_interval(rows: Rows, level: float) -> tuple[float, float]:
    """Quantiles of the left-out residuals that hold the share ``level`` of them."""
    tail = (1.0 - level) / 2.0
    low, high = np.quantile(left_out_residuals(rows), [tail, 1.0 - tail])
    return float(low), float(high)


def evaluate_regression(
    loaded: LoadedConfig, manifest: Manifest, runs: Sequence[Run], predict: Predictor
) -> RegressionReport:
    """Run the test protocol of a regression model."""
    config = loaded.config
    settings = given(config.regression)
    spec = manifest.outputs[0]
    truth = {r.name: averaged_target(r, manifest, settings) for r in runs}
    guess = {
        r.name: run_outputs(r, config.columns, manifest, predict)[spec.name][:, 0] for r in runs
    }
    seen = [r.name for r in runs if r.label not in config.excluded_labels]
    return RegressionReport(
        overall=_joint(truth, guess, seen, spec.interval),
        everything=_joint(truth, guess, list(truth), spec.interval),
        per_run={n: judge_regression(truth[n], guess[n], spec.interval) for n in truth},
    )


def _joint(
    truth: dict[str, FloatArray],
    guess: dict[str, FloatArray],
    names: Sequence[str],
    interval: tuple[float, float] | None,
) -> Regression:
    y = np.concatenate([truth[n] for n in names])
    return judge_regression(y, np.concatenate([guess[n] for n in names]), interval)


def regression_figures(report: RegressionReport) -> Figures:
    """The main figures of a report, for manifest and card."""
    found = report.overall
    return {
        "rmse": round(found.rmse, 4),
        "mae": round(found.mae, 4),
        "r2": round(found.r2, 4),
        "interval_coverage_percent": round(found.coverage, 2),
        "rmse_all_test_runs": round(report.everything.rmse, 4),
        "r2_all_test_runs": round(report.everything.r2, 4),
    }
