"""The Protocols between the rooms. A plug-in implements one of them in one file.

================  ====================================  ================
folder            a plug-in file defines                contract
================  ====================================  ================
sources/          ``Options``, ``Source``               :class:`Source`
inference/kinds/  ``load``                              :class:`Kind`
decisions/        ``Options``, ``EXAMPLE``, ``Policy``  :class:`Policy`
================  ====================================  ================

``EXAMPLE`` is a table of options that works, for documentation and for the contract tests.
A source's options say by ``simulated`` that its values do not come from a running plant.
A policy's options name in ``needs_outputs`` and ``needs_inputs`` which of their keys hold the name
of an output or input of the model, so that a wrong one is found at the start.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol, runtime_checkable

from opcua_ai.core.types import (
    Decision,
    FloatArray,
    ModelHealth,
    ModelInfo,
    ModelResult,
    Prediction,
    Samples,
    Tag,
    Window,
)

Sink = Callable[[Samples], None]
"""Where a source delivers its samples; cheap, called in the event loop."""
Retagged = Callable[[Sequence[Tag]], Awaitable[None]]
"""Called by a source with the tags that it is about to have, before the first sample of a new one;
again with other ones, where something came between."""


class SourceState(StrEnum):
    CONNECTING = "connecting"
    RUNNING = "running"
    LOST = "lost"
    STOPPED = "stopped"


@dataclass(slots=True)
class SourceStats:
    """Counters that a source keeps about itself."""

    values: int = 0
    """Delivered, filled ones not counted."""
    reconnects: int = 0
    bad_tags: int = 0
    gaps: int = 0
    """Times at which values may have been lost: an outage that the server's queues did not bridge,
    or messages that it could not send again."""
    lost_messages: int = 0
    """Notification messages that were neither received nor could be sent again."""
    overflows: int = 0
    """Values that came with the Overflow bit: the server's queue has lost some before them."""
    filled: int = 0
    """Values that were read from the server's history for gaps."""
    lag_s: float = float("nan")
    """From the newest SourceTimestamp of the last message to its arrival."""
    cpu_s: float = 0.0
    """CPU time spent on messages since the start."""
    endpoint: str = ""
    """Where it is connected now; of a fail-over list one."""


class Source(Protocol):
    """Where samples come from. Column ``i`` of every ``Samples`` block is ``tags[i]``.

    A tag keeps its column once ``connect`` has returned: one that vanishes later becomes Bad, and a
    reconnect restores every item under the same column. Only ``reconfigure`` changes ``tags``: new
    ones come behind the others, and VACANT takes the place of one that is not wanted any more.
    """

    state: SourceState
    stats: SourceStats
    tags: Sequence[Tag]

    async def connect(self) -> None:
        """Open the source and fill ``tags``. Raises AccessError when credentials are refused and
        SourceLostError when it cannot be reached now."""
        ...

    async def run(self, sink: Sink) -> None:
        """Deliver samples until cancelled; survives outages by itself. When the source is lost,
        every tag gets one sample with status BadNoCommunication and its last source time."""
        ...

    async def reconfigure(self, options: Any, retagged: Retagged) -> bool:
        """Take over other options while it runs, at once or when an outage is over, without a
        sample of an unchanged tag lost or sent twice. False: they need a source made anew."""
        ...

    async def close(self) -> None:
        """Release sockets and files; safe to call twice."""
        ...


@runtime_checkable
class Remembering(Protocol):
    """A source that fills, where it can, what was missed while its process was away."""

    def remember(self, last: Samples) -> None:
        """Between ``connect`` and ``run``: the last sample of each tag that the process before this
        one has delivered. That something was missed since is counted already."""
        ...


class Kind(Protocol):
    """A loaded model of one kind. Called in a worker thread, never in the event loop."""

    @property
    def accelerator(self) -> str:
        """Where it computes: ``CPU`` or ``GPU``."""
        ...

    def predict(self, windows: FloatArray) -> Mapping[str, FloatArray]:
        """Cleaned, scaled windows [batch, rows, tags] -> output name -> [batch, width]."""
        ...


class Predictor(Protocol):
    """A model bundle ready to run."""

    def predict(self, windows: Sequence[Window]) -> list[list[Prediction]]:
        """One batch: the predictions of each window. Called in a worker thread."""
        ...


class Publisher(Protocol):
    """Where results go: the advisory server, or a list in a test."""

    async def publish(self, result: ModelResult) -> None: ...

    async def publish_decision(
        self, decision_name: str, application: str, decision: Decision
    ) -> None: ...

    async def publish_health(self, model: str, health: ModelHealth) -> None: ...

    async def publish_inputs(self, model: str, asset: str, tags: Sequence[Tag]) -> None: ...

    async def publish_source(self, name: str, state: str, stats: SourceStats) -> None: ...

    async def forget_source(self, name: str) -> None:
        """The configuration has it no more."""
        ...

    async def beat(self) -> None:
        """Called once a second by the pipeline: the proof that it lives."""
        ...


class ModelControl(Protocol):
    """What people do with the models while the product runs. False: the state of the model forbids
    it, or no model of that name runs yet."""

    def run_now(self, model: str) -> bool:
        """Run once, beside the schedule; returns before the run."""
        ...

    async def enable(self, model: str) -> bool:
        """Run by the schedule again, at once for the first time."""
        ...

    async def disable(self, model: str) -> bool:
        """Stop the schedule, also after a restart; predictions are out of service until enable."""
        ...


class Policy(Protocol):
    """Predictions of one model for one asset -> a fault verdict, a recommendation, or nothing.
    Called in the event loop in the order of the runs; holds its own state (delays, hysteresis)."""

    def waiting(self, asset: str, model: ModelInfo) -> Decision | None:
        """What clients see before the first run; None where the server knows by itself."""
        ...

    def decide(self, result: ModelResult) -> Decision | None: ...
