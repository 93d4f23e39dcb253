"""What is kept of an alarm, in memory and on disk: plain values, no OPC UA types."""

from __future__ import annotations

import math
from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from opcua_ai.core import status as codes
from opcua_ai.core.types import Contribution

EVENTS_KEPT = 100
"""EventIds that an alarm still knows: a client may comment on any of them."""


class Shelving(StrEnum):
    """States of the ShelvedStateMachineType (Part 9, 5.8.17)."""

    UNSHELVED = "Unshelved"
    TIMED = "TimedShelved"
    ONE_SHOT = "OneShotShelved"


class AlarmState(BaseModel):
    """The current state of one condition; there are no branches (Part 9, B.1.2)."""

    model_config = ConfigDict(
        extra="forbid", ser_json_bytes="hex", val_json_bytes="hex", ser_json_inf_nan="constants"
    )

    enabled: bool = True
    active: bool = False
    acked: bool = True
    confirmed: bool = True
    suppressed: bool = False
    """Another alarm of the same asset already tells of the same cause."""
    shelving: Shelving = Shelving.UNSHELVED
    shelved_until: datetime | None = None
    active_since: datetime | None = None
    """When the alarm last came or went, on the plant's clock."""

    severity: int = 0
    """0 before the first verdict."""
    last_severity: int = 0
    severity_since: datetime | None = None
    quality: int = codes.BAD_WAITING_FOR_INITIAL_DATA
    quality_since: datetime | None = None
    label: str = ""
    confidence: float = math.nan
    contributions: list[Contribution] = Field(default_factory=list[Contribution])

    comment: str = ""
    comment_locale: str = ""
    comment_time: datetime | None = None
    comment_user: str = ""

    event_id: bytes = b""
    """Of the newest event."""
    time: datetime | None = None
    receive_time: datetime | None = None
    message: str = ""
    events: list[bytes] = Field(default_factory=list[bytes])
    """EventIds that clients may name, oldest first."""
    to_acknowledge: list[bytes] = Field(default_factory=list[bytes])
    """Those of them whose state asks to be acknowledged."""
    to_confirm: list[bytes] = Field(default_factory=list[bytes])

    @property
    def shelved(self) -> bool:
        return self.shelving != Shelving.UNSHELVED

    @property
    def retain(self) -> bool:
        """Whether a client should show the condition (Part 9, 5.5.2)."""
        return self.enabled and (self.active or not self.acked or not self.confirmed)
