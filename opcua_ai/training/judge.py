"""``opcua-ai evaluate``: a bundle's figures made again from data, as tables, JSON and a picture.

The protocol comes from the ``train.toml`` inside the bundle, whose sha256 the manifest holds.
"""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from opcua_ai.core.errors import BundleError, ConfigError
from opcua_ai.inference.bundle import find_bundle, load_bundle
from opcua_ai.inference.manifest import CONFIG
from opcua_ai.inference.model import Model
from opcua_ai.training import pictures, tables
from opcua_ai.training.config import LoadedConfig, load_config
from opcua_ai.training.data import DataSet, load_data
from opcua_ai.training.evaluation import FaultReport, evaluate_faults
from opcua_ai.training.regression import RegressionReport, evaluate_regression


def evaluate(
    bundle: str,
    console: Console,
    data: Path | None = None,
    json_file: Path | None = None,
    png_file: Path | None = None,
    root: Path | None = None,
) -> FaultReport | RegressionReport:
    """Run the bundle's test protocol and show the figures.

    Raises BundleError when the bundle carries no protocol, DataError when the data do not fit.
    """
    for file in (json_file, png_file):
        if file is not None and not file.resolve().parent.is_dir():
            raise ConfigError(f"{file}: there is no folder {file.resolve().parent}")
    folder = find_bundle(bundle, root)
    model = load_bundle(folder)
    loaded = protocol(folder, model)
    found = load_data(loaded, data)
    _say_what(console, model, found)
    report: FaultReport | RegressionReport
    if model.manifest.task == "fault":
        report = evaluate_faults(loaded.config, model.manifest, found.of("test"), model.outputs)
        tables.show_faults(console, report, model.manifest)
        if png_file is not None:
            labels = tuple(loaded.config.labels)
            pictures.confusion(png_file, report.naming.confusion, labels, model.name)
    else:
        report = evaluate_regression(loaded, model.manifest, found.of("test"), model.outputs)
        tables.show_regression(console, report, model.manifest)
        if png_file is not None:
            pictures.regression(png_file, loaded, model, found.of("test"))
    if json_file is not None:
        record = {"bundle": model.name, "data_sha256": found.sha256, **plain(report)}
        json_file.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    for file in (json_file, png_file):
        if file is not None:
            console.print(f"written: {file}", soft_wrap=True)
    return report


def protocol(folder: Path, model: Model) -> LoadedConfig:
    """The training configuration inside a bundle. Raises BundleError when it has none."""
    if CONFIG not in model.manifest.files:
        raise BundleError(
            f"{folder}: no {CONFIG} in the bundle: its test protocol is not known; train it with "
            "opcua-ai train"
        )
    return load_config(folder / CONFIG)


def _say_what(console: Console, model: Model, data: DataSet) -> None:
    console.print(f"bundle {model.name}, data {data.path}", soft_wrap=True)
    if data.sha256 != model.manifest.training.data_sha256:
        console.print("note: these are not the data that the bundle was trained on (other sha256)")


def plain(value: Any) -> Any:
    """Reports as what JSON knows: NaN becomes null, arrays become lists."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value
