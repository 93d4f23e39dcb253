"""When the next row is due: wall time for the tasks, plant time for the values."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta

from opcua_ai_simulator.errors import OutOfRangeError

MIN_SPEED, MAX_SPEED = 1.0, 2000.0
CATCH_UP = 1.0  # wall seconds that rows may lag behind and be caught up; more is given up
WINDOW = 2.0  # wall seconds that the reached speed is taken over
RECOVERED = 10.0  # wall seconds without giving up time
_TICK = timedelta(microseconds=1)


class Pace:
    """Turns plant seconds into wall seconds at a speed that can change and pause.

    ``now`` is a monotonic clock. A late row does not delay those after it, as long as the lag
    stays below ``CATCH_UP``.
    """

    def __init__(self, now: Callable[[], float], speed: float, running: bool = True) -> None:
        self._now = now
        self._speed = _checked(speed)
        self._running = running
        self._period = math.inf
        self._shown = 0.0  # plant seconds of all rows so far
        self._gone, self._since = 0.0, now()  # plant seconds from the last row to that wall time
        self._gave_up = -math.inf
        self._meter = Meter()

    @property
    def speed(self) -> float:
        return self._speed

    @property
    def running(self) -> bool:
        return self._running

    @property
    def reached(self) -> float:
        """The speed over about the last ``WINDOW`` seconds; 0 while paused."""
        if not self._running:
            return 0.0
        reached = self._meter.speed
        return self._speed if reached is None else round(reached, 1)

    def delay(self) -> float | None:
        """Wall seconds to the next row, at most 0 when it is due; None while paused."""
        return (self._period - self._elapsed()) / self._speed if self._running else None

    def restart(self, period: float) -> None:
        """A row is out now; the next one follows after ``period`` plant seconds."""
        self._period = period
        self._settle(0.0)
        self._measure_anew()

    def advance(self, period: float) -> bool:
        """The due row is out; the next one follows ``period`` plant seconds after its due time.

        True when the speed begins to be too high for this machine.
        """
        elapsed = self._elapsed() - self._period
        self._shown += self._period
        self._period = period
        latest = period + CATCH_UP * self._speed
        self._settle(min(elapsed, latest))
        self._meter.mark(self._since, self._progress())
        return elapsed > latest and self._begins_to_give_up()

    def retime(self, period: float) -> None:
        """The next row follows ``period`` plant seconds after the last, whatever was said."""
        if period != self._period:
            self._period = period
            self._measure_anew()

    def set_speed(self, speed: float) -> None:
        speed = _checked(speed)
        self._settle(self._elapsed())
        self._speed = speed
        self._gave_up = -math.inf
        self._measure_anew()

    def pause(self) -> None:
        self._settle(self._elapsed())
        self._running = False

    def resume(self) -> None:
        if not self._running:
            self._settle(self._gone)
            self._running = True
            self._measure_anew()

    def _elapsed(self) -> float:
        """Plant seconds since the last row."""
        if not self._running:
            return self._gone
        return self._gone + (self._now() - self._since) * self._speed

    def _settle(self, elapsed: float) -> None:
        self._gone, self._since = elapsed, self._now()

    def _progress(self) -> float:
        """Plant seconds so far; stands still while a row is overdue."""
        return self._shown + min(self._gone, self._period)

    def _measure_anew(self) -> None:
        """A lag from before a change is given up, so that it does not count as speed."""
        self._settle(min(self._elapsed(), self._period))
        self._meter.restart(self._since, self._progress())

    def _begins_to_give_up(self) -> bool:
        last, self._gave_up = self._gave_up, self._since
        return self._since - last > RECOVERED


class Meter:
    """Plant seconds per wall second over the last marks."""

    def __init__(self) -> None:
        self._marks: deque[tuple[float, float]] = deque()

    @property
    def speed(self) -> float | None:
        """None before there are two marks."""
        if len(self._marks) < 2:
            return None
        (begin, first), (end, last) = self._marks[0], self._marks[-1]
        return (last - first) / (end - begin) if end > begin else None

    def restart(self, now: float, progress: float) -> None:
        self._marks.clear()
        self.mark(now, progress)

    def mark(self, now: float, progress: float) -> None:
        self._marks.append((now, progress))
        while len(self._marks) > 2 and self._marks[1][0] <= now - WINDOW:
            self._marks.popleft()


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
