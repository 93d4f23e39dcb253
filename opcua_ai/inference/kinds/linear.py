"""Linear least squares on the newest rows: value = intercept + sum(coefficient * scaled input).

``model.npz`` holds ``intercept``, ``coefficients`` [tags] and ``covariance`` [tags, tags], all for
scaled inputs, and ``average_rows``: the mean of that many newest rows is the input.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from opcua_ai.core.errors import BundleError
from opcua_ai.core.types import FloatArray
from opcua_ai.inference.manifest import Manifest, OutputSpec

log = logging.getLogger(__name__)

FILE = "model.npz"


@dataclass(frozen=True, slots=True)
class Coefficients:
    """What predicts, for scaled inputs."""

    intercept: float
    coefficients: FloatArray
    """[tags]"""
    covariance: FloatArray
    """[tags, tags], of the coefficients; NaN where the data cannot tell (no spare rows)."""


@dataclass(frozen=True, slots=True)
class Fit(Coefficients):
    """Result of a least-squares fit."""

    rank: int
    """Of the design; one more than the tags when nothing is missing."""
    warning: str = ""
    """One sentence when the design is rank-deficient; empty otherwise."""


def fit(x: FloatArray, y: FloatArray, names: tuple[str, ...] = ()) -> Fit:
    """Minimum-norm least squares of y [n] on x [n, tags] with an intercept.

    A rank-deficient design still predicts on its own plane, but single coefficients mean nothing:
    the fit says so in ``warning``.
    """
    design = np.column_stack([np.ones(len(x)), x])
    solution, _, rank, _ = np.linalg.lstsq(design, y)
    residual = y - design @ solution
    spare = len(y) - int(rank)
    variance = float(residual @ residual) / spare if spare > 0 else float("nan")
    covariance = variance * np.linalg.pinv(design.T @ design)
    warning = ""
    if rank < design.shape[1]:
        warning = (
            f"the design is rank-deficient: rank {rank} of {design.shape[1]} columns "
            f"(intercept, {', '.join(names) or f'{x.shape[1]} inputs'}); predictions hold on the "
            "plane of the training data only and single coefficients are not determined"
        )
        log.warning("%s", warning)
    return Fit(
        intercept=float(solution[0]),
        coefficients=np.asarray(solution[1:], np.float64),
        covariance=np.asarray(covariance[1:, 1:], np.float64),
        rank=int(rank),
        warning=warning,
    )


def to_bytes(result: Coefficients, average_rows: int) -> bytes:
    """Content of ``model.npz``."""
    buffer = io.BytesIO()
    np.savez(
        buffer,
        intercept=result.intercept,
        coefficients=result.coefficients,
        covariance=result.covariance,
        average_rows=average_rows,
    )
    return buffer.getvalue()


class LinearKind:
    """A loaded linear model; exact parts and slopes."""

    accelerator = "CPU"

    def __init__(self, result: Coefficients, average_rows: int, manifest: Manifest) -> None:
        self._linear = result
        self._rows = average_rows
        self._output = manifest.outputs[0].name
        self._names = [i.name for i in manifest.inputs]
        self._std = np.array([i.std for i in manifest.inputs])

    def predict(self, windows: FloatArray) -> Mapping[str, FloatArray]:
        """Scaled windows [batch, rows, tags] -> {output: [batch, 1]}."""
        total = self._linear.intercept + self.parts(windows).sum(axis=1)
        return {self._output: total[:, None]}

    def parts(self, windows: FloatArray) -> FloatArray:
        """Part of each tag in the value [batch, tags], in the unit of the output."""
        return windows[:, -self._rows :].mean(axis=1) * self._linear.coefficients

    def slopes(self) -> dict[str, tuple[float, float]]:
        """Tag -> (change of the output per unit of the tag, standard error)."""
        per_unit = self._linear.coefficients / self._std
        error = np.sqrt(np.diag(self._linear.covariance)) / self._std
        pairs = zip(per_unit.tolist(), error.tolist(), strict=True)
        return dict(zip(self._names, pairs, strict=True))


def load(folder: Path, manifest: Manifest) -> LinearKind:
    """The linear model of a bundle. Raises BundleError when it does not fit its manifest."""
    path = folder / FILE
    tags = len(manifest.inputs)
    try:
        with np.load(path, allow_pickle=False) as data:
            result = Coefficients(
                intercept=float(data["intercept"]),
                coefficients=np.asarray(data["coefficients"], np.float64),
                covariance=np.asarray(data["covariance"], np.float64),
            )
            average_rows = int(data["average_rows"])
    except (OSError, ValueError, KeyError) as error:
        raise BundleError(f"{path}: not a linear model: {error}") from error
    if result.coefficients.shape != (tags,) or result.covariance.shape != (tags, tags):
        raise BundleError(f"{path}: {result.coefficients.size} coefficients for {tags} inputs")
    if not 1 <= average_rows <= manifest.rows:
        raise BundleError(f"{path}: average_rows {average_rows} is not within 1..{manifest.rows}")
    if len(manifest.outputs) != 1 or manifest.outputs[0].type != "value":
        raise BundleError(f"{path}: a linear model has exactly one output of type 'value'")
    return LinearKind(result, average_rows, manifest)


def sample_bundle(folder: Path) -> Path:
    """Write a tiny bundle of this kind below ``folder``; for the contract test."""
    from opcua_ai.inference.bundle import write_bundle
    from opcua_ai.inference.samples import sample_manifest, sample_windows

    rng = np.random.default_rng(0)
    x = rng.normal(size=(40, 3))
    y = 5.0 + x @ np.array([1.0, -2.0, 0.5]) + 0.1 * rng.normal(size=40)
    output = OutputSpec(name="y", type="value", unit="kW", interval=(-0.2, 0.2), level=0.95)
    manifest = sample_manifest("linear", "regression", (output,))
    return write_bundle(folder, manifest, {FILE: to_bytes(fit(x, y), 2)}, sample_windows(manifest))
