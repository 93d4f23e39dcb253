"""Signal faults."""

import numpy as np
import pytest

from opcua_ai_simulator.errors import OutOfRangeError
from opcua_ai_simulator.misbehave import BAD_SENSOR_FAILURE, GOOD, Misbehaviour, is_bad

UNCERTAIN = 0x40900000
ROW = np.array([1.0, 2.0, 3.0])


@pytest.fixture
def signals():
    return Misbehaviour(["a", "b", "c"], np.array([10.0, 20.0, 30.0]), seed=1)


def test_changes_nothing_by_default(signals):
    frame = signals.apply(ROW, 0)
    np.testing.assert_array_equal(frame.values, ROW)
    assert not frame.status.any()
    assert not frame.shift.any()


def test_quality_lasts_its_seconds_on_its_tag(signals):
    signals.set_quality("b", UNCERTAIN, 5, now=10)
    assert list(signals.apply(ROW, 14.9).status) == [GOOD, UNCERTAIN, GOOD]
    assert list(signals.apply(ROW, 15).status) == [GOOD] * 3


def test_quality_of_all_lasts_until_normal(signals):
    signals.set_quality("*", BAD_SENSOR_FAILURE, 0, now=10)
    assert is_bad(signals.apply(ROW, 1e9).status).all()
    signals.normal()
    assert not signals.apply(ROW, 1e9).status.any()


def test_a_missing_value_is_bad_whatever_else_is_set(signals):
    signals.set_quality("*", UNCERTAIN, 0, now=0)
    frame = signals.apply(np.array([np.nan, 2.0, 3.0]), 1)
    assert list(frame.status) == [BAD_SENSOR_FAILURE, UNCERTAIN, UNCERTAIN]


def test_freeze_repeats_the_value_shown(signals):
    signals.apply(ROW, 0)
    signals.freeze("a", 10, now=0)
    np.testing.assert_array_equal(signals.apply(ROW + 1, 1).values, [1, 3, 4])
    np.testing.assert_array_equal(signals.apply(ROW + 2, 11).values, ROW + 2)


def test_freeze_before_the_first_value_changes_nothing(signals):
    signals.freeze("*", 0, now=0)
    np.testing.assert_array_equal(signals.apply(ROW, 1).values, ROW)


def test_spikes_are_as_large_and_as_frequent_as_asked(signals):
    signals.spikes("b", 0.25, 50, 0, now=0)
    off = np.array([signals.apply(ROW, 1).values - ROW for _ in range(2000)])
    assert not off[:, [0, 2]].any()
    assert set(off[:, 1]) == {-10.0, 0.0, 10.0}
    assert np.mean(off[:, 1] != 0) == pytest.approx(0.25, abs=0.05)


def test_jitter_shifts_each_source_time_within_its_bound(signals):
    signals.jitter(60)
    shifts = np.array([signals.apply(ROW, 1).shift for _ in range(200)])
    assert 50 < np.abs(shifts).max() <= 60
    signals.jitter(0)
    assert not signals.apply(ROW, 1).shift.any()


def test_the_same_seed_gives_the_same_series():
    def series(seed):
        signals = Misbehaviour(["a"], np.ones(1), seed)
        signals.spikes("*", 0.5, 100, 0, now=0)
        signals.jitter(1)
        frames = [signals.apply(np.zeros(1), 1) for _ in range(50)]
        return [(frame.values[0], frame.shift[0]) for frame in frames]

    assert series(3) == series(3)
    assert series(3) != series(4)


@pytest.mark.parametrize(
    "call",
    [
        lambda s: s.freeze("nope", 0, 0),
        lambda s: s.freeze("a", -1, 0),
        lambda s: s.freeze("a", float("nan"), 0),
        lambda s: s.set_quality("a", -1, 0, 0),
        lambda s: s.set_quality("a", 2**32, 0, 0),
        lambda s: s.spikes("a", 1.1, 5, 0, 0),
        lambda s: s.spikes("a", 0.5, -5, 0, 0),
        lambda s: s.jitter(-1),
    ],
)
def test_refuses_what_cannot_be(signals, call):
    with pytest.raises(OutOfRangeError):
        call(signals)
    assert not signals.apply(ROW, 1).status.any()
