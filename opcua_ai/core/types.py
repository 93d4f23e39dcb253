"""The values that travel from the plant to the HMI, in the order in which they are made.

Times are ``int`` nanoseconds since 1970-01-01 UTC on the *plant's* clock (SourceTimestamp).
Status codes are OPC UA StatusCodes as unsigned 32-bit integers (see ``core.status``).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from opcua_ai.core.status import good_mask

FloatArray = NDArray[np.float64]
StatusArray = NDArray[np.uint32]
TimeArray = NDArray[np.int64]

NS = 1_000_000_000


def to_datetime(time_ns: int) -> datetime:
    """Timezone-aware UTC datetime of a time in nanoseconds (microsecond resolution)."""
    seconds, rest = divmod(time_ns, NS)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest // 1000)


def from_datetime(moment: datetime) -> int:
    """Nanoseconds since 1970 of a datetime; a naive one is taken as UTC, as asyncua gives it."""
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    delta = aware - datetime(1970, 1, 1, tzinfo=UTC)
    return (delta.days * 86400 + delta.seconds) * NS + delta.microseconds * 1000


def escape_name(name: str) -> str:
    """A BrowseName as one element of a browse path: ``/`` becomes ``%2F``."""
    return name.replace("%2F", "%252F").replace("/", "%2F")


def unescape_name(part: str) -> str:
    """The BrowseName of one element of a browse path."""
    return re.sub("%(25)?2F", lambda match: "%2F" if match[1] else "/", part)


@dataclass(frozen=True, slots=True)
class Tag:
    """One plant variable as its source found it."""

    path: str
    """Browse path below the source's browse root, e.g. ``TennesseeEastman/Reactor/XMEAS(7)``."""
    node_id: str
    """OPC UA node id with its namespace URI (``nsu=urn:plant;s=...``), or the column of a file."""
    display_name: str = ""
    description: str = ""
    data_type: str = "Double"
    unit: str = ""
    low: float = float("-inf")
    """EURange low; minus infinity where the server gives none."""
    high: float = float("inf")
    """EURange high."""

    @property
    def name(self) -> str:
        """The BrowseName: the last element of the browse path."""
        return unescape_name(self.path.rsplit("/", 1)[-1])


VACANT = Tag("", "")
"""Stands in the place of a tag that its source delivers no more: the others keep their columns."""


@dataclass(frozen=True, slots=True)
class Samples:
    """A block of value changes, oldest first. All arrays have the same length n."""

    column: NDArray[np.int32]
    """Index into the source's ``tags``."""
    value: FloatArray
    status: StatusArray
    time: TimeArray
    filled: bool = False
    """Read from the source's history after an outage: older than what has arrived since. Each tag's
    first sample is the one that was in force when the outage began, so that its rows have no hole.
    """
    until: int = 0
    """Plant time before which nothing else has happened, so far as the source knows; 0: it does not
    know. A block without samples may say so too."""

    def where(self, which: NDArray[np.bool_] | NDArray[np.intp]) -> Samples:
        """Those that a mask or indices choose."""
        return replace(
            self,
            column=self.column[which],
            value=self.value[which],
            status=self.status[which],
            time=self.time[which],
        )


@dataclass(frozen=True, slots=True)
class Window:
    """The newest rows of chosen tags on the plant's clock, oldest row first."""

    value: FloatArray
    """[rows, tags]; NaN where no usable value has ever arrived."""
    status: StatusArray
    """[rows, tags]"""
    time: int
    """Plant time of the newest row's tick."""
    newest_sample: int
    """Newest SourceTimestamp among the values in the window; 0 when there is none."""
    filled: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, np.bool_))
    """[rows]; the rows with values that were read from the source's history after an outage. Empty
    when the window does not come from a live source."""

    @property
    def coverage(self) -> float:
        """Share of the cells whose status is Good, in percent."""
        return 100.0 * float(np.mean(good_mask(self.status)))


@dataclass(frozen=True, slots=True)
class Contribution:
    """How much one input tag weighs in a prediction (shares of the absolute sum; signed)."""

    tag: str
    weight: float
    text: str = ""


