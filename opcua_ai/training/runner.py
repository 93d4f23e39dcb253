"""``opcua-ai train``: configuration in, checked bundle out."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from opcua_ai.inference.bundle import Content, write_bundle
from opcua_ai.inference.kinds import keras as keras_kind
from opcua_ai.inference.kinds import linear
from opcua_ai.inference.manifest import CARD, CONFIG, Manifest
from opcua_ai.training.card import fault_card, regression_card
from opcua_ai.training.config import LoadedConfig, load_config
from opcua_ai.training.data import DataSet, load_data
from opcua_ai.training.draft import golden_windows
from opcua_ai.training.fault_task import FaultTraining
from opcua_ai.training.regression import RegressionTraining
from opcua_ai.training.state import HOME


def train(
    config: Path,
    console: Console,
    data: Path | None = None,
    seed: int | None = None,
    output: Path | None = None,
    fresh: bool = False,
    state_home: Path = HOME,
) -> Path:
    """Train as the configuration says, write ``<output>/<name>/<version>`` and return it.

    Raises ConfigError, DataError, BundleError, and Interrupted after Ctrl-C.
    """
    loaded = _load(config, seed)
    found = load_data(loaded, data)
    root = output if output is not None else default_output(loaded)
    if loaded.config.task == "fault":
        folder = _train_fault(loaded, found, console, root, state_home, fresh)
    else:
        folder = _train_regression(loaded, found, console, root)
    console.print(f"bundle {folder}", soft_wrap=True)
    return folder


def validate(
    config: Path,
    console: Console,
    data: Path | None = None,
    seed: int | None = None,
    fresh: bool = False,
    state_home: Path = HOME,
) -> None:
    """Judge the settings on held-out parts of the training runs; writes no bundle.

    Raises ConfigError, DataError, and Interrupted after Ctrl-C.
    """
    loaded = _load(config, seed)
    found = load_data(loaded, data)
    if loaded.config.task == "fault":
        FaultTraining(loaded, found, console).validate(state_home / "validation", fresh)
    else:
        RegressionTraining(loaded, found, console).validate()
    console.print("no bundle written; the test runs were not touched")


def _load(config: Path, seed: int | None) -> LoadedConfig:
    loaded = load_config(config)
    if seed is None:
        return loaded
    chosen = loaded.config.model_copy(update={"seeds": (seed,)})
    return LoadedConfig(chosen, loaded.path, loaded.text)


def default_output(loaded: LoadedConfig) -> Path:
    """Root of the bundles: the folder above when the configuration lies in a folder with the
    bundle's name (``models/tep_faults/train.toml``), else ``models`` beside the configuration."""
    home = loaded.path.resolve().parent
    return home.parent if home.name == loaded.config.name else home / "models"


def _train_fault(
    loaded: LoadedConfig,
    data: DataSet,
    console: Console,
    root: Path,
    state_home: Path,
    fresh: bool,
) -> Path:
    training = FaultTraining(loaded, data, console)
    result = training.run(state_home, fresh)
    files: dict[str, Content] = {
        keras_kind.FILE: result.model.save,
        CARD: fault_card(loaded, result).encode(),
    }
    folder = _write(root, result.manifest, files, loaded, data)
    training.forget(state_home)
    return folder


def _train_regression(loaded: LoadedConfig, data: DataSet, console: Console, root: Path) -> Path:
    training = RegressionTraining(loaded, data, console)
    result = training.run()
    files: dict[str, Content] = {
        linear.FILE: linear.to_bytes(result.fit, training.settings.average_rows),
        CARD: regression_card(loaded, result).encode(),
    }
    return _write(root, result.manifest, files, loaded, data)


def _write(
    root: Path,
    manifest: Manifest,
    files: dict[str, Content],
    loaded: LoadedConfig,
    data: DataSet,
) -> Path:
    golden = golden_windows(data.of("train"), loaded.config.columns, manifest)
    return write_bundle(root, manifest, files | {CONFIG: loaded.text}, golden)
