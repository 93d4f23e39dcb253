"""Parts of arrays and strings (Part 4, 7.27)."""

from __future__ import annotations

from typing import Any

import pytest
from asyncua import ua
from asyncua.ua import uaerrors

from opcua_ai.server.asyncua_mends.numeric_range import NumericRange

VT = ua.VariantType
NUMBERS = ua.Variant([10, 11, 12, 13], VT.Int32)
MATRIX = ua.Variant([[1, 2, 3], [4, 5, 6]], VT.Int32)
WORDS = ua.Variant(["alpha", "beta"], VT.String)


def span(text: str) -> NumericRange:
    found = NumericRange.parse(text)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("text", "variant", "part"),
    [
        ("1", NUMBERS, [11]),
        ("1:2", NUMBERS, [11, 12]),
        ("2:9", NUMBERS, [12, 13]),
        ("1,0:1", MATRIX, [[4, 5]]),
        ("0:1,2", MATRIX, [[3], [6]]),
        ("1:3", ua.Variant("hello", VT.String), "ell"),
        ("0:1", ua.Variant(b"\x01\x02\x03", VT.ByteString), b"\x01\x02"),
        ("0:1,0:1", WORDS, ["al", "be"]),
    ],
)
def test_reads_a_part(text: str, variant: ua.Variant, part: Any) -> None:
    found = span(text).read(variant)
    assert found.Value == part
    assert found.VariantType == variant.VariantType


@pytest.mark.parametrize("text", ["x", "-1", "2:1", "1:1", "1:", ":1", "1,", "1.5", " 1"])
def test_a_malformed_range(text: str) -> None:
    with pytest.raises(uaerrors.BadIndexRangeInvalid):
        NumericRange.parse(text)


@pytest.mark.parametrize("text", ["", None])
def test_no_range(text: str | None) -> None:
    assert NumericRange.parse(text) is None


@pytest.mark.parametrize(
    ("text", "variant"),
    [("4", NUMBERS), ("0,0", NUMBERS), ("2,0", MATRIX), ("0", ua.Variant(1.5, VT.Double))],
)
def test_nothing_lies_in_the_range(text: str, variant: ua.Variant) -> None:
    with pytest.raises(uaerrors.BadIndexRangeNoData):
        span(text).read(variant)


def test_writes_a_part_and_leaves_the_rest() -> None:
    assert span("1:2").write(NUMBERS, ua.Variant([7, 8], VT.Int32)).Value == [10, 7, 8, 13]
    assert span("0:1,1").write(MATRIX, ua.Variant([[7], [8]], VT.Int32)).Value == [
        [1, 7, 3],
        [4, 8, 6],
    ]
    assert NUMBERS.Value == [10, 11, 12, 13]


@pytest.mark.parametrize(
    ("text", "new", "error"),
    [
        ("1:2", ua.Variant([7], VT.Int32), uaerrors.BadIndexRangeDataMismatch),
        ("3:4", ua.Variant([7, 8], VT.Int32), uaerrors.BadIndexRangeNoData),
        ("1", ua.Variant([7.5], VT.Double), uaerrors.BadTypeMismatch),
    ],
)
def test_a_part_that_does_not_fit(text: str, new: ua.Variant, error: type[Exception]) -> None:
    with pytest.raises(error):
        span(text).write(NUMBERS, new)
