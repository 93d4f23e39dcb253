"""The training configuration ``train.toml``; unknown keys are refused.

Errors are one line that names the file, the key, the value and what is allowed.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import AfterValidator, AwareDatetime, Field, ValidationError, model_validator

from opcua_ai.core import plugins
from opcua_ai.core.errors import ConfigError
from opcua_ai.core.strict import Strict, mistakes
from opcua_ai.inference.manifest import Denoise, Name, Positive, TagSpec, Version

T = TypeVar("T")
Count = Annotated[int, Field(ge=1)]
NORMAL = "normal"


def _one_of(folder: str) -> AfterValidator:
    """The name of a module in a folder of ``opcua_ai``."""

    def check(name: str) -> str:
        known = plugins.names(folder)
        if name not in known:
            raise ValueError(f"known: {', '.join(known)}")
        return name

    return AfterValidator(check)


class DataSection(Strict):
    """Where the plant data lies."""

    file: str | tuple[str, ...]
    """An npz file with one array [rows, columns] per run, a folder of CSV or Parquet files, one per
    run, or the folder of a history that the server has kept. The first of the alternatives that
    exists is used; a relative one is looked for from the folder of the configuration upwards,
    ``package:name/path`` inside an installed package."""
    columns: tuple[str, ...] = ()
    """Column names of the npz arrays, in order."""
    time_column: str | None = None
    """Column of a CSV or Parquet file by which its rows are sorted."""
    source: str | None = None
    """Name of the source in a history whose input tags are the columns."""

    @property
    def places(self) -> tuple[str, ...]:
        return (self.file,) if isinstance(self.file, str) else self.file


class RunSection(Strict):
    """One recorded run of the plant."""

    name: str
    """Array of the npz file, or file name in the data folder; free in a history."""
    start: AwareDatetime | None = None
    """In a history: plant time of the first row; rows follow every ``period_s`` until ``end``."""
    end: AwareDatetime | None = None
    use: Literal["train", "test"]
    label: str = NORMAL
    """What the run shows from row ``onset`` on; the rows before are normal."""
    onset: Annotated[int, Field(ge=0)] = 0


class InputSection(TagSpec):
    """One input tag; the scaling is fitted."""

    column: str | None = None
    """Column of the data; by default the name."""


class CleaningSection(Strict):
    """Copied into the manifest; see ``inference.preprocess``."""

    denoise: Denoise = Denoise()
    min_coverage: Annotated[float, Field(ge=0, le=100)] = 80.0
    out_of_range: Literal["uncertain", "clip", "bad"] = "uncertain"
    stale_after_s: Positive | None = None


class NetworkSection(Strict):
    """The classifier that names the fault."""

    architecture: Annotated[str, _one_of("training.architectures")]
    """File name in ``training/architectures``."""
    options: dict[str, Any] = Field(default_factory=dict[str, Any])
    """Options of the architecture; checked by itself."""
    epochs: Count
    batch: Count = 64
    learning_rate: Positive = 1e-3
    noise: Annotated[float, Field(ge=0)] = 0.0
    """Standard deviation of Gaussian noise added to scaled training windows."""
    prefix_copies: Annotated[int, Field(ge=0)] = 0
    """How often each run's start is also shown after other normal rows (fault onset)."""


class DetectorSection(Strict):
    """Canonical variate analysis on the normal runs; see ``training.detector``."""

    past: Count = 4
    """Rows of the past vector."""
    future: Count = 4
    states: Count = 33
    ridge: Positive = 1e-3
    average_rows: Count = 1
    """The statistics are averaged over that many newest rows."""
    false_alarms: Annotated[float, Field(gt=0, lt=0.5)] = 0.01
    """Share of held-back normal rows above the limit."""
    folds: Annotated[int, Field(ge=2)] = 5


class RegressionSection(Strict):
    """A linear regression; see ``training.regression``."""

    target: Annotated[str, _one_of("training.targets")]
    """File name in ``training/targets``: computes the target from the data's columns."""
    average_rows: Count = 1
    """Inputs and target are means over that many rows."""
    bootstrap: Annotated[int, Field(ge=0)] = 400
    """Draws of whole runs for the standard errors; 0 = textbook errors."""
    level: Annotated[float, Field(gt=0.5, lt=1)] = 0.95
    exclude: tuple[str, ...] = ()
    """Training runs left out, e.g. because the plant shuts down in them."""


class EvaluationSection(Strict):
    """How the test runs are judged."""

    consecutive: Count = 3
    """Alarms in a row that count as a detection."""
    subsets: dict[str, tuple[str, ...]] = Field(default_factory=dict[str, tuple[str, ...]])
    """Name -> labels left OUT of that subset, e.g. faults that nobody detects."""


