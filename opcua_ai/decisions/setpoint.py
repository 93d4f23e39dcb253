"""One recommended setpoint from a linear model: move the tag that pays, within limits.

Advisory: nothing is written to the plant. A linear model always points to an edge, so the limits
and ``max_step`` decide how far the advice goes; a slope that is not clearly different from zero
gives the advice to hold.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from opcua_ai.core import status as codes
from opcua_ai.core.config import Name, Strict
from opcua_ai.core.types import NS, ModelInfo, ModelResult, Prediction, Recommendation, Tag

Z95 = 1.959963984540054


class Options(Strict):
    policy: Literal["setpoint"]
    model: Name
    output: str = "cost"
    tag: str
    """BrowseName of the input tag to move."""
    direction: Literal["minimise", "maximise"] = "minimise"
    low: float
    high: float
    """Limits that the person responsible for the plant allows, in the tag's unit."""
    max_step: float = Field(gt=0)
    """Largest change to recommend at once, in the tag's unit."""
    valid_s: float = Field(default=900.0, gt=0)
    """Plant seconds after which the recommendation expires."""

    needs_outputs: ClassVar = ("output",)
    needs_inputs: ClassVar = ("tag",)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.low >= self.high:
            raise ValueError(f"low = {self.low:g} must be below high = {self.high:g}")
        return self


EXAMPLE = {
    "policy": "setpoint",
    "model": "cost",
    "tag": "XMV(6)",
    "low": 20.0,
    "high": 60.0,
    "max_step": 2.0,
}


class Policy:
    def __init__(self, options: Options) -> None:
        self._options = options

    def waiting(self, asset: str, model: ModelInfo) -> Recommendation | None:
        """A recommendation without values, so that its nodes are there from the start."""
        target = next((tag for tag in model.inputs if tag.name == self._options.tag), None)
        output = next((o for o in model.outputs if o.name == self._options.output), None)
        if target is None or output is None:
            return None
        hold = _hold(asset, target, math.nan, output.unit)
        return replace(hold, status=codes.BAD_WAITING_FOR_INITIAL_DATA)

    def decide(self, result: ModelResult) -> Recommendation | None:
        """None when the model lacks the output or the tag."""
        prediction = result.prediction(self._options.output)
        column = next((i for i, t in enumerate(result.tags) if t.name == self._options.tag), None)
        if prediction is None or column is None:
            return None
        hold = self._present(result, prediction, column)
        slope = prediction.slopes.get(self._options.tag)
        if codes.is_bad(hold.status):
            return replace(hold, reason=f"no advice: {codes.name(hold.status)}")
        if slope is None:
            return replace(hold, reason=f"no advice: the model knows no slope for {hold.name}")
        return self._advise(hold, prediction, *slope)

    def _present(self, result: ModelResult, prediction: Prediction, column: int) -> Recommendation:
        """The recommendation to change nothing now."""
        current = float(result.window.value[-1, column])
        status = max(prediction.status, int(result.window.status[-1, column]))
        if not math.isfinite(current):
            status = max(status, codes.BAD_NO_DATA)
        hold = _hold(result.asset, result.tags[column], current, prediction.unit)
        return replace(
            hold,
            status=status,
            source_time=prediction.source_time,
            expires=prediction.source_time + round(self._options.valid_s * NS),
        )

    def _advise(
        self, hold: Recommendation, prediction: Prediction, slope: float, error: float
    ) -> Recommendation:
        """Move against (minimise) or along (maximise) the slope when it is clear."""
        o, unit = self._options, hold.target.unit
        what = prediction.text or o.output
        effect = f"{slope:+.3g} +- {Z95 * error:.2g} {prediction.unit} per {unit or 'unit'}"
        confidence = math.erf(abs(slope) / error / math.sqrt(2)) if error > 0 else 1.0
        if abs(slope) <= Z95 * error:
            reason = f"hold {o.tag}: its effect on {what} is not clear ({effect})"
            return replace(hold, confidence=confidence, reason=reason)
        upwards = (slope < 0) == (o.direction == "minimise")
        best = self._edge(hold.target, upwards)
        clamped, why = self._clamp(hold.current, best)
        step = clamped - hold.current
        gain = slope * step * (-1.0 if o.direction == "minimise" else 1.0)
        spread = Z95 * error * abs(step)
        verb = "raise" if step > 0 else "lower" if step < 0 else "hold"
        reason = f"{verb} {hold.name} by {abs(step):.3g} {unit}: {what} changes by {effect}"
        return replace(
            hold,
            recommended=best,
            clamped=clamped,
            clamp_reason=why,
            expected_benefit=gain,
            benefit_low=gain - spread,
            benefit_high=gain + spread,
            confidence=confidence,
            reason=reason,
        )

    def _edge(self, tag: Tag, upwards: bool) -> float:
        """Where the linear model alone would go: the edge of the tag's EURange."""
        edge = tag.high if upwards else tag.low
        if math.isfinite(edge):
            return edge
        return self._options.high if upwards else self._options.low

    def _clamp(self, current: float, best: float) -> tuple[float, str]:
        """Limits first, then the step; the last limit that binds is the reason."""
        o = self._options
        value = min(max(best, o.low), o.high)
        reason = "" if value == best else f"limit {value:g}"
        if abs(value - current) > o.max_step:
            value = current + math.copysign(o.max_step, value - current)
            reason = f"largest step {o.max_step:g}"
        return value, reason


def _hold(asset: str, target: Tag, current: float, unit: str) -> Recommendation:
    return Recommendation(
        asset=asset,
        name=target.name,
        target=target,
        current=current,
        recommended=current,
        clamped=current,
        clamp_reason="",
        expected_benefit=0.0,
        benefit_unit=unit,
        benefit_low=0.0,
        benefit_high=0.0,
        confidence=0.0,
        reason="",
        status=codes.GOOD,
        source_time=0,
        expires=0,
    )
