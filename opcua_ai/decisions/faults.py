"""Fault alarm: a detector's score says *that* something is wrong, a classifier says *what*.

The alarm becomes active after ``on_delay`` new windows in a row over the limit and returns to
normal after ``off_delay`` in a row below ``1 - hysteresis`` of it (ISA-18.2 on/off delay and
deadband). The fault gets a name once the classifier has said the same ``name_delay`` windows in a
row with at least ``name_confidence``; until then it is unusual operation. Windows whose prediction
is Bad change nothing but the alarm's quality.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from opcua_ai.core import status as codes
from opcua_ai.core.config import Name, Strict
from opcua_ai.core.types import FaultVerdict, ModelInfo, ModelResult, Prediction

NORMAL_SEVERITY = 100
"""Of an alarm that is not active: nobody has to act."""


class Options(Strict):
    policy: Literal["faults"]
    model: Name
    detection: str = "detection"
    """Output of the model with a score whose limit is 1."""
    diagnosis: str = "fault"
    """Output of the model with the fault classes."""
    on_delay: int = Field(default=3, ge=1)
    """New windows in a row over the limit before the alarm is raised."""
    off_delay: int = Field(default=10, ge=1)
    hysteresis: float = Field(default=0.1, ge=0, lt=1)
    name_delay: int = Field(default=3, ge=1)
    name_confidence: float = Field(default=0.5, ge=0, le=1)
    severity: int = Field(default=700, ge=1, le=1000)

    needs_outputs: ClassVar = ("detection", "diagnosis")
    needs_inputs: ClassVar = ()


EXAMPLE = {"policy": "faults", "model": "faults"}


class Policy:
    """State of one asset's alarm."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._active = False
        self._settled = False
        self._over = 0
        self._under = 0
        self._name = ""
        self._text = ""
        self._candidate: str = ""
        self._agreed = 0
        self._seen = -1

    def waiting(self, asset: str, model: ModelInfo) -> FaultVerdict:
        """No alarm that is new: the server shows what it knows from before a restart."""
        return FaultVerdict(
            asset=asset,
            active=False,
            label="",
            severity=NORMAL_SEVERITY,
            message="",
            status=codes.BAD_WAITING_FOR_INITIAL_DATA,
            source_time=0,
            settled=False,
        )

    def decide(self, result: ModelResult) -> FaultVerdict | None:
        """None when the model lacks the detection output."""
        score = result.prediction(self._options.detection)
        if score is None:
            return None
        before = self._active, self._name
        if not codes.is_bad(score.status) and result.window.time != self._seen:
            self._seen = result.window.time
            self._count(score.value)
            self._identify(result.prediction(self._options.diagnosis))
        changed = (self._active, self._name) != before
        return self._verdict(result, score, changed)

    def _count(self, score: float) -> None:
        """Count a window over, or clearly under, the limit."""
        self._over = self._over + 1 if score > 1.0 else 0
        self._under = self._under + 1 if score < 1.0 - self._options.hysteresis else 0
        if self._over >= self._options.on_delay:
            self._active = self._settled = True
        elif self._under >= self._options.off_delay:
            self._active, self._settled = False, True

    def _identify(self, named: Prediction | None) -> None:
        """Give the fault the name that the classifier insists on."""
        sure = (
            named is not None
            and not codes.is_bad(named.status)
            and named.confidence >= self._options.name_confidence
        )
        label: str = named.label if named and sure else ""
        self._agreed = self._agreed + 1 if label and label == self._candidate else int(bool(label))
        self._candidate = label
        if not self._active:
            self._name = self._text = ""
        elif named and self._agreed >= self._options.name_delay:
            self._name, self._text = label, named.text

    def _verdict(self, result: ModelResult, score: Prediction, changed: bool) -> FaultVerdict:
        named = result.prediction(self._options.diagnosis)
        probability = named.probabilities.get(self._name) if named else None
        confidence = score.confidence if probability is None else probability
        return FaultVerdict(
            asset=result.asset,
            active=self._active,
            label=self._name,
            severity=self._options.severity if self._active else NORMAL_SEVERITY,
            message=self._message(score, confidence),
            status=score.status,
            source_time=score.source_time,
            confidence=confidence,
            contributions=score.contributions,
            changed=changed,
            settled=self._settled,
        )

    def _message(self, score: Prediction, confidence: float) -> str:
        if codes.is_bad(score.status):
            kept = "the alarm stays active" if self._active else "no alarm"
            return f"No prediction: {codes.name(score.status)}; {kept}"
        if not self._active:
            return "Normal operation"
        where = ", ".join(c.text or c.tag for c in score.contributions[:2])
        because = f"; most unusual: {where}" if where else ""
        if not codes.is_good(score.status):
            because += f" [inputs uncertain, {score.coverage:.0f} % usable]"
        if not self._name:
            return f"Unusual operation{because}"
        return f"Predicted fault: {self._text or self._name} ({confidence:.0%} sure){because}"
