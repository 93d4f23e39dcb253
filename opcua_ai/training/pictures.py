"""Pictures of an evaluation, drawn without a display."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from opcua_ai.inference.model import Model
from opcua_ai.training.config import LoadedConfig, given
from opcua_ai.training.data import Run
from opcua_ai.training.evaluation import run_outputs
from opcua_ai.training.regression import averaged_target


def confusion(path: Path, matrix: NDArray[np.int64], labels: Sequence[str], title: str) -> None:
    """Confusion matrix [true, named] in percent of each row, as a PNG."""
    share = 100.0 * matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    size = max(4.0, 0.42 * len(labels) + 2.0)
    figure = Figure(figsize=(size + 1.0, size), layout="constrained")
    axes = figure.add_subplot()
    image = axes.imshow(share, cmap="Blues", vmin=0, vmax=100)
    axes.set_xticks(range(len(labels)), labels, rotation=90)
    axes.set_yticks(range(len(labels)), labels)
    axes.set(xlabel="named", ylabel="true", title=f"{title}\nfaulty test rows, percent of each row")
    for true, row in enumerate(share):
        for named, value in enumerate(row):
            if value >= 0.5:
                colour = "white" if value > 55 else "black"
                axes.text(
                    named, true, f"{value:.0f}", ha="center", va="center", color=colour, fontsize=8
                )
    figure.colorbar(image, ax=axes, label="%")
    _save(figure, path)


def regression(path: Path, loaded: LoadedConfig, model: Model, runs: Sequence[Run]) -> None:
    """Predicted against true values of the test runs, with the interval, as a PNG."""
    settings = given(loaded.config.regression)
    spec = model.manifest.outputs[0]
    figure = Figure(figsize=(7, 6), layout="constrained")
    axes = figure.add_subplot()
    low, high = float("inf"), float("-inf")
    for run in runs:
        truth = averaged_target(run, model.manifest, settings)
        guess = run_outputs(run, loaded.config.columns, model.manifest, model.outputs)[spec.name][
            :, 0
        ]
        axes.plot(truth, guess, ".", markersize=2, label=run.name)
        low, high = min(low, float(truth.min())), max(high, float(truth.max()))
    ends = np.array([low, high])
    axes.plot(ends, ends, "k-", linewidth=1)
    for offset in spec.interval or ():
        axes.plot(ends, ends - offset, "k--", linewidth=0.7)
    unit = f" ({spec.unit})" if spec.unit else ""
    axes.set(xlabel=f"true{unit}", ylabel=f"predicted{unit}", title=f"{model.name}\ntest runs")
    axes.legend(markerscale=4, ncols=2, fontsize=7)
    _save(figure, path)


def _save(figure: Figure, path: Path) -> None:
    FigureCanvasAgg(figure)
    figure.savefig(path, format="png", dpi=110)
