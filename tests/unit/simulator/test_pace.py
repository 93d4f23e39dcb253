"""Wall time and plant time."""

from datetime import UTC, datetime, timedelta

import pytest

from opcua_ai_simulator.errors import OutOfRangeError
from opcua_ai_simulator.pace import Pace, PlantClock


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_rows_published_late_do_not_delay_those_after():
    clock = Clock()
    pace = Pace(clock, 1000)
    pace.restart(180)
    assert pace.delay() == pytest.approx(0.18)
    clock.now += 0.5  # slow machine: rows at 0.18 and 0.36 are due
    pace.advance(180)
    assert pace.delay() == pytest.approx(-0.14)
    pace.advance(180)
    assert pace.delay() == pytest.approx(0.04)


def test_speed_changes_from_now_on():
    clock = Clock()
    pace = Pace(clock, 10)
    pace.restart(100)
    clock.now += 4  # 60 plant seconds left
    pace.set_speed(20)
    assert pace.delay() == pytest.approx(3)
    assert pace.speed == 20


def test_a_pause_keeps_the_time_to_the_next_row():
    clock = Clock()
    pace = Pace(clock, 10)
    pace.restart(100)
    clock.now += 4
    pace.pause()
    pace.pause()
    clock.now += 1000
    assert pace.delay() is None
    assert not pace.running
    pace.set_speed(60)
    pace.resume()
    pace.resume()
    assert pace.running
    assert pace.delay() == pytest.approx(1)


def test_starts_paused_when_asked():
    pace = Pace(Clock(), 10, running=False)
    pace.restart(100)
    assert pace.delay() is None
    pace.resume()
    assert pace.delay() == pytest.approx(10)


@pytest.mark.parametrize("speed", [0, 0.99, 1000.1, -1, float("nan"), float("inf")])
def test_refuses_speeds_out_of_range(speed):
    pace = Pace(Clock(), 360)
    with pytest.raises(OutOfRangeError):
        pace.set_speed(speed)
    assert pace.speed == 360


def test_plant_time_only_goes_forward():
    start = datetime(2024, 5, 1, tzinfo=UTC)
    clock = PlantClock(start)
    clock.advance(180)
    assert clock.time == start + timedelta(minutes=3)
    assert clock.after(1) - clock.time == timedelta(seconds=1)
    clock.advance(1e-9)  # finer than the clock
    assert clock.time - start == timedelta(minutes=3, microseconds=1)
