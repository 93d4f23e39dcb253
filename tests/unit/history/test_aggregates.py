"""Aggregates beyond the examples of Part 13, annex A (``test_part13_examples.py``)."""

from __future__ import annotations

import pytest

from opcua_ai.core import status as codes
from opcua_ai.history.aggregates import Aggregate, Configuration, Trace, intervals
from opcua_ai.history.reader import Sample
from tests.unit.history.historians import HISTORIANS, NOON, S, cell, processed, trace


def test_an_uncertain_value_beyond_the_extreme_makes_it_uncertain() -> None:
    # 60 s .. 80 s holds 60 Good and 70 Uncertain: 60 may not be the maximum. So it is Calculated,
    # though it stands at the start (5.4.3.11)
    assert processed(1, Aggregate.MAXIMUM, 20, 60, 80) == ["60 Uc"]
    assert processed(1, Aggregate.MINIMUM, 20, 60, 80) == ["60 G"]


def test_the_same_extreme_twice_is_said() -> None:
    samples = [Sample(NOON + n * S, codes.GOOD, v) for n, v in enumerate((3.0, 1.0, 1.0, 2.0))]
    found = Trace(samples, (NOON, NOON + 3 * S), Configuration())
    (whole,) = intervals(NOON, NOON + 3 * S, 0)
    assert cell(found.minimum(whole)) == "1 Gcm"


@pytest.mark.parametrize(
    ("percent_bad", "percent_good", "wanted"),
    [
        (50, 50, "1 Gc"),  # both are enough: the Good ones decide (4.2.1.2)
        (50, 51, "B"),
        (51, 51, "1 Uc"),
    ],
)
def test_half_good_half_bad(percent_bad: int, percent_good: int, wanted: str) -> None:
    samples = [Sample(NOON, codes.GOOD, 1.0), Sample(NOON + S, codes.BAD, None)]
    configuration = Configuration(percent_bad=percent_bad, percent_good=percent_good)
    found = Trace(samples, (NOON, NOON + S), configuration)
    (whole,) = intervals(NOON, NOON + S + 1, 0)
    assert cell(found.average(whole)) == wanted


def test_time_average_by_hand() -> None:
    assert processed(1, Aggregate.TIME_AVERAGE, 16) == [
        # 10 to 16 on a line from 10 s to 16 s, nothing before: (10 + 16) / 2
        "13 Ucp",
        # on the line all the way, but the bound at 32 s leaves out the Bad value at 40 s
        "24 Uc", "40 Uc", "56 Uc", "72 Uc",
        # 80 to 90 in 10 s, then 90 is held for 6 s: (85 * 10 + 90 * 6) / 16
        "86.875 Uc",
        # the request ends in the interval
        "90 Ucp",
    ]  # fmt: skip


def test_backward_the_later_time_begins_an_interval() -> None:
    # 30 s belongs to (20, 30], whose value is that of 30 s
    assert processed(1, Aggregate.AVERAGE, 10, 30, 10) == ["30 Gc", "20 Gc"]
    assert processed(1, Aggregate.INTERPOLATIVE, 10, 25, 5) == ["25 Gi", "15 Gi"]
    assert processed(1, Aggregate.TIME_AVERAGE, 10, 30, 10) == ["25 Gc", "15 Gc"]


def test_the_last_interval_ends_with_the_request() -> None:
    assert processed(1, Aggregate.COUNT, 15, 10, 35) == ["2 Gc", "1 Gcp"]
    assert processed(1, Aggregate.COUNT, 0, 10, 40) == ["3 Gc"]


def test_sloped_extrapolation_goes_on_along_the_last_line() -> None:
    raw, _ = HISTORIANS[1]
    samples = [Sample(NOON + second * S, status, value) for second, value, status in raw]
    configuration = Configuration(sloped_extrapolation=True)
    found = Trace(samples, (samples[1].time, samples[-1].time), configuration)
    assert cell(found.interpolated_bound(NOON + 95 * S)) == "95 Ui"


@pytest.mark.parametrize(
    ("second", "sloped", "stepped"),
    [
        (1, "-", "-"),
        (5, "11.304 Gi", "10 Gi"),
        # the next value is Bad: what is before it is held
        (40, "30 Ui", "30 Gi"),
        # the value itself is Bad, the one before is Bad, nothing comes after
        (42, "-", "-"),
        (45, "-", "-"),
        (95, "-", "-"),
    ],
)
def test_simple_bounds(second: int, sloped: str, stepped: str) -> None:
    """Part 13, 3.1.9."""
    assert cell(trace(2).simple_bound(NOON + second * S)) == sloped
    assert cell(trace(3).simple_bound(NOON + second * S)) == stepped


def test_text_is_held() -> None:
    samples = [
        Sample(NOON, codes.GOOD, "normal"), Sample(NOON + 10 * S, codes.GOOD, "fault 5"),
    ]  # fmt: skip
    found = Trace(samples, (NOON, NOON + 10 * S), Configuration(stepped=True))
    assert found.interpolated_bound(NOON + 5 * S).value == "normal"
    assert found.interpolated_bound(NOON + 10 * S).value == "fault 5"
