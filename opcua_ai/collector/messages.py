"""What the main process and a collector say to each other."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from opcua_ai.core.ports import SourceState, SourceStats
from opcua_ai.core.types import Samples, Tag

# from the main process


@dataclass(slots=True)
class Connect:
    """Answered by ``Connected`` or ``Failed``."""

    source: str
    options: Any
    """As the configuration has them: secrets stay where they are, the collector looks them up."""


@dataclass(slots=True)
class StorePlace:
    """A window store in the memory that was handed over with the process's start."""

    period_s: float
    rows: int
    used: NDArray[np.int64]
    offset: int


@dataclass(slots=True)
class Run:
    """Deliver into these stores from now on."""

    source: str
    tags: Sequence[Tag]
    """In the order of the columns, as the first connection found them."""
    stores: Sequence[StorePlace]
    recorded: NDArray[np.bool_]
    """[columns]; whose samples the main process wants too."""
    last: Samples | None
    """What is known of the tags from the process before this one."""


@dataclass(slots=True)
class Close:
    source: str


# from the collector


@dataclass(slots=True)
class Connected:
    source: str
    tags: Sequence[Tag]


@dataclass(slots=True)
class Failed:
    """A connection was not made, or a running source has ended for good."""

    source: str
    error: Exception


@dataclass(slots=True)
class Status:
    """Sent at intervals and when the state changes."""

    source: str
    state: SourceState
    stats: SourceStats


@dataclass(slots=True)
class Closed:
    """The answer to ``Close``: what comes after it is of another source with the same name."""

    source: str


@dataclass(slots=True)
class Recorded:
    """Samples of the recorded columns."""

    source: str
    samples: Samples


@dataclass(slots=True)
class Logged:
    record: logging.LogRecord


ToCollector = Connect | Run | Close
FromCollector = Connected | Failed | Status | Closed | Recorded | Logged
