"""What a bundle says about itself: ``manifest.json``, checked key by key; unknown keys are refused.

Nothing here loads a model or imports a framework.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, ValidationError, model_validator

from opcua_ai.core import plugins
from opcua_ai.core.errors import BundleError
from opcua_ai.core.strict import Strict, mistakes

FILE_NAME = "manifest.json"
GOLDEN = "golden.npz"
CARD = "CARD.md"
CONFIG = "train.toml"
FORMAT = 1

Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$")]
Version = Annotated[str, Field(pattern=r"^\d+\.\d+\.\d+$")]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
FileName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]
"""No folder separators: a manifest cannot name a file outside its own folder."""
Positive = Annotated[float, Field(gt=0)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Figures = dict[str, float | int | str | None]
"""Figures of merit under short names."""


class TagSpec(Strict):
    """One input tag: how it is called and what is permitted."""

    name: str
    """OPC UA BrowseName, e.g. ``XMEAS(7)``."""
    description: str = ""
    unit: str = ""
    low: float | None = None
    """Lowest permitted value; null = no limit."""
    high: float | None = None

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.low is not None and self.high is not None and self.low >= self.high:
            raise ValueError(f"low {self.low} is not below high {self.high}")
        return self


class InputSpec(TagSpec):
    """An input tag and how it is scaled."""

    mean: Finite
    """Mean of the normal training rows; also stands in for a value that never arrived."""
    std: Annotated[float, Field(gt=0, allow_inf_nan=False)]


class Denoise(Strict):
    """A causal filter inside the window."""

    method: Literal["none", "median", "exponential"] = "none"
    rows: Annotated[int, Field(ge=1)] = 3
    """Length of the running median."""
    alpha: Annotated[float, Field(gt=0, le=1)] = 0.5
    """Weight of the newest row of the exponential filter."""


class OutputSpec(Strict):
    """One output of the model."""

    name: Name
    type: Literal["score", "classes", "value"]
    description: str = ""
    labels: tuple[str, ...] = ()
    """Classes in the order of the model's columns; only for type ``classes``."""
    descriptions: tuple[str, ...] = ()
    """Human text of each label."""
    normal_label: str | None = None
    """The label that means no fault; null when a score decides that."""
    unit: str = ""
    low: float | None = None
    """Physical limits of a value."""
    high: float | None = None
    limit: Positive | None = None
    """Alarm limit of a score."""
    interval: tuple[float, float] | None = None
    """What is added to a value for its lower and upper bound."""
    level: Annotated[float, Field(gt=0, lt=1)] | None = None
    """Share of the truth that the interval should hold."""
    horizon_s: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    """Plant seconds that the output looks ahead of the newest row; 0: it speaks of the present."""

    @model_validator(mode="after")
    def _fits_its_type(self) -> Self:
        if self.type == "classes" and len(self.labels) < 2:
            raise ValueError("an output of type 'classes' needs two labels or more")
        if self.type != "classes" and self.labels:
            raise ValueError("only an output of type 'classes' has labels")
        if len(set(self.labels)) != len(self.labels):
            raise ValueError("labels are not unique")
        if self.descriptions and len(self.descriptions) != len(self.labels):
            raise ValueError("descriptions must be as many as labels")
        if self.normal_label is not None and self.normal_label not in self.labels:
            raise ValueError(f"normal_label {self.normal_label!r} is not among the labels")
        return self

    @property
    def width(self) -> int:
        """Columns of the model's output."""
        return len(self.labels) if self.type == "classes" else 1

    def describe(self, label: str) -> str:
        """Human text of a label; the label itself where there is none."""
        texts = dict(zip(self.labels, self.descriptions, strict=False))
        return texts.get(label, label)


class TrainingInfo(Strict):
    """Where the bundle comes from."""

    data_file: str = ""
    data_sha256: Sha256 | None = None
    config_sha256: Sha256 | None = None
    rows: int = 0
    """Rows of plant data that the fit has seen."""
    seed: int | None = None
    libraries: dict[str, str] = Field(default_factory=dict[str, str])
    date: str = ""
    warnings: tuple[str, ...] = ()
    """What a user has to know about the fit, e.g. a rank-deficient design."""


class Manifest(Strict):
    """All that the runtime needs to know about a bundle before it opens the model file."""

    format: Literal[1] = FORMAT
    name: Name
    version: Version
    title: str = ""
    kind: str
    """File name in ``inference/kinds``; never a dotted path."""
    task: Literal["fault", "regression"]
    inputs: Annotated[tuple[InputSpec, ...], Field(min_length=1)]
    period_s: Positive
    """Plant seconds per row."""
    rows: Annotated[int, Field(ge=1, le=100_000)]
    """Rows of a window."""
    denoise: Denoise = Denoise()
    min_coverage: Annotated[float, Field(ge=0, le=100)] = 80.0
    """Percent of Good cells below which a prediction is Bad."""
    out_of_range: Literal["uncertain", "clip", "bad"] = "uncertain"
    stale_after_s: Positive | None = None
    """Plant seconds without a new sample after which the window store marks a tag
    UncertainLastUsableValue; null = never."""
    explain: Literal["always", "alarm", "never"] = "always"
    """When contributions are computed; ``alarm``: only where the score exceeds its limit."""
    outputs: Annotated[tuple[OutputSpec, ...], Field(min_length=1)]
    training: TrainingInfo = TrainingInfo()
    metrics: Figures = Field(default_factory=Figures)
    """On the test runs."""
    baseline: Figures = Field(default_factory=Figures)
    """The same of a classical method on the same split."""
    files: dict[FileName, Sha256] = Field(default_factory=dict[FileName, Sha256])
    """Every other file of the bundle and its sha256."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        names = [i.name for i in self.inputs]
        if len(set(names)) != len(names):
            raise ValueError("input names are not unique")
        outputs = [o.name for o in self.outputs]
        if len(set(outputs)) != len(outputs):
            raise ValueError("output names are not unique")
        return self

    def output(self, name: str) -> OutputSpec:
        """The output of that name. Raises KeyError when there is none."""
        return next(o for o in self.outputs if o.name == name)

    @property
    def explained(self) -> OutputSpec:
        """The output that contributions explain: the first score, else the first output."""
        return next((o for o in self.outputs if o.type == "score"), self.outputs[0])


def parse_manifest(text: bytes, source: Path) -> Manifest:
    """Manifest of the text of ``manifest.json``.

    Raises BundleError naming the file, the key and the value; also for a kind that is not known.
    """
    try:
        raw = json.loads(text)
    except ValueError as error:
        raise BundleError(f"{source}: not JSON ({error}); install the bundle again") from None
    try:
        manifest = Manifest.model_validate(raw)
    except ValidationError as error:
        raise BundleError(f"{source}: {mistakes(error)[0]}") from None
    known = plugins.names("inference.kinds")
    if manifest.kind not in known:
        raise BundleError(
            f"{source}: kind = {manifest.kind!r}: there is no such kind; known: {', '.join(known)}"
        )
    return manifest
