"""Tiny manifests and windows, from which each kind makes its ``sample_bundle``."""

from __future__ import annotations

from typing import Literal

import numpy as np

from opcua_ai.core import status as codes
from opcua_ai.core.types import NS, Window
from opcua_ai.inference.manifest import InputSpec, Manifest, OutputSpec
from opcua_ai.inference.preprocess import scaling

ROWS = 4


def sample_manifest(
    kind: str, task: Literal["fault", "regression"], outputs: tuple[OutputSpec, ...]
) -> Manifest:
    """Manifest with the inputs A, B, C and four rows of one second."""
    inputs = tuple(
        InputSpec(name=name, unit="bar", low=-1e3, high=1e3, mean=mean, std=2.0)
        for name, mean in (("A", 10.0), ("B", 20.0), ("C", 30.0))
    )
    return Manifest(
        name=f"sample_{kind}",
        version="1.0.0",
        kind=kind,
        task=task,
        inputs=inputs,
        period_s=1.0,
        rows=ROWS,
        outputs=outputs,
    )


def sample_windows(manifest: Manifest, count: int = 3, seed: int = 0) -> list[Window]:
    """Good windows that scatter around the training mean."""
    rng = np.random.default_rng(seed)
    mean, std = scaling(manifest)
    shape = (manifest.rows, len(manifest.inputs))
    period = int(manifest.period_s * NS)
    return [
        Window(
            value=mean + std * rng.normal(size=shape),
            status=np.full(shape, codes.GOOD, np.uint32),
            time=(n + 1) * period,
            newest_sample=(n + 1) * period,
        )
        for n in range(count)
    ]