class TrainConfig(Strict):
    """All of ``train.toml``."""

    name: Name
    version: Version
    title: str = ""
    description: str = ""
    """For the card: what the model is for."""
    limits_of_use: tuple[str, ...] = ()
    """For the card: what it is not for."""
    remarks: tuple[str, ...] = ()
    """For the card: what an honest reader has to know about the protocol."""
    task: Literal["fault", "regression"]
    seeds: Annotated[tuple[int, ...], Field(min_length=1)] = (1,)
    period_s: Positive
    rows: Count
    explain: Literal["always", "alarm", "never"] = "always"
    data: DataSection
    runs: Annotated[tuple[RunSection, ...], Field(min_length=2)]
    inputs: Annotated[tuple[InputSection, ...], Field(min_length=1)]
    labels: dict[str, str] = Field(default_factory=dict[str, str])
    """Fault label -> text for people, in the order of the model's classes."""
    cleaning: CleaningSection = CleaningSection()
    network: NetworkSection | None = None
    detector: DetectorSection | None = None
    regression: RegressionSection | None = None
    evaluation: EvaluationSection = EvaluationSection()

    @model_validator(mode="after")
    def _sections_fit_the_task(self) -> Self:
        if self.task == "fault":
            if self.network is None or self.detector is None:
                raise ValueError("task 'fault' needs the sections [network] and [detector]")
            needed = self.detector.past + self.detector.average_rows - 1
            if needed > self.rows:
                raise ValueError(f"the detector needs {needed} rows, a window has {self.rows}")
            variates = self.detector.past * len(self.inputs)
            if self.detector.states >= variates:
                raise ValueError(
                    f"detector.states = {self.detector.states}: must be below past * inputs = "
                    f"{variates}"
                )
            if len(self.labels) < 2:
                raise ValueError("[labels] needs two faults or more")
        elif self.regression is None:
            raise ValueError("task 'regression' needs the section [regression]")
        elif self.regression.average_rows > self.rows:
            raise ValueError("regression.average_rows is more than the rows of a window")
        return self

    @model_validator(mode="after")
    def _runs_are_sound(self) -> Self:
        if double := _twice([i.name for i in self.inputs]):
            raise ValueError(f"input {double!r} is listed twice")
        if double := _twice([r.name for r in self.runs]):
            raise ValueError(f"run {double!r} is listed twice; a run trains or tests, not both")
        for use in ("train", "test"):
            if not self.of(use):
                raise ValueError(f"no run has use = '{use}'")
        if self.task == "fault":
            for run in self.runs:
                if run.label != NORMAL and run.label not in self.labels:
                    raise ValueError(f"run {run.name!r}: label {run.label!r} is not in [labels]")
            untrained = sorted(set(self.labels) - {r.label for r in self.of("train")})
            if untrained:
                raise ValueError(f"label {untrained[0]!r} has no training run")
            if not any(r.label == NORMAL for r in self.of("train")):
                raise ValueError("the detector needs a training run with label 'normal'")
            if all(r.label == NORMAL for r in self.of("test")):
                raise ValueError("no test run has a label of [labels]: no fault could be judged")
        return self

    @model_validator(mode="after")
    def _something_is_left(self) -> Self:
        if self.regression is not None:
            train = [r.name for r in self.of("train")]
            unknown = sorted(set(self.regression.exclude) - set(train))
            if unknown:
                raise ValueError(f"regression.exclude: {unknown[0]!r} is no training run")
            if set(train) == set(self.regression.exclude):
                raise ValueError("regression.exclude leaves no training run")
            if all(r.label in self.excluded_labels for r in self.of("test")):
                raise ValueError("every test run has the label of a run in regression.exclude")
        return self

    def of(self, use: str) -> tuple[RunSection, ...]:
        """The runs for training or for testing."""
        return tuple(r for r in self.runs if r.use == use)

    @property
    def columns(self) -> list[str]:
        """Data columns of the inputs, in their order."""
        return [i.column or i.name for i in self.inputs]

    @property
    def excluded_labels(self) -> set[str]:
        """Labels of the training runs that a regression leaves out."""
        names = self.regression.exclude if self.regression is not None else ()
        return {r.label for r in self.of("train") if r.name in names}


def _twice(names: Sequence[str]) -> str | None:
    return next((n for n in names if names.count(n) > 1), None)


def given(section: T | None) -> T:
    """A section that its task needs; that it is there has been checked on loading."""
    if section is None:
        raise AssertionError("checked by the configuration")
    return section


@dataclass(frozen=True, slots=True)
class LoadedConfig:
    """A configuration and where it came from."""

    config: TrainConfig
    path: Path
    text: bytes
    """The bytes of the file; copied into the bundle."""

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.text).hexdigest()


def load_config(path: Path) -> LoadedConfig:
    """Read and check a configuration. Raises ConfigError with one line."""
    try:
        text = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    try:
        raw = tomllib.loads(text.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not TOML: {error}") from error
    try:
        config = TrainConfig.model_validate(raw)
    except ValidationError as error:
        raise ConfigError(f"{path}: {mistakes(error)[0]}") from None
    return LoadedConfig(config, path, text)
