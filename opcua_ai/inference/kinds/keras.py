"""Neural networks saved by Keras 3 (``model.keras``), run as one compiled function.

The model has one input [batch, rows, tags] and one named output per manifest output. Loading runs
no code of the bundle: ``safe_mode=True`` refuses lambdas and foreign classes.
"""

from __future__ import annotations

import importlib
import logging
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from opcua_ai.core.errors import BundleError
from opcua_ai.core.types import FloatArray
from opcua_ai.inference.manifest import Manifest
from opcua_ai.inference.quiet import quiet_stderr

log = logging.getLogger(__name__)

FILE = "model.keras"
Call = Callable[[FloatArray], Mapping[str, FloatArray]]


class KerasKind:
    """A loaded network. TensorFlow takes the GPU by itself where there is one."""

    def __init__(self, model: Any, manifest: Manifest) -> None:
        shape = (manifest.rows, len(manifest.inputs))
        self._all = compiled(model, shape)
        self._score: Call | None = None
        score = manifest.explained
        if len(manifest.outputs) > 1 and score.type == "score":
            part = import_keras().Model(model.inputs, {score.name: model.output[score.name]})
            self._score_name = score.name
            self._score = compiled(part, shape)

    @property
    def accelerator(self) -> str:
        return "GPU" if import_keras().distribution.list_devices("gpu") else "CPU"

    def predict(self, windows: FloatArray) -> Mapping[str, FloatArray]:
        """Scaled windows [batch, rows, tags] -> output name -> [batch, width]."""
        return self._all(windows)

    def predict_output(self, name: str, windows: FloatArray) -> FloatArray:
        """One output alone [batch, width]."""
        if self._score is not None and name == self._score_name:
            return self._score(windows)[name]
        return self._all(windows)[name]


def compiled(model: Any, shape: tuple[int, int]) -> Call:
    """The model as a function of arrays, compiled once for any batch size and warmed up.

    On TensorFlow one ``tf.function`` (20 to 30 times faster than ``model(x)``, MEASURED.md);
    on another Keras backend its own compiled predict step.
    """
    call: Callable[[Any], Mapping[str, Any]]
    if import_keras().backend.backend() == "tensorflow":
        tf: Any = importlib.import_module("tensorflow")

        def graph(x: Any) -> Any:
            return model(x, training=False)

        signature = [tf.TensorSpec((None, *shape), tf.float32)]
        concrete: Any = tf.function(graph, input_signature=signature).get_concrete_function()

        def run_graph(x: Any) -> Any:
            return concrete(tf.constant(x))

        call = run_graph
    else:
        call = model.predict_on_batch

    def run(windows: FloatArray) -> Mapping[str, FloatArray]:
        raw = call(np.asarray(windows, np.float32))
        return {name: np.asarray(value, np.float64) for name, value in raw.items()}

    run(np.zeros((1, *shape)))
    return run


def import_keras() -> Any:
    """The keras module; the noise of TensorFlow's start goes to the log.

    Raises BundleError where Keras or its backend is not installed.
    """
    if "keras" in sys.modules:
        return sys.modules["keras"]
    with quiet_stderr():
        try:
            keras: Any = importlib.import_module("keras")
            if keras.backend.backend() == "tensorflow":
                tf: Any = importlib.import_module("tensorflow")
                devices = tf.config.list_physical_devices("GPU")
                log.debug("TensorFlow %s, GPUs: %d", tf.__version__, len(devices))
        except ImportError as error:
            raise BundleError(
                f"kind 'keras' needs Keras and TensorFlow ({error}): pip install keras tensorflow"
            ) from error
    return keras


def load(folder: Path, manifest: Manifest) -> KerasKind:
    """The network of a bundle. Raises BundleError when it does not fit its manifest."""
    keras = import_keras()
    path = folder / FILE
    with quiet_stderr():
        try:
            model: Any = keras.saving.load_model(path, compile=False, safe_mode=True)
        except Exception as error:  # Keras raises what it likes for a file that it refuses
            reason = str(error).strip().splitlines()[0] if str(error).strip() else repr(error)
            raise BundleError(f"{path}: Keras refuses the file: {reason}") from error
        check_shape(model, manifest, path)
        return KerasKind(model, manifest)


def check_shape(model: Any, manifest: Manifest, path: Path) -> None:
    """Raise BundleError unless inputs and outputs are those of the manifest."""
    expected = (None, manifest.rows, len(manifest.inputs))
    if len(model.inputs) != 1 or tuple(model.inputs[0].shape) != expected:
        found = [tuple(i.shape) for i in model.inputs]
        raise BundleError(f"{path}: inputs are {found}, the manifest says {expected}")
    output: Any = model.output
    if not isinstance(output, dict):
        raise BundleError(f"{path}: the model has no named outputs")
    widths = {str(k): int(v.shape[-1]) for k, v in output.items()}  # pyright: ignore
    wanted = {o.name: o.width for o in manifest.outputs}
    if widths != wanted:
        raise BundleError(f"{path}: outputs are {widths}, the manifest says {wanted}")


def sample_bundle(folder: Path) -> Path:
    """Write a tiny bundle of this kind below ``folder``; for the contract test."""
    from opcua_ai.inference.bundle import write_bundle
    from opcua_ai.inference.manifest import OutputSpec
    from opcua_ai.inference.samples import sample_manifest, sample_windows

    keras = import_keras()
    with quiet_stderr():
        keras.utils.set_random_seed(0)
        x = keras.Input((4, 3))
        hidden = keras.layers.GRU(4, unroll=True)(x)
        score = keras.layers.Dense(1, activation="softplus", name="score")(hidden)
        label = keras.layers.Dense(2, activation="softmax", name="label")(hidden)
        model = keras.Model(x, {"score": score, "label": label})
    outputs = (
        OutputSpec(name="score", type="score", limit=1.0),
        OutputSpec(name="label", type="classes", labels=("a", "b")),
    )
    manifest = sample_manifest("keras", "fault", outputs)
    return write_bundle(folder, manifest, {FILE: model.save}, sample_windows(manifest))
