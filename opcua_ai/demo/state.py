"""What the demo's client has seen, filled by ``watch`` and drawn by ``view``."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

TREND = 16
LAST_FAULT = 29
"""The plant has IDV(1) to IDV(29); the shipped model knows the first 21."""


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
    alarms: deque[Alarm] = field(default_factory=lambda: deque[Alarm](maxlen=100))
    """Events, oldest first."""
    heartbeat: int = 0
    values: int = 0
    """Data changes received from the plant by this client."""
    rate: float = 0.0
    """Values per second."""
    plant_time: datetime | None = None
    speed: float = 0.0
    """Plant seconds a second that the plant was asked for."""
    reached: float = 0.0
    """What it reaches."""
    fault: int = 0
    """The IDV that acts now; 0 = none."""
    fault_name: str = ""
    onset: datetime | None = None
    """Plant time at which it began."""
    trip: str = ""
    """Why the plant has shut down; empty while it runs."""
    filling: bool = True
    """The plant runs fast until the model has a window."""
    coming: tuple[int, datetime] | None = None
    """The fault that the demo brings by itself, and the plant time."""
    keys: bool = False
    """Whether somebody can press keys."""
    typed: str = ""
    """Digits of a fault's number before Enter."""
    message: str = ""
    """Answer to the last key."""

    def alarm_delay(self, text: str = "") -> float | None:
        """Plant minutes from the fault's onset to the first alarm whose message has the text."""
        if self.onset is None:
            return None
        for alarm in self.alarms:
            if alarm.active and text in alarm.message and alarm.when and alarm.when >= self.onset:
                return (alarm.when - self.onset).total_seconds() / 60.0
        return None

    def top_faults(self, count: int = 5) -> list[tuple[str, float]]:
        pairs = zip(self.labels, self.probabilities, strict=False)
        return sorted(pairs, key=lambda pair: -pair[1])[:count]
