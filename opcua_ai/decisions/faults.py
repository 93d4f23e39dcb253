"""Fault alarm: a detector's score says *that* something is wrong, a classifier says *what*.

The alarm becomes active after ``on_delay`` new windows in a row over the limit and returns to
normal after ``off_delay`` in a row below ``1 - hysteresis`` of it (ISA-18.2 on/off delay and
deadband). Windows whose prediction is Bad change nothing but the alarm's quality.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from opcua_ai.core import status as codes
from opcua_ai.core.config import Name, Strict
from opcua_ai.core.types import FaultVerdict, ModelResult, Prediction


class Options(Strict):
    policy: Literal["faults"]
    model: Name
    detection: str = "detection"
    """Output of the model with a score whose limit is 1."""
    diagnosis: str = "diagnosis"
    """Output of the model with the fault classes."""
    on_delay: int = Field(default=3, ge=1)
    """New windows in a row over the limit before the alarm is raised."""
    off_delay: int = Field(default=10, ge=1)
    hysteresis: float = Field(default=0.1, ge=0, lt=1)
    severity: int = Field(default=700, ge=1, le=1000)


EXAMPLE = {"policy": "faults", "model": "faults"}


class Policy:
    """State of one asset's alarm."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._active = False
        self._over = 0
        self._under = 0
        self._seen = -1

    def decide(self, result: ModelResult) -> FaultVerdict | None:
        """None when the model lacks the detection output."""
        score = result.prediction(self._options.detection)
        if score is None:
            return None
        changed = self._count(score, result.window.time)
        diagnosis = result.prediction(self._options.diagnosis)
        return self._verdict(result, score, diagnosis, changed)

    def _count(self, score: Prediction, time: int) -> bool:
        """Count a window once; True when the alarm changes state."""
        if codes.is_bad(score.status) or time == self._seen:
            return False
        self._seen = time
        self._over = self._over + 1 if score.value > 1.0 else 0
        self._under = self._under + 1 if score.value < 1.0 - self._options.hysteresis else 0
        before = self._active
        if self._over >= self._options.on_delay:
            self._active = True
        elif self._under >= self._options.off_delay:
            self._active = False
        return self._active != before

    def _verdict(
        self, result: ModelResult, score: Prediction, diagnosis: Prediction | None, changed: bool
    ) -> FaultVerdict:
        named = diagnosis if diagnosis and not codes.is_bad(diagnosis.status) else None
        label = named.label if named and self._active else ""
        confidence = named.confidence if named else score.confidence
        return FaultVerdict(
            asset=result.asset,
            active=self._active,
            label=label,
            severity=self._options.severity if self._active else 100,
            message=self._message(score, label, confidence),
            status=score.status,
            source_time=score.source_time,
            confidence=confidence,
            contributions=score.contributions,
            changed=changed,
        )

    def _message(self, score: Prediction, label: str, confidence: float) -> str:
        if codes.is_bad(score.status):
            kept = "the alarm stays active" if self._active else "no alarm"
            return f"No prediction: {codes.name(score.status)}; {kept}"
        if not self._active:
            return "Normal operation"
        where = ", ".join(c.text or c.tag for c in score.contributions[:2])
        because = f"; most unusual: {where}" if where else ""
        if not label:
            return f"Unusual operation{because}"
        return f"Predicted fault: {label} ({confidence:.0%} sure){because}"
