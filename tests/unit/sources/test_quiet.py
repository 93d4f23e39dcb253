"""Until when a plant is known in which nothing changes."""

import pytest

from opcua_ai.core.types import NS
from opcua_ai.sources._quiet import Quiet

T0 = 1_700_000_000 * NS


def at(seconds: float) -> int:
    return T0 + round(seconds * NS)


class Steady:
    """Our own clock; it counts from anywhere."""

    now = 5.0

    def __call__(self) -> int:
        return round(self.now * NS)


def quiet(newest: float, sent: float = 100.0) -> tuple[Quiet, Steady]:
    """After a change that came at second 100 of the server's clock."""
    clock = Steady()
    made = Quiet(clock)
    made.pace(0.5, 0.25)
    made.changed(at(newest), at(sent))
    return made, clock


def after(made: Quiet, clock: Steady, passed: float, sent: float) -> float:
    clock.now += passed
    return (made.until(at(sent)) - T0) / NS


def test_a_keep_alive_tells_all_but_what_may_still_be_sampled_and_what_comes_late() -> None:
    made, clock = quiet(newest=99.8)
    assert after(made, clock, 3, 103) == pytest.approx(103 - 0.5 - 0.2)
    assert after(made, clock, 3600, 3703) == pytest.approx(3703 - 0.7)


def test_before_the_first_change_nothing_is_known() -> None:
    assert Quiet().until(at(100)) == 0


@pytest.mark.parametrize("newest", [97.9, 102.1, -1e6])
def test_a_plant_with_a_clock_of_its_own_is_not_known(newest: float) -> None:
    made, _ = quiet(newest)
    assert made.until(at(103)) == 0
    made.changed(at(103.9), at(104))
    assert made.until(at(105)) > 0, "and it is when its time is the server's"


def test_slow_sampling_may_lie_far_from_the_sending() -> None:
    made, clock = quiet(newest=80)
    made.pace(20, 5)
    made.changed(at(60), at(100))
    assert after(made, clock, 100, 200) == 200 - 20 - 40


def test_a_message_without_a_time_tells_nothing() -> None:
    made, _ = quiet(newest=99.8)
    made.changed(at(101), 0)
    assert made.until(at(103)) == 0


def test_timestamps_a_little_ahead_gain_nothing() -> None:
    made, clock = quiet(newest=101)
    assert after(made, clock, 3, 103) == pytest.approx(103 - 0.5)


def test_a_server_whose_clock_leaps_is_believed_no_further_than_time_has_passed() -> None:
    made, clock = quiet(newest=100)
    assert after(made, clock, 3, 86_500) == pytest.approx(103 - 0.5)
    assert after(made, clock, 3, 50) == pytest.approx(50 - 0.5)


def test_a_message_that_was_long_under_way_tells_what_it_told_when_it_was_sent() -> None:
    made, clock = quiet(newest=100)
    assert after(made, clock, 60, 103) == pytest.approx(103 - 0.5)
