"""1-D convolutions over the rows, then a GRU; beside them, means and spreads of the window.

Where the task brings canonical variates (``variates``), they are a fixed convolution whose mean
and power over the window are features too. Most faults of a controlled plant hide in directions
in which normal operation hardly moves; a free convolution does not find these in so few rows.
"""

from __future__ import annotations

from typing import Annotated, Any

import keras
import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from opcua_ai.core.strict import Strict
from opcua_ai.training.architectures import Task

Size = Annotated[int, Field(ge=1, le=4096)]
Share = Annotated[float, Field(ge=0, lt=1)]
FLOOR = 0.05
"""Added to powers before the logarithm: a still tag has no infinite silence."""


class Options(Strict):
    """Sizes of the layers."""

    filters: Size = 64
    kernel: Size = 3
    units: Size = 48
    hidden: Size = 128
    dropout: Share = 0.3
    tag_dropout: Share = 0.1
    """Share of the tags that a training window loses as a whole."""
    variates: bool = True
    """Use the canonical variates of the detector where there are any."""


def build(options: Options, task: Task) -> Any:
    """Network [batch, rows, tags] -> [batch, classes].

    arcsinh tames the far deviations of a fault (50 standard deviations and more) and leaves small
    ones as they are. The GRU is unrolled: an export to LiteRT needs that (MEASURED.md).
    """
    layers, ops = keras.layers, keras.ops
    windows = keras.Input((task.rows, task.tags))
    level = ops.arcsinh(windows)
    dropped = layers.SpatialDropout1D(options.tag_dropout)(level)
    features = [_course(options, dropped), ops.mean(dropped, axis=1), _log_power(level, True)]
    if options.variates and task.variates is not None:
        features += _canonical(task.variates, windows)
    x = layers.Dropout(options.dropout)(layers.Concatenate()(features))
    x = layers.LayerNormalization()(layers.Dense(options.hidden)(x))
    x = layers.Dropout(options.dropout)(layers.Activation("relu")(x))
    return keras.Model(windows, layers.Dense(task.classes, activation="softmax")(x))


def _course(options: Options, x: Any) -> Any:
    """The course in time [batch, units]."""
    layers = keras.layers
    x = layers.Conv1D(options.filters, options.kernel, padding="causal")(x)
    x = layers.Activation("relu")(layers.LayerNormalization()(x))
    x = layers.SpatialDropout1D(options.dropout)(x)
    return layers.GRU(options.units, unroll=True)(x)


def _canonical(kernel: NDArray[np.float64], windows: Any) -> list[Any]:
    """Mean and power over the window of each variate [batch, n]; kernel [past, tags, n]."""
    project = keras.layers.Conv1D(
        kernel.shape[2], kernel.shape[0], use_bias=False, trainable=False, name="variates"
    )
    raw = project(windows)
    project.set_weights([kernel])
    z = keras.ops.arcsinh(raw)
    return [keras.ops.mean(z, axis=1), _log_power(z, False)]


def _log_power(x: Any, centred: bool) -> Any:
    """Half the logarithm of the mean square over the rows (about the mean when ``centred``)."""
    ops: Any = keras.ops
    power = ops.var(x, axis=1) if centred else ops.mean(ops.square(x), axis=1)
    return 0.5 * ops.log(power + FLOOR)
