"""A loaded bundle: raw windows in, predictions with quality and reasons out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from opcua_ai.core import status as codes
from opcua_ai.core.errors import BundleError
from opcua_ai.core.ports import Kind
from opcua_ai.core.types import Contribution, FloatArray, Prediction, Window
from opcua_ai.inference.explain import explain
from opcua_ai.inference.kinds import SelfExplaining
from opcua_ai.inference.manifest import Manifest, OutputSpec
from opcua_ai.inference.preprocess import Cleaned, clean


class Model:
    """Predicts many windows as one batch. Call it from one worker thread at a time."""

    def __init__(self, manifest: Manifest, digest: str, kind: Kind) -> None:
        self.manifest = manifest
        self.digest = digest
        """sha256 of ``manifest.json``, which itself holds the sums of all other files."""
        self._kind = kind
        self._slopes = kind.slopes() if isinstance(kind, SelfExplaining) else {}

    @property
    def name(self) -> str:
        """``name version (sha256 prefix)``, as a ModelResult carries it."""
        return f"{self.manifest.name} {self.manifest.version} ({self.digest[:12]})"

    @property
    def accelerator(self) -> str:
        """``CPU`` or ``GPU``."""
        return self._kind.accelerator

    def outputs(self, scaled: FloatArray) -> Mapping[str, FloatArray]:
        """Cleaned windows [batch, rows, tags] -> output name -> [batch, width]; no quality."""
        return self._kind.predict(scaled)

    def predict(self, windows: Sequence[Window]) -> list[list[Prediction]]:
        """One list of predictions per window, in the order of the manifest's outputs.

        A score is in units of its limit: above 1 it alarms. A Bad prediction has the value NaN and
        confidence 0; one from poor inputs never is Good.
        Raises BundleError when a window has not the shape that the bundle needs.
        """
        if not windows:
            return []
        self._check(windows)
        value = np.stack([w.value for w in windows])
        status = np.stack([w.status for w in windows])
        cleaned = clean(value, status, self.manifest)
        outputs = self.outputs(cleaned.scaled)
        reasons = self._reasons(cleaned, outputs)
        return [
            [
                replace(
                    self._prediction(
                        spec, outputs[spec.name][n], int(cleaned.status[n]), w, reasons[n]
                    ),
                    coverage=float(cleaned.coverage[n]),
                )
                for spec in self.manifest.outputs
            ]
            for n, w in enumerate(windows)
        ]

    def _check(self, windows: Sequence[Window]) -> None:
        shape = (self.manifest.rows, len(self.manifest.inputs))
        for window in windows:
            if window.value.shape != shape or window.status.shape != shape:
                raise BundleError(
                    f"bundle {self.manifest.name}: a window of {window.value.shape} rows and tags "
                    f"arrived, needed is {shape}; give it rows and inputs as its manifest says"
                )

    def _reasons(
        self, cleaned: Cleaned, outputs: Mapping[str, FloatArray]
    ) -> list[Sequence[Contribution]]:
        """Contributions per window; empty where none are wanted or the window is Bad."""
        result: list[Sequence[Contribution]] = [()] * len(cleaned.status)
        wanted = ~codes.bad_mask(cleaned.status)
        spec = self.manifest.explained
        if self.manifest.explain == "never":
            return result
        if self.manifest.explain == "alarm" and spec.limit is not None:
            wanted &= outputs[spec.name][:, 0] > spec.limit
        rows = np.flatnonzero(wanted)
        if rows.size:
            found = explain(self._kind, self.manifest, cleaned.scaled[rows])
            for row, contributions in zip(rows.tolist(), found, strict=True):
                result[row] = contributions
        return result

    def _prediction(
        self,
        spec: OutputSpec,
        raw: FloatArray,
        status: int,
        window: Window,
        reasons: Sequence[Contribution],
    ) -> Prediction:
        if codes.is_bad(status) or not np.isfinite(raw).all():
            return bad_prediction(spec, status, window)
        if spec.type == "classes":
            best = int(np.argmax(raw))
            return Prediction(
                output=spec.name,
                value=float(best),
                status=status,
                source_time=window.newest_sample,
                unit=spec.unit,
                horizon_s=spec.horizon_s,
                label=spec.labels[best],
                text=spec.describe(spec.labels[best]),
                confidence=float(raw[best]),
                probabilities=dict(zip(spec.labels, raw.tolist(), strict=True)),
                contributions=reasons,
            )
        value = float(raw[0]) / (spec.limit or 1.0)
        below, above = spec.interval or (float("nan"), float("nan"))
        return Prediction(
            output=spec.name,
            value=value,
            status=status,
            source_time=window.newest_sample,
            unit=spec.unit,
            horizon_s=spec.horizon_s,
            confidence=float("nan") if spec.level is None else spec.level,
            lower=value + below,
            upper=value + above,
            contributions=reasons,
            slopes=self._slopes if spec.type == "value" else {},
        )


def bad_prediction(spec: OutputSpec, status: int, window: Window) -> Prediction:
    """A prediction that says that there is none; also when the model gave no finite number."""
    return Prediction(
        output=spec.name,
        value=float("nan"),
        status=status if codes.is_bad(status) else codes.BAD_OUT_OF_RANGE,
        source_time=window.newest_sample,
        unit=spec.unit,
        horizon_s=spec.horizon_s,
        confidence=0.0,
    )
