"""Continuation points of HistoryRead (Part 4, 7.9; Part 11, 6.3)."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from dataclasses import dataclass
from typing import Generic, TypeVar
from weakref import WeakKeyDictionary

State = TypeVar("State")
MAX_POINTS = 100
"""Of one session."""


@dataclass(slots=True)
class _Point(Generic[State]):
    state: State
    request: int


class _Session(Generic[State]):
    def __init__(self) -> None:
        self.points: OrderedDict[bytes, _Point[State]] = OrderedDict()
        self.request = 0


class ContinuationPoints(Generic[State]):
    """Where each session's reads go on; they vanish with the session.

    A new request takes the place of the oldest points of earlier ones, never of its own.
    """

    def __init__(self) -> None:
        self._sessions: WeakKeyDictionary[object, _Session[State]] = WeakKeyDictionary()

    def begin(self, session: object) -> None:
        """A new request of a session."""
        self._sessions.setdefault(session, _Session()).request += 1

    def keep(self, session: object, state: State) -> bytes | None:
        """A new point; None when this request alone has all that there may be."""
        own = self._sessions[session]
        if len(own.points) >= MAX_POINTS:
            oldest = next(iter(own.points))
            if own.points[oldest].request == own.request:
                return None
            del own.points[oldest]
        point = secrets.token_bytes(16)
        own.points[point] = _Point(state, own.request)
        return point

    def take(self, session: object, point: bytes) -> State | None:
        """What a point stands for, once; None for one that is unknown here."""
        found = self._sessions[session].points.pop(point, None)
        return found.state if found else None