Slope = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Prediction:
    """One output of one model for one asset."""

    output: str
    value: float
    """Score, physical value, or the index of the likeliest class."""
    status: int
    source_time: int
    """SourceTimestamp of the newest input."""
    unit: str = ""
    label: str = ""
    """Name of the likeliest class; empty for numbers."""
    text: str = ""
    """The label, or for numbers the output itself, in words."""
    confidence: float = float("nan")
    """0..1"""
    coverage: float = float("nan")
    """Share of the window's cells that are Good and within their range, in percent."""
    lower: float = float("nan")
    upper: float = float("nan")
    horizon_s: float = 0.0
    """How far ahead of ``source_time`` it looks, in plant seconds."""
    probabilities: Mapping[str, float] = field(default_factory=dict[str, float])
    contributions: Sequence[Contribution] = ()
    slopes: Mapping[str, Slope] = field(default_factory=dict[str, Slope])
    """For models that know it: tag -> (change of value per unit of the tag, standard error)."""


@dataclass(frozen=True, slots=True)
class ModelResult:
    """All predictions of one model run for one asset, with what the run was made of."""

    model: str
    asset: str
    bundle: str
    """``name version (sha256 prefix)``"""
    predictions: Sequence[Prediction]
    window: Window
    tags: Sequence[Tag]
    """Source tags in the order of the window's columns."""
    valid_until: int = 0
    """Plant time by which a newer result must have come; 0: nothing sampled yet."""

    def prediction(self, output: str) -> Prediction | None:
        return next((p for p in self.predictions if p.output == output), None)


@dataclass(frozen=True, slots=True)
class FaultVerdict:
    """What a fault policy makes of a model's predictions: the state of one asset's alarm."""

    asset: str
    active: bool
    label: str
    severity: int
    """1..1000 (Part 9); above 400 only where an operator has to act."""
    message: str
    status: int
    source_time: int
    confidence: float = float("nan")
    contributions: Sequence[Contribution] = ()
    changed: bool = False
    """True on the run in which the alarm became active, got another name or returned to normal."""
    settled: bool = True
    """False while the policy has not seen enough since its start to say that nothing is wrong: an
    alarm that was active before stays so."""


@dataclass(frozen=True, slots=True)
class Recommendation:
    """A setpoint that would pay, advisory only."""

    asset: str
    name: str
    target: Tag
    current: float
    recommended: float
    """What the model alone would choose."""
    clamped: float
    """What the limits leave of it."""
    clamp_reason: str
    expected_benefit: float
    benefit_unit: str
    benefit_low: float
    benefit_high: float
    confidence: float
    reason: str
    status: int
    source_time: int
    expires: int


Decision = FaultVerdict | Recommendation


@dataclass(frozen=True, slots=True)
class OutputInfo:
    """What an HMI is told about one output of a model before the first run."""

    name: str
    type: str
    """``score``, ``classes`` or ``value``."""
    description: str = ""
    unit: str = ""
    low: float = float("nan")
    high: float = float("nan")
    labels: Sequence[str] = ()
    horizon_s: float = 0.0


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """What the server shows of one configured model."""

    name: str
    bundle: str
    version: str
    digest: str
    framework: str
    task: str
    application: str
    schedule: str
    trained_on: str
    metrics: str
    """JSON text"""
    accelerator: str
    inputs: Sequence[Tag]
    """What the bundle expects: BrowseName (as path), unit and permitted range of each input."""
    outputs: Sequence[OutputInfo]
    assets: Sequence[str]
    simulated: Collection[str] = ()
    """The assets whose source is no running plant: a simulator or a recording."""


class ModelState(StrEnum):
    WAITING = "Waiting"
    """Not enough rows yet."""
    RUNNING = "Running"
    FAILED = "Failed"
    DISABLED = "Disabled"
    """Somebody has stopped its schedule."""


@dataclass(slots=True)
class ModelHealth:
    """Live figures of one model's runs."""

    state: ModelState = ModelState.WAITING
    message: str = ""
    last_run: datetime | None = None
    next_run: datetime | None = None
    runs: int = 0
    missed_runs: int = 0
    """Triggers that came while a run was still under way, or that the clock skipped."""
    latency: float = float("nan")
    """Seconds of the last run, window to predictions."""
    coverage: float = 0.0
    """Worst input coverage among all assets, each at its last window, in percent."""
