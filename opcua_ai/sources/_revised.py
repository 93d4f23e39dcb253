"""What a server makes of our wishes (Part 4, 5.13.2 and 5.14.2): does it bridge an outage?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from asyncua import ua

if TYPE_CHECKING:
    from opcua_ai.sources.opcua import Options


class Revised:
    """Told of the subscription, then of every item."""

    def __init__(
        self, options: Options, made: ua.CreateSubscriptionResult, session_timeout_s: float
    ) -> None:
        self._options = options
        self._publishing_ms = float(made.RevisedPublishingInterval)
        self._lifetime_s = self._publishing_ms * made.RevisedLifetimeCount / 1e3
        self._session_s = session_timeout_s
        self._sampling_ms = 0.0
        self._slower = 0
        self._slowest_ms = 0.0
        self._short = 0
        self._shortest_s = float("inf")

    def item(self, result: ua.MonitoredItemCreateResult) -> None:
        """An item that the server has created."""
        options = self._options
        sampling_ms = float(result.RevisedSamplingInterval)
        self._sampling_ms = max(self._sampling_ms, sampling_ms)
        if sampling_ms > options.sampling_interval_ms > 0:
            self._slower += 1
            self._slowest_ms = max(self._slowest_ms, sampling_ms)
        kept_s = result.RevisedQueueSize * (sampling_ms or self._publishing_ms) / 1e3
        if kept_s < options.outage_s:
            self._short += 1
            self._shortest_s = min(self._shortest_s, kept_s)

    @property
    def pace(self) -> tuple[float, float]:
        """Seconds: the longest sampling interval of an item, and the publishing interval."""
        return self._sampling_ms / 1e3, self._publishing_ms / 1e3

    def shortfalls(self) -> list[str]:
        """What is less than asked for, in words."""
        options = self._options
        found: list[str] = []
        if self._lifetime_s < options.outage_s:
            found.append(f"the subscription lives for {self._lifetime_s:g} s")
        if self._session_s < options.outage_s:
            found.append(f"the session lives for {self._session_s:g} s")
        if self._short:
            kept = f"{self._shortest_s:.3g} s of values are kept"
            found.append(f"{kept} for {self._short} tags, or less if they change faster")
        if self._publishing_ms > options.publishing_interval_ms:
            found.append(f"values come every {self._publishing_ms:g} ms")
        if self._slower:
            found.append(f"{self._slower} tags are sampled every {self._slowest_ms:g} ms")
        return found
