"""The parts of a manifest that every training fills in the same way."""

from __future__ import annotations

from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version

import numpy as np

from opcua_ai.core import status as codes
from opcua_ai.core.errors import DataError
from opcua_ai.core.types import FloatArray, Window
from opcua_ai.inference.manifest import InputSpec, Manifest, OutputSpec, TrainingInfo
from opcua_ai.training.config import LoadedConfig
from opcua_ai.training.data import DataSet, Run

GOLDEN_WINDOWS = 4


def draft_manifest(
    loaded: LoadedConfig,
    data: DataSet,
    kind: str,
    normal: FloatArray,
    outputs: tuple[OutputSpec, ...],
) -> Manifest:
    """Manifest without metrics and files; scaling from the rows ``normal`` [n, inputs].

    Raises DataError for an input that never changes there: it cannot be scaled.
    """
    config = loaded.config
    mean, std = np.nanmean(normal, axis=0), np.nanstd(normal, axis=0)
    still = [i.name for i, s in zip(config.inputs, std, strict=True) if not s > 0]
    if still:
        raise DataError(f"{data.path}: input {still[0]!r} never changes in the training data")
    inputs = tuple(
        InputSpec(**i.model_dump(exclude={"column"}), mean=float(m), std=float(s))
        for i, m, s in zip(config.inputs, mean, std, strict=True)
    )
    return Manifest(
        name=config.name,
        version=config.version,
        title=config.title,
        kind=kind,
        task=config.task,
        inputs=inputs,
        period_s=config.period_s,
        rows=config.rows,
        denoise=config.cleaning.denoise,
        min_coverage=config.cleaning.min_coverage,
        out_of_range=config.cleaning.out_of_range,
        stale_after_s=config.cleaning.stale_after_s,
        explain=config.explain,
        outputs=outputs,
        training=TrainingInfo(
            data_file=data.path.name,
            data_sha256=data.sha256,
            config_sha256=loaded.sha256,
            rows=sum(len(r.table) for r in data.of("train")),
            seed=config.seeds[0],
            libraries=library_versions(),
            date=datetime.now(UTC).date().isoformat(),
        ),
    )


def library_versions() -> dict[str, str]:
    """Versions of what computed the model."""
    found: dict[str, str] = {}
    for name in ("numpy", "keras", "tensorflow", "scikit-learn"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def golden_windows(runs: tuple[Run, ...], columns: list[str], manifest: Manifest) -> list[Window]:
    """A few raw windows of training runs, one of them with a dead tag."""
    chosen = [runs[i] for i in np.linspace(0, len(runs) - 1, GOLDEN_WINDOWS).astype(int)]
    windows: list[Window] = []
    for number, run in enumerate(chosen):
        end = min(len(run.table), manifest.rows + 100)
        value = run.take(columns)[end - manifest.rows : end].copy()
        status = np.full(value.shape, codes.GOOD, np.uint32)
        if number == GOLDEN_WINDOWS - 1:
            status[:, 0] = codes.BAD_NO_COMMUNICATION
        windows.append(Window(value, status, time=0, newest_sample=0))
    return windows
