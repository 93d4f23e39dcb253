"""Fitting one classifier: reproducible, interruptible after any epoch, resumable."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from opcua_ai.core.types import FloatArray
from opcua_ai.inference.kinds.keras import import_keras
from opcua_ai.inference.quiet import quiet_stderr
from opcua_ai.training import architectures
from opcua_ai.training.config import NetworkSection
from opcua_ai.training.interrupt import ctrl_c_asks
from opcua_ai.training.progress import epochs_bar
from opcua_ai.training.state import TrainingState


@dataclass(frozen=True, slots=True)
class Examples:
    """Scaled windows and their classes."""

    windows: FloatArray
    """[n, rows, tags]"""
    classes: NDArray[np.int64]
    """[n]"""

    def __len__(self) -> int:
        return len(self.classes)


class Interrupted(Exception):  # noqa: N818  (not an error: the user pressed Ctrl-C)
    """The training was stopped on request; the message says how much of it is kept."""


def fit_classifier(
    train: Examples,
    settings: NetworkSection,
    task: architectures.Task,
    seed: int,
    state: TrainingState,
    console: Console,
    validation: Examples | None = None,
) -> Any:
    """A trained Keras model [rows, tags] -> probabilities [classes].

    The same seed and data give the same weights, also across an interruption: the order and the
    noise of an epoch depend on (seed, epoch) only. Raises Interrupted on Ctrl-C.
    """
    keras = import_keras()
    keras.utils.set_random_seed(seed)
    _deterministic(keras)
    done = state.finished_epochs()
    if done:
        model = keras.saving.load_model(state.checkpoint(done))
    else:
        model = _compiled(keras, len(train), settings, task)
    try:
        with (
            ctrl_c_asks() as check,
            epochs_bar(console, f"seed {seed}", settings.epochs, done) as report,
        ):
            for epoch in range(done, settings.epochs):
                figures = _one_epoch(model, train, settings, seed, epoch, check)
                if validation is not None and len(validation):
                    figures |= _validate(model, validation)
                state.save(model, epoch + 1)
                done = epoch + 1
                report(done, figures)
    except KeyboardInterrupt:
        raise Interrupted(f"{done} of {settings.epochs} epochs are kept") from None
    return model


def _deterministic(keras: Any) -> None:
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        tf.config.experimental.enable_op_determinism()


def _compiled(keras: Any, examples: int, settings: NetworkSection, task: architectures.Task) -> Any:
    model = architectures.build(settings.architecture, settings.options, task)
    steps = settings.epochs * -(-examples // settings.batch)
    rate = keras.optimizers.schedules.CosineDecay(settings.learning_rate, steps)
    model.compile(
        optimizer=keras.optimizers.Adam(rate),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    return model


def _one_epoch(
    model: Any,
    train: Examples,
    settings: NetworkSection,
    seed: int,
    epoch: int,
    check: Callable[[], None],
) -> dict[str, float]:
    """One pass over the examples; ``check`` is called after each batch and may raise."""
    rng = np.random.default_rng((seed, epoch))
    _reseed_dropout(model, rng)
    order = rng.permutation(len(train))
    x = train.windows[order].astype(np.float32)
    if settings.noise:
        x += settings.noise * rng.standard_normal(x.shape, np.float32)
    with quiet_stderr():  # tf.data writes one E line per call
        history = model.fit(
            x,
            train.classes[order],
            batch_size=settings.batch,
            epochs=1,
            shuffle=False,
            verbose=0,
            callbacks=[_after_each_batch(check)],
        )
    return {name: float(values[-1]) for name, values in history.history.items()}


def _after_each_batch(check: Callable[[], None]) -> Any:
    return import_keras().callbacks.LambdaCallback(on_train_batch_end=lambda *_, **__: check())


def _reseed_dropout(model: Any, rng: np.random.Generator) -> None:
    """A ``.keras`` file does not hold the state of the dropout layers' generators."""
    for variable in model.variables:
        if variable.name == "seed_generator_state":
            variable.assign(rng.integers(2**31, size=tuple(variable.shape)))


def _validate(model: Any, examples: Examples) -> dict[str, float]:
    x = examples.windows.astype(np.float32)
    with quiet_stderr():
        loss, accuracy = model.evaluate(x, examples.classes, batch_size=512, verbose=0)
    return {"held-out loss": float(loss), "held-out accuracy": float(accuracy)}
