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


@pytest.mark.parametrize("speed", [0, 0.99, 2000.1, -1, float("nan"), float("inf")])
def test_refuses_speeds_out_of_range(speed):
    pace = Pace(Clock(), 360)
    with pytest.raises(OutOfRangeError):
        pace.set_speed(speed)
    assert pace.speed == 360


def test_a_period_that_follows_the_speed_counts_from_the_last_row():
    clock = Clock()
    pace = Pace(clock, 60)
    pace.restart(6)
    clock.now += 0.05  # 3 of 6 plant seconds have gone
    pace.set_speed(2000)
    pace.retime(200)
    assert pace.delay() == pytest.approx(197 / 2000)
    clock.now += 0.09  # 183 of 200
    pace.set_speed(1)
    pace.retime(1)
    assert pace.delay() == pytest.approx(0)
    pace.advance(1)
    assert pace.delay() == pytest.approx(1)
    assert pace.reached == 1


def test_the_reached_speed_is_the_speed_between_rows_and_0_while_paused():
    clock = Clock()
    pace = Pace(clock, 10)
    pace.restart(100)
    assert pace.reached == 10
    for late in (0.1, 0.0, 0.3, 0.2):
        clock.now += pace.delay() + late
        pace.advance(100)
        assert pace.reached == pytest.approx(10, abs=0.1)
    pace.pause()
    assert pace.reached == 0
    clock.now += 50
    pace.resume()
    assert pace.reached == 10


def play(clock, pace, seconds, row_s):
    """Rows of 100 plant seconds that take ``row_s`` to make; how often it was too fast."""
    end, told = clock.now + seconds, 0
    while clock.now < end:
        clock.now += max(0.0, pace.delay()) + row_s
        told += pace.advance(100)
    return told


def test_a_speed_that_is_too_high_is_given_up_and_told_once_until_it_recovered():
    clock = Clock()
    pace = Pace(clock, 1000)
    pace.restart(100)
    assert play(clock, pace, 5, 0.09) == 0
    assert pace.reached == 1000
    assert play(clock, pace, 60, 0.2) == 1
    assert pace.reached == pytest.approx(500)
    assert pace.delay() >= -1
    assert play(clock, pace, 3, 0.05) == 0
    assert play(clock, pace, 30, 0.2) == 0  # the spell was too short to count as recovery
    play(clock, pace, 3, 0.05)
    assert pace.delay() > 0
    assert play(clock, pace, 12, 0.05) == 0
    assert pace.reached == pytest.approx(1000)
    assert play(clock, pace, 60, 0.2) == 1


def test_another_speed_that_is_too_high_is_told_again():
    clock = Clock()
    pace = Pace(clock, 1000)
    pace.restart(100)
    assert play(clock, pace, 20, 0.2) == 1
    pace.set_speed(900)
    assert play(clock, pace, 20, 0.2) == 1


def test_plant_time_only_goes_forward():
    start = datetime(2024, 5, 1, tzinfo=UTC)
    clock = PlantClock(start)
    clock.advance(180)
    assert clock.time == start + timedelta(minutes=3)
    assert clock.after(1) - clock.time == timedelta(seconds=1)
    clock.advance(1e-9)  # finer than the clock
    assert clock.time - start == timedelta(minutes=3, microseconds=1)
