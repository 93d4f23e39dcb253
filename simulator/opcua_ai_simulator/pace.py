"""When the next row is due: wall time for the tasks, plant time for the values."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from opcua_ai_simulator.errors import OutOfRangeError

MIN_SPEED, MAX_SPEED = 1.0, 1000.0
_TICK = timedelta(microseconds=1)


class Pace:
    """Turns plant seconds into wall seconds at a speed that can change and pause.

    ``now`` is a monotonic clock. Due times add up from the previous due time, not from the moment
    of publishing, so that a row published late does not delay those after it.
    """

    def __init__(self, now: Callable[[], float], speed: float, running: bool = True) -> None:
        self._now = now
        self._speed = _checked(speed)
        self._due = now()
        self._left: float | None = None if running else 0.0  # plant seconds, while paused

    @property
    def speed(self) -> float:
        return self._speed

    @property
    def running(self) -> bool:
        return self._left is None

    def delay(self) -> float | None:
        """Wall seconds to the next row, at most 0 when it is due; None while paused."""
        return self._due - self._now() if self._left is None else None

    def restart(self, period: float) -> None:
        """A row is out now; the next one follows after ``period`` plant seconds."""
        self._due = self._now() + period / self._speed
        if self._left is not None:
            self._left = period

    def advance(self, period: float) -> None:
        """The due row is out; the next one follows ``period`` plant seconds after its due time."""
        self._due += period / self._speed

    def set_speed(self, speed: float) -> None:
        speed = _checked(speed)
        if self._left is None:
            now = self._now()
            self._due = now + (self._due - now) * self._speed / speed
        self._speed = speed

    def pause(self) -> None:
        if self._left is None:
            self._left = max(0.0, self._due - self._now()) * self._speed

    def resume(self) -> None:
        if self._left is not None:
            self._due = self._now() + self._left / self._speed
            self._left = None


class PlantClock:
    """Plant time: starts once and only goes forward, whatever the plant plays."""

    def __init__(self, start: datetime) -> None:
        self.time = start

    def after(self, period: float) -> datetime:
        """The plant time ``period`` seconds later, at least a microsecond."""
        return self.time + max(timedelta(seconds=period), _TICK)

    def advance(self, period: float) -> None:
        self.time = self.after(period)


def _checked(speed: float) -> float:
    if not MIN_SPEED <= speed <= MAX_SPEED:  # also refuses NaN
        raise OutOfRangeError(
            f"speed {speed:g} is out of range: choose {MIN_SPEED:g} to {MAX_SPEED:g}"
        )
    return float(speed)
