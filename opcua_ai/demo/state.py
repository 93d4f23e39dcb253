"""What the demo's client has seen, filled by ``watch`` and drawn by ``view``."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

TREND = 16


@dataclass
class Trend:
    """One node's newest value with its recent history."""

    title: str
    unit: str = ""
    value: float = float("nan")
    quality: str = "Bad"
    history: deque[float] = field(default_factory=lambda: deque[float](maxlen=TREND))

    def add(self, value: float, quality: str) -> None:
        self.value, self.quality = value, quality
        if value == value:
            self.history.append(value)


@dataclass
class Alarm:
    active: bool
    message: str
    severity: int
    when: datetime | None


@dataclass
class State:
    plant_endpoint: str = ""
    server_endpoint: str = ""
    plant: dict[str, Trend] = field(default_factory=dict[str, Trend])
    """BrowseName -> trend"""
    detection: Trend = field(default_factory=lambda: Trend("Detection index (limit 1)"))
    labels: list[str] = field(default_factory=list[str])
    probabilities: list[float] = field(default_factory=list[float])
    recommendation: dict[str, Any] = field(default_factory=dict[str, Any])
    """Browse name -> value of the recommendation's variables."""
    models: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    """Model -> browse name -> value (State, StateMessage, LastLatency, MissedRuns ...)."""
    alarms: list[Alarm] = field(default_factory=list[Alarm])
    """Events, oldest first."""
    heartbeat: int = 0
    plant_time: datetime | None = None
    row: int = 0
    onset: int = 0
    """Row of the recording at which the fault begins."""
    fault: int = 0
    values: int = 0
    """Data changes received from the plant by this client."""
    rate: float = 0.0
    """Values per second."""

    @property
    def fault_is_in(self) -> bool:
        return self.fault > 0 and self.row >= self.onset

    def top_faults(self, count: int = 5) -> list[tuple[str, float]]:
        pairs = zip(self.labels, self.probabilities, strict=False)
        return sorted(pairs, key=lambda pair: -pair[1])[:count]
