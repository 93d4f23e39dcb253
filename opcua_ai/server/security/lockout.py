"""Lock-out after failed logins: the more often, the longer."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass

_FIRST, _LONGEST = 60.0, 900.0
"""Seconds: each further lock is twice as long."""
_MOST = 10_000
"""Keys that are remembered; the oldest is forgotten first."""


@dataclass
class _Record:
    failures: int = 0
    locks: int = 0
    until: float = 0.0
    last: float = 0.0


class Lockout:
    """Counts failures for each key; ``limit`` of them lock it."""

    def __init__(self, limit: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit = limit
        self._clock = clock
        self._records: OrderedDict[Hashable, _Record] = OrderedDict()

    def locked(self, key: Hashable) -> bool:
        record = self._records.get(key)
        return record is not None and self._clock() < record.until

    def failed(self, key: Hashable) -> bool:
        """Count a failure. True when it is the one that locks the key."""
        now = self._clock()
        record = self._records.pop(key, None) or _Record()
        if now - record.last > _LONGEST:
            record = _Record()
        self._records[key] = record
        if len(self._records) > _MOST:
            self._records.popitem(last=False)
        record.last = now
        record.failures += 1
        if record.failures < self._limit:
            return False
        record.failures = 0
        record.until = now + min(_FIRST * 2**record.locks, _LONGEST)
        record.locks += 1
        return True

    def succeeded(self, key: Hashable) -> None:
        self._records.pop(key, None)
