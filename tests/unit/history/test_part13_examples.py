"""Part 13, annex A: what comes out of Historians 1, 2 and 3.

Where the rows are from:
S: reference.opcfoundation.org, Part 13 v1.04, the annex that is named
N: node-opcua, packages/node-opcua-aggregates/test/test_aggregates.ts
E: OPCFoundation/UA-.NETStandard-Samples, .../HistoricalAccess/Server/Data/Sample/*ExpectedData.csv
O: OPCFoundation/UA-.NET-Legacy, .../Aggregators/UnitTest/TestResults/TimeAverageTestResult.xml
"""

from __future__ import annotations

import pytest

from opcua_ai.history.aggregates import Aggregate
from tests.unit.history.historians import processed

INTERPOLATIVE, AVERAGE, TIME_AVERAGE = (
    Aggregate.INTERPOLATIVE,
    Aggregate.AVERAGE,
    Aggregate.TIME_AVERAGE,
)
MINIMUM, MAXIMUM, COUNT = Aggregate.MINIMUM, Aggregate.MAXIMUM, Aggregate.COUNT

EVERY_5_S = [
    # S A.2, N
    (1, INTERPOLATIVE,
     "-, -, 10 G, 15 Gi, 20 G, 25 Gi, 30 G, 35 Ui, 40 Ui, 45 Ui, 50 G, 55 Gi, 60 G, "
     "65 Ui, 70 u, 75 Ui, 80 G, 85 Gi, 90 G, 90 Ui"),
    (2, INTERPOLATIVE,
     "-, 11.304 Gi, 13.478 Gi, 15.652 Gi, 17.826 Gi, 20 G, 25.909 Gi, 28.182 Gi, "
     "31.111 Ui, 36.667 Ui, 45 Gi, 51.5 Gi, 54 Gi, 56.5 Gi, 59 Gi, 62.727 Ui, 67.273 Ui, "
     "76.667 Gi, 90 G, 90 Ui"),
    # N, E
    (3, INTERPOLATIVE,
     "-, 10 Gi, 10 Gi, 10 Gi, 10 Gi, 20 G, 25 Gi, 25 Gi, 30 Gi, 30 Ui, 40 Gi, 50 Gi, "
     "50 Gi, 50 Gi, 50 Gi, 60 Gi, 60 Ui, 70 Gi, 90 G, 90 Ui"),
    # N; E, which is older, has the Uncertain 70 as Good at 70 s
    (1, AVERAGE,
     "-, -, 10 Gc, -, 20 Gc, -, 30 Gc, -, -, -, 50 Gc, -, 60 Gc, -, -, -, 80 Gc, -, "
     "90 Gc, -"),
    # N; E, which is older, has Uncertain where an interval has no start bound or one that skips
    (2, AVERAGE,
     "10 Gc, -, -, -, -, 22.5 Gc, -, 30 Gc, -, 40 Gc, 50 Gc, -, -, -, 60 Gc, -, 70 Gc, "
     "80 Gc, 90 Gc, -"),
    (3, AVERAGE,
     "10 Gc, -, -, -, -, 22.5 Gc, -, 30 Gc, -, 40 Gc, 50 Gc, -, -, -, 60 Gc, -, 70 Gc, "
     "80 Gc, 90 Gc, -"),
    # S A.4
    (1, TIME_AVERAGE,
     "-, -, 12.5 Gc, 17.5 Gc, 22.5 Gc, 27.5 Gc, 32.5 Uc, 37.5 Uc, 42.5 Uc, 47.5 Uc, "
     "52.5 Gc, 57.5 Gc, 62.5 Uc, 67.5 Uc, 72.5 Uc, 77.5 Uc, 82.5 Gc, 87.5 Gc, 90 Uc, 90 Uc"),
    # E to 85 s, O from there (E has sloped extrapolation); Partial: S A.4
    (2, TIME_AVERAGE,
     "10.652 Ucp, 12.391 Gc, 14.565 Gc, 16.739 Gc, 18.913 Gc, 23.682 Gc, 27.045 Gc, "
     "29.384 Uc, 33.889 Uc, 40 Uc, 49.45 Gc, 52.75 Gc, 55.25 Gc, 57.75 Gc, 60.618 Uc, "
     "65 Uc, 70.515 Uc, 83.667 Gc, 90 Uc, 90 Uc"),
    # by hand after 5.4.3.6, lines between stepped bounds; E and O, which are older than that
    # sentence, have steps: 10, 22, 26, 34, 46, 56, 64, 78 where a step lies in the interval
    (3, TIME_AVERAGE,
     "10 Ucp, 10 Gc, 10 Gc, 10 Gc, 15 Gc, 23.5 Gc, 25 Gc, 28 Gc, 30 Uc, 37 Uc, 48 Gc, "
     "50 Gc, 50 Gc, 50 Gc, 58 Gc, 60 Uc, 67 Uc, 83 Gc, 90 Uc, 90 Uc"),
]  # fmt: skip
EVERY_16_S = [
    # N; values and severities also S A.10 and A.11 (MinimumActualTime, MaximumActualTime)
    (1, MINIMUM, "10 Gcp, 20 Gc, -, 50 Gc, -, 80 Gp, -"),
    (2, MINIMUM, "10 Gcp, 20 Gc, 30 Uc, 40 G, 60 Uc, 70 Gcp, -"),
    (3, MINIMUM, "10 Gcp, 20 Gc, 30 Uc, 40 G, 60 Uc, 70 Gcp, -"),
    (1, MAXIMUM, "10 Gcp, 30 Gc, -, 60 Gc, -, 90 Gcp, -"),
    (2, MAXIMUM, "10 Gcp, 25 Gc, 30 Uc, 50 Gc, 60 Uc, 90 Gcp, -"),
    (3, MAXIMUM, "10 Gcp, 25 Gc, 30 Uc, 50 Gc, 60 Uc, 90 Gcp, -"),
    # N
    (1, COUNT, "1 Gcp, 2 Gc, B, 2 Gc, 0 Uc, 2 Gcp, -"),
    (2, COUNT, "1 Gcp, 2 Gc, 1 Uc, 2 Gc, 1 Uc, 3 Gcp, -"),
    # N, without its Bad at 32 s: half are Good, half Bad, and then the Good ones decide (4.2.1.2)
    (3, COUNT, "1 Gcp, 2 Gc, 1 Gc, 2 Gc, 1 Gc, 3 Gcp, -"),
]  # fmt: skip


def cells(text: str) -> list[str]:
    return [part.strip() for part in text.split(",")]


@pytest.mark.parametrize(("number", "aggregate", "wanted"), EVERY_5_S)
def test_intervals_of_5_s(number: int, aggregate: Aggregate, wanted: str) -> None:
    assert processed(number, aggregate, 5) == cells(wanted)


@pytest.mark.parametrize(("number", "aggregate", "wanted"), EVERY_16_S)
def test_intervals_of_16_s(number: int, aggregate: Aggregate, wanted: str) -> None:
    assert processed(number, aggregate, 16) == cells(wanted)
