"""What is said and counted about a lost source: one line when it goes, one when it is back."""

from __future__ import annotations

import logging
import random
import time

_log = logging.getLogger("opcua_ai.sources")

STEADY_S = 10.0
"""A connection that lasted this long was a good one: the next outage starts with short delays."""


class Outage:
    """Log-once state and exponential back-off with jitter of one source."""

    def __init__(self, name: str, min_s: float, max_s: float) -> None:
        self._name = name
        self._min_s = min_s
        self._max_s = max_s
        self._delay_s = min_s
        self._since: float | None = None
        self._reason = ""
        self._back_at = time.monotonic()

    def lost(self, reason: str, act: bool = False) -> bool:
        """Note a failure; True when it begins an outage. ``act``: somebody has to do something, so
        a new reason is said even in the middle of an outage."""
        begins = self._since is None
        if begins:
            self._since = time.monotonic()
            if self._since - self._back_at >= STEADY_S:
                self._delay_s = self._min_s
        if begins or (act and reason != self._reason):
            _log.log(
                logging.ERROR if act else logging.WARNING,
                "source %s lost: %s; trying again",
                self._name,
                reason,
            )
        self._reason = reason
        return begins

    def over(self) -> bool:
        """The source delivers; True when an outage ended."""
        if self._since is None:
            return False
        self._back_at = time.monotonic()
        _log.info("source %s is back after %.1f s", self._name, self._back_at - self._since)
        self._since = None
        return True

    def delay(self) -> float:
        """Seconds to wait before the next try; grows up to the maximum, +-20 % so that many clients
        of a restarted server do not come at once."""
        delay_s = self._delay_s * random.uniform(0.8, 1.2)
        self._delay_s = min(2 * self._delay_s, self._max_s)
        return delay_s
