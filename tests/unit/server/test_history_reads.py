"""One page of each kind of HistoryRead (Part 11, 6.5), without a server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from asyncua import ua
from asyncua.common.utils import Buffer
from asyncua.ua.ua_binary import struct_from_binary

from opcua_ai.core import status as codes
from opcua_ai.history.aggregates import Aggregate, Configuration
from opcua_ai.history.raw import RawRequest
from opcua_ai.history.reader import Reader
from opcua_ai.history.store import Store
from opcua_ai.server.history.reads import AtTimeRead, Page, ProcessedRead, RawRead

S = 1_000_000_000
NOON = 1_700_049_600 * S
BEGIN, END = NOON, NOON + 20 * S


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    """x: 0, 1 ... 19, one a second, with 5 Bad."""
    store = Store(tmp_path)
    (series,) = store.series([("x", "Double")])
    store.write((series, NOON + n * S, codes.BAD * (n == 5), float(n)) for n in range(20))
    store.close()
    with Reader(tmp_path) as reader:
        yield reader


def shown(page: Page) -> list[tuple[object, str]]:
    body = page.data.Body
    assert body is not None
    values = struct_from_binary(ua.HistoryData, Buffer(body)).DataValues
    assert page.count == len(values)
    return [
        (
            v.Value.Value if v.Value else None,
            ua.StatusCode(v.StatusCode.value & 0xFFFF0000).name,  # type: ignore[arg-type]
        )
        for v in values
    ]


def raw(
    name: str, start: int | None, end: int | None, number: int, bounds: bool = False
) -> RawRead:
    return RawRead(name, "Double", RawRequest.of(start, end, bounds), number)


def test_a_node_without_values_answers_as_outside_of_its_data(reader: Reader) -> None:
    plain = raw("never", BEGIN, END, 0).page(reader, 100)
    assert (plain.status, shown(plain)) == (codes.GOOD_NO_DATA, [])
    bounds = raw("never", BEGIN, END, 0, bounds=True).page(reader, 100)
    assert (bounds.status, shown(bounds)) == (codes.GOOD, [(None, "BadBoundNotFound")] * 2)
    times = AtTimeRead("never", "Double", (BEGIN, END), False, Configuration())
    assert shown(times.page(reader, 100)) == [(None, "BadNoData")] * 2
    for aggregate in Aggregate:
        read = ProcessedRead("never", "Double", aggregate, Configuration(), BEGIN, END, 10 * S)
        assert shown(read.page(reader, 100)) == [(None, "BadNoData")] * 2


def test_outside_of_the_data_nothing_is_invalid(reader: Reader) -> None:
    """Part 11, 3.1.10: any time is a valid one."""
    page = raw("x", END + 10 * S, END + 20 * S, 0).page(reader, 100)
    assert (page.status, shown(page), page.rest) == (codes.GOOD_NO_DATA, [], None)


@pytest.mark.parametrize("simple", [False, True])
def test_a_bad_value_that_is_there_is_not_interpolated(reader: Reader, simple: bool) -> None:
    """Part 11, 6.5.5.2: interpolation is for times that have no value."""
    times = (NOON + 5 * S, NOON + S // 2, NOON + 9 * S // 2)
    read = AtTimeRead("x", "Double", times, simple, Configuration())
    between = 4.0 if simple else 4.5  # the next value is Bad: held, or a line beyond it
    assert shown(read.page(reader, 100)) == [
        (5.0, "Bad"), (0.5, "Good"), (between, "UncertainDataSubNormal"),
    ]  # fmt: skip


def test_a_number_with_both_times_is_the_size_of_a_page(reader: Reader) -> None:
    read = raw("x", BEGIN, END, 8)
    sizes = []
    while read is not None:
        page = read.page(reader, 100)
        sizes.append(page.count)
        read = page.rest  # type: ignore[assignment]
    assert sizes == [8, 8, 4]


@pytest.mark.parametrize(("start", "end", "last"), [(BEGIN, None, 7.0), (None, END, 12.0)])
def test_a_number_with_one_time_ends_the_read(
    reader: Reader, start: int | None, end: int | None, last: float
) -> None:
    page = raw("x", start, end, 8).page(reader, 100)
    assert (page.count, page.rest) == (8, None)
    assert shown(page)[-1] == (last, "Good")
    # also where the server's own limit splits it
    first = raw("x", start, end, 8).page(reader, 5)
    assert first.rest is not None
    second = first.rest.page(reader, 5)
    assert (second.count, second.rest) == (3, None)
    assert shown(second)[-1] == (last, "Good")
