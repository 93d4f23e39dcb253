"""The data of Part 13, annex A: Historians 1 (periodic), 2 (not periodic) and 3 (stepped)."""

from __future__ import annotations

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


def cell(sample: Sample) -> str:
    """``value status``: G Good, U Uncertain_DataSubNormal, u Uncertain, B Bad, - Bad_NoData; then
    c Calculated, i Interpolated, p Partial, m MultipleValues."""
    plain = sample.status & 0xFFFF0000
    letters = {
        codes.GOOD: "G", codes.UNCERTAIN_DATA_SUB_NORMAL: "U", codes.UNCERTAIN: "u",
        codes.BAD: "B", codes.BAD_NO_DATA: "-",
    }[plain]  # fmt: skip
    for bits, letter in (
        (CALCULATED, "c"), (INTERPOLATED, "i"), (PARTIAL, "p"), (MULTIPLE, "m"),
    ):  # fmt: skip
        if sample.status & bits == bits:
            letters += letter
    return letters if sample.value is None else f"{round(float(sample.value), 3):g} {letters}"  # type: ignore[arg-type]


def processed(
    number: int, aggregate: Aggregate, width: int, start: int = 0, end: int = 100
) -> list[str]:
    """Cells of an aggregate; times and width in seconds."""
    found = trace(number)
    wanted = list(intervals(NOON + start * S, NOON + end * S, width * S))
    results = [AGGREGATES[aggregate](found, interval) for interval in wanted]
    assert [result.time for result in results] == [interval.begin for interval in wanted]
    return [cell(result) for result in results]
