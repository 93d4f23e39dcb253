"""The examples of Part 13, annex A: Historians 1 (periodic), 2 (not periodic) and 3 (stepped)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from opcua_ai.core import status as codes
from opcua_ai.history.aggregates import (
    AGGREGATES,
    CALCULATED,
    INTERPOLATED,
    MULTIPLE,
    PARTIAL,
    Aggregate,
    Configuration,
    Trace,
    intervals,
)
from opcua_ai.history.reader import Sample

S = 1_000_000_000
NOON = 1_700_049_600 * S
GOOD, UNCERTAIN, BAD = codes.GOOD, codes.UNCERTAIN, codes.BAD

PERIODIC = [
    (0, None, codes.BAD_NO_DATA), (10, 10.0, GOOD), (20, 20.0, GOOD), (30, 30.0, GOOD),
    (40, 40.0, BAD), (50, 50.0, GOOD), (60, 60.0, GOOD), (70, 70.0, UNCERTAIN), (80, 80.0, GOOD),
    (90, 90.0, GOOD),
]  # fmt: skip
IRREGULAR = [
    (0, None, codes.BAD_NO_DATA), (2, 10.0, GOOD), (25, 20.0, GOOD), (28, 25.0, GOOD),
    (39, 30.0, GOOD), (42, None, BAD), (48, 40.0, GOOD), (52, 50.0, GOOD), (72, 60.0, GOOD),
    (77, 70.0, UNCERTAIN), (83, 70.0, GOOD), (86, 80.0, GOOD), (90, 90.0, GOOD),
]  # fmt: skip
HISTORIANS = {
    1: (PERIODIC, Configuration(treat_uncertain_as_bad=False)),
    2: (IRREGULAR, Configuration()),
    3: (IRREGULAR, Configuration(percent_bad=50, percent_good=50, stepped=True)),
}


def trace(number: int) -> Trace:
    raw, configuration = HISTORIANS[number]
    samples = [Sample(NOON + second * S, status, value) for second, value, status in raw]
    return Trace(samples, (samples[1].time, samples[-1].time), configuration)


def shown(sample: Sample) -> str:
    """``12.3 Uncertain Calculated Partial``"""
    words = [] if sample.value is None else [f"{sample.value:.6g}"]
    plain = sample.status & 0xFFFF0000
    words.append({
        codes.GOOD: "Good", codes.UNCERTAIN: "Uncertain", codes.BAD: "Bad",
        codes.UNCERTAIN_DATA_SUB_NORMAL: "SubNormal", codes.BAD_NO_DATA: "NoData",
    }[plain])  # fmt: skip
    for bits, word in (
        (CALCULATED, "Calculated"), (INTERPOLATED, "Interpolated"), (PARTIAL, "Partial"),
        (MULTIPLE, "Multiple"),
    ):  # fmt: skip
        if sample.status & bits == bits:
            words.append(word)
    return " ".join(words)


def processed(number: int, aggregate: Aggregate, width: int, start: int = 0, end: int = 100):
    found = trace(number)
    return [
        shown(AGGREGATES[aggregate](found, interval))
        for interval in intervals(NOON + start * S, NOON + end * S, width * S)
    ]


def test_interpolative_of_periodic_data() -> None:
    assert processed(1, Aggregate.INTERPOLATIVE, 5) == [
        "NoData", "NoData", "10 Good", "15 Good Interpolated", "20 Good", "25 Good Interpolated",
        "30 Good", "35 SubNormal Interpolated", "40 SubNormal Interpolated",
        "45 SubNormal Interpolated", "50 Good", "55 Good Interpolated", "60 Good",
        "65 SubNormal Interpolated", "70 Uncertain", "75 SubNormal Interpolated", "80 Good",
        "85 Good Interpolated", "90 Good", "90 SubNormal Interpolated",
    ]  # fmt: skip


def test_interpolative_of_irregular_data() -> None:
    assert processed(2, Aggregate.INTERPOLATIVE, 5) == [
        "NoData", "11.3043 Good Interpolated", "13.4783 Good Interpolated",
        "15.6522 Good Interpolated", "17.8261 Good Interpolated", "20 Good",
        "25.9091 Good Interpolated", "28.1818 Good Interpolated", "31.1111 SubNormal Interpolated",
        "36.6667 SubNormal Interpolated", "45 Good Interpolated", "51.5 Good Interpolated",
        "54 Good Interpolated", "56.5 Good Interpolated", "59 Good Interpolated",
        "62.7273 SubNormal Interpolated", "67.2727 SubNormal Interpolated",
        "76.6667 Good Interpolated", "90 Good", "90 SubNormal Interpolated",
    ]  # fmt: skip


def test_interpolative_of_stepped_data() -> None:
    assert processed(3, Aggregate.INTERPOLATIVE, 5) == [
        "NoData", *["10 Good Interpolated"] * 4, "20 Good", "25 Good Interpolated",
        "25 Good Interpolated", "30 Good Interpolated", "30 SubNormal Interpolated",
        "40 Good Interpolated", *["50 Good Interpolated"] * 4, "60 Good Interpolated",
        "60 SubNormal Interpolated", "70 Good Interpolated", "90 Good",
        "90 SubNormal Interpolated",
    ]  # fmt: skip


def test_average_is_that_of_the_good_samples() -> None:
    n = "NoData"
    assert processed(1, Aggregate.AVERAGE, 5) == [
        n, n, "10 Good Calculated", n, "20 Good Calculated", n, "30 Good Calculated", n, n, n,
        "50 Good Calculated", n, "60 Good Calculated", n, n, n, "80 Good Calculated", n,
        "90 Good Calculated", n,
    ]  # fmt: skip
    assert processed(2, Aggregate.AVERAGE, 5)[5] == "22.5 Good Calculated"
    assert processed(2, Aggregate.AVERAGE, 16)[2] == "30 SubNormal Calculated"
    assert processed(3, Aggregate.AVERAGE, 16)[2] == "Bad"  # half of the samples are Bad


def test_minimum_and_maximum() -> None:
    assert processed(1, Aggregate.MAXIMUM, 16) == [
        "10 Good Calculated Partial", "30 Good Calculated", "NoData", "60 Good Calculated",
        "NoData", "90 Good Calculated Partial", "NoData",
    ]  # fmt: skip
    assert processed(2, Aggregate.MAXIMUM, 16) == [
        "10 Good Calculated Partial", "25 Good Calculated", "30 SubNormal Calculated",
        "50 Good Calculated", "60 SubNormal Calculated", "90 Good Calculated Partial", "NoData",
    ]  # fmt: skip
    assert processed(2, Aggregate.MINIMUM, 16) == [
        "10 Good Calculated Partial", "20 Good Calculated", "30 SubNormal Calculated", "40 Good",
        "60 SubNormal Calculated", "70 Good Calculated Partial", "NoData",
    ]  # fmt: skip


def test_an_uncertain_value_beyond_the_extreme_makes_it_uncertain() -> None:
    # 60 s .. 80 s holds 60 Good and 70 Uncertain: 60 may not be the maximum
    assert processed(1, Aggregate.MAXIMUM, 20, 60, 80) == ["60 SubNormal"]
    assert processed(1, Aggregate.MINIMUM, 20, 60, 80) == ["60 Good"]


def test_the_same_extreme_twice_is_said() -> None:
    samples = [Sample(NOON + n * S, GOOD, value) for n, value in enumerate((3.0, 1.0, 1.0, 2.0))]
    found = Trace(samples, (NOON, NOON + 3 * S), Configuration())
    (whole,) = intervals(NOON, NOON + 3 * S, 0)
    assert shown(found.minimum(whole)) == "1 Good Calculated Multiple"


def test_count() -> None:
    assert processed(1, Aggregate.COUNT, 16) == [
        "1 Good Calculated Partial", "2 Good Calculated", "Bad", "2 Good Calculated",
        "0 SubNormal Calculated", "2 Good Calculated Partial", "NoData",
    ]  # fmt: skip
    assert processed(2, Aggregate.COUNT, 16) == [
        "1 Good Calculated Partial", "2 Good Calculated", "1 SubNormal Calculated",
        "2 Good Calculated", "1 SubNormal Calculated", "3 Good Calculated Partial", "NoData",
    ]  # fmt: skip


def test_time_average_by_hand() -> None:
    assert processed(1, Aggregate.TIME_AVERAGE, 16) == [
        # 10 to 16 on a line from 10 s to 16 s, nothing before: (10 + 16) / 2
        "13 SubNormal Calculated Partial",
        # on the line all the way, but the bound at 32 s leaves out the Bad value at 40 s
        "24 SubNormal Calculated",
        "40 SubNormal Calculated",
        "56 SubNormal Calculated",
        "72 SubNormal Calculated",
        # 80 to 90 in 10 s, then 90 is held for 6 s: (85 * 10 + 90 * 6) / 16
        "86.875 SubNormal Calculated",
        "90 SubNormal Calculated Partial",
    ]
    # 20 s to 30 s is Good throughout
    assert processed(1, Aggregate.TIME_AVERAGE, 10, 10, 30) == [
        "15 Good Calculated", "25 Good Calculated",
    ]  # fmt: skip


def test_time_average_of_irregular_data_by_hand() -> None:
    # 25 s: 20, 28 s: 25, 35 s: 25 + 5 * 7 / 11 = 28.1818
    area = (20 + 25) / 2 * 3 + (25 + 28.181818) / 2 * 7
    assert processed(2, Aggregate.TIME_AVERAGE, 10, 25, 35) == [f"{area / 10:.6g} Good Calculated"]


def test_time_average_of_stepped_data_by_hand() -> None:
    # 20 for 3 s, 25 for 7 s
    assert processed(3, Aggregate.TIME_AVERAGE, 10, 25, 35) == ["23.5 Good Calculated"]
    # 30 until 48 s with a Bad value at 42 s, then 40
    assert processed(3, Aggregate.TIME_AVERAGE, 10, 40, 50) == ["32 SubNormal Calculated"]


def test_backward_the_later_time_begins_an_interval() -> None:
    # 30 s belongs to (20, 30], whose value is that of 30 s
    assert processed(1, Aggregate.AVERAGE, 10, 30, 10) == [
        "30 Good Calculated", "20 Good Calculated",
    ]  # fmt: skip
    assert processed(1, Aggregate.INTERPOLATIVE, 10, 25, 5) == [
        "25 Good Interpolated", "15 Good Interpolated",
    ]  # fmt: skip
    assert processed(1, Aggregate.TIME_AVERAGE, 10, 30, 10) == [
        "25 Good Calculated", "15 Good Calculated",
    ]  # fmt: skip


def test_the_last_interval_ends_with_the_request() -> None:
    assert processed(1, Aggregate.COUNT, 15, 10, 35) == [
        "2 Good Calculated", "1 Good Calculated Partial",
    ]  # fmt: skip
    assert processed(1, Aggregate.COUNT, 0, 10, 40) == ["3 Good Calculated"]


def test_sloped_extrapolation_goes_on_along_the_last_line() -> None:
    raw, _ = HISTORIANS[1]
    samples = [Sample(NOON + second * S, status, value) for second, value, status in raw]
    configuration = Configuration(sloped_extrapolation=True)
    found = Trace(samples, (samples[1].time, samples[-1].time), configuration)
    assert shown(found.interpolated_bound(NOON + 95 * S)) == "95 SubNormal Interpolated"


@pytest.mark.parametrize(
    ("second", "sloped", "stepped"),
    [
        (1, "NoData", "NoData"),
        (5, "11.3043 Good Interpolated", "10 Good Interpolated"),
        # the next value is Bad: what is before it is held
        (40, "30 SubNormal Interpolated", "30 Good Interpolated"),
        # the value itself is Bad, the one before is Bad, nothing comes after
        (42, "Bad", "Bad"),
        (45, "NoData", "NoData"),
        (95, "NoData", "NoData"),
    ],
)
def test_simple_bounds(second: int, sloped: str, stepped: str) -> None:
    assert shown(trace(2).simple_bound(NOON + second * S)) == sloped
    assert shown(trace(3).simple_bound(NOON + second * S)) == stepped


def test_text_is_held() -> None:
    samples = [Sample(NOON, GOOD, "normal"), Sample(NOON + 10 * S, GOOD, "fault 5")]
    found = Trace(samples, (NOON, NOON + 10 * S), Configuration(stepped=True))
    bound: Callable[[int], Sample] = found.interpolated_bound
    assert bound(NOON + 5 * S).value == "normal"
    assert bound(NOON + 10 * S).value == "fault 5"
