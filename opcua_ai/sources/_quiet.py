"""Until when a plant is known in which nothing changes.

A subscription reports changes alone, so a value that stays the same has no time of its own. But a
keep-alive says that the server has nothing to send (Part 4, 5.14.1.1), at its PublishTime (7.26).
That is a time of the server's clock: it tells of the plant where SourceTimestamps run on the same
clock, which the changes before show. Those of a recording or of a simulator with a pace of its own
do not, and there nothing is known.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from opcua_ai.core.types import NS

LEAST_BOUND_S = 2.0
"""So far a SourceTimestamp may lie from the time at which the server sent it, at least."""


class Quiet:
    """Lives as long as the tags; told of each change, asked at each keep-alive."""

    def __init__(self, monotonic_ns: Callable[[], int] = time.monotonic_ns) -> None:
        self._monotonic_ns = monotonic_ns
        self._late_ns = self._bound_ns = 0
        self._last: tuple[int, int] | None = None
        """When the last change was sent, on the server's clock, and when it came, on ours; None:
        the plant's time is another one."""
        self._lag_ns = 0
        """From the newest SourceTimestamp of the last change to its sending."""

    def pace(self, sampling_s: float, publishing_s: float) -> None:
        """How often the server looks at the values (a change may be so much older than the
        keep-alive that comes before it), and how often it sends them."""
        self._late_ns = round(sampling_s * NS)
        self._bound_ns = round(max(LEAST_BOUND_S, 2 * (sampling_s + publishing_s)) * NS)

    def changed(self, newest: int, sent: int) -> None:
        """Samples have come whose newest has this SourceTimestamp; 0: not known when sent."""
        lag = sent - newest
        shared = bool(sent) and abs(lag) <= self._bound_ns
        self._last = (sent, self._monotonic_ns()) if shared else None
        self._lag_ns = max(0, lag)

    def until(self, sent: int) -> int:
        """The plant time before which nothing else has happened when a message without values was
        sent; 0: not known. A server's clock that leaps ahead of ours is not believed."""
        if self._last is None:
            return 0
        last_sent, came = self._last
        now = last_sent + self._monotonic_ns() - came
        return min(sent, now) - self._late_ns - self._lag_ns
