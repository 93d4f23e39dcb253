"""What the table shows: the members of the server's objects at one moment, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

Members = Mapping[str, object]
"""BrowseName -> value; without those that are Bad, and those that the server does not have."""

MODULE = ("Heartbeat", "HeartbeatPeriod", "ActiveAlarms", "DeviceHealth")
SOURCE = (
    "State", "ActiveEndpoint", "ValuesPerSecond", "Lag", "Gaps", "LostMessages", "Overflows",
    "FilledValues", "Reconnects", "BadTags", "CpuLoad",
)  # fmt: skip
MODEL = (
    "State", "StateMessage", "ModelId", "Version", "LastLatency", "InputCoverage", "Runs",
    "MissedRuns",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one reading."""

    module: Members
    sources: Mapping[str, Members] = field(default_factory=dict[str, Members])
    models: Mapping[str, Members] = field(default_factory=dict[str, Members])
    service_level: int | None = None
    heartbeat_at: datetime | None = None
    """When the heartbeat was written; on the server's clock, as is ``read_at``."""
    read_at: datetime | None = None

    @property
    def heartbeat_age_s(self) -> float | None:
        """How long the heartbeat has been standing still, to a second."""
        if self.heartbeat_at is None or self.read_at is None:
            return None
        return max(0.0, (self.read_at - self.heartbeat_at).total_seconds())

    @property
    def stands_still(self) -> bool:
        """More than three heartbeats have not come."""
        age, period = self.heartbeat_age_s, self.module.get("HeartbeatPeriod")
        return age is not None and isinstance(period, float) and age > 3 * period / 1000
