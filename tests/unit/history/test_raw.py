"""Every row of Table 1 of Part 11, 4.6: values at 5:00, 5:02, 5:03, 5:05 and 5:06."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from opcua_ai.core import status as codes
from opcua_ai.history.raw import RawRequest, read_raw
from opcua_ai.history.reader import Reader, Sample, Series
from opcua_ai.history.store import Store

MINUTE = 60_000_000_000
FIVE = 1_700_000_400_000_000_000


def at(clock: str) -> int:
    hours, minutes = clock.split(":")
    return FIVE + ((int(hours) - 5) * 60 + int(minutes)) * MINUTE


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    store = Store(tmp_path)
    (series,) = store.series([("x", "Double")])
    for clock in ("5:00", "5:02", "5:03", "5:05", "5:06"):
        store.write([(series, at(clock), 0, float(clock[-1]))])
    store.close()
    with Reader(tmp_path) as reader:
        yield reader


def shown(samples: list[Sample]) -> str:
    """Clock times; ``?`` marks a bound that was not found, with its time."""
    texts = []
    for sample in samples:
        minutes, rest = divmod(sample.time - at("0:00"), MINUTE)
        text = f"{minutes // 60}:{minutes % 60:02}"
        if rest:
            text += f":{rest // 10**9:02}"
        if sample.status:
            assert sample.status == codes.BAD_BOUND_NOT_FOUND
            assert sample.value is None
            text += "?"
        texts.append(text)
    return " ".join(texts)


TABLE = [
    ("5:00", "5:05", 0, True, "5:00 5:02 5:03 5:05"),
    ("5:00", "5:05", 0, False, "5:00 5:02 5:03"),
    ("5:01", "5:04", 0, True, "5:00 5:02 5:03 5:05"),
    ("5:01", "5:04", 0, False, "5:02 5:03"),
    ("5:05", "5:00", 0, True, "5:05 5:03 5:02 5:00"),
    ("5:05", "5:00", 0, False, "5:05 5:03 5:02"),
    ("5:04", "5:01", 0, True, "5:05 5:03 5:02 5:00"),
    ("5:04", "5:01", 0, False, "5:03 5:02"),
    ("4:59", "5:05", 0, True, "4:59? 5:00 5:02 5:03 5:05"),
    ("4:59", "5:05", 0, False, "5:00 5:02 5:03"),
    ("5:01", "5:07", 0, True, "5:00 5:02 5:03 5:05 5:06 5:07?"),
    ("5:01", "5:07", 0, False, "5:02 5:03 5:05 5:06"),
    ("5:00", "5:05", 3, True, "5:00 5:02 5:03"),
    ("5:00", "5:05", 3, False, "5:00 5:02 5:03"),
    ("5:01", "5:04", 3, True, "5:00 5:02 5:03"),
    ("5:01", "5:04", 3, False, "5:02 5:03"),
    ("5:05", "5:00", 3, True, "5:05 5:03 5:02"),
    ("5:05", "5:00", 3, False, "5:05 5:03 5:02"),
    ("5:04", "5:01", 3, True, "5:05 5:03 5:02"),
    ("5:04", "5:01", 3, False, "5:03 5:02"),
    ("4:59", "5:05", 3, True, "4:59? 5:00 5:02"),
    ("4:59", "5:05", 3, False, "5:00 5:02 5:03"),
    ("5:01", "5:07", 3, True, "5:00 5:02 5:03"),
    ("5:01", "5:07", 3, False, "5:02 5:03 5:05"),
    ("5:00", None, 3, True, "5:00 5:02 5:03"),
    ("5:00", None, 3, False, "5:00 5:02 5:03"),
    ("5:00", None, 6, True, "5:00 5:02 5:03 5:05 5:06 5:06:01?"),
    ("5:00", None, 6, False, "5:00 5:02 5:03 5:05 5:06"),
    ("5:07", None, 6, True, "5:06 5:06:01?"),
    ("5:07", None, 6, False, ""),
    (None, "5:06", 3, True, "5:06 5:05 5:03"),
    (None, "5:06", 3, False, "5:06 5:05 5:03"),
    (None, "5:06", 6, True, "5:06 5:05 5:03 5:02 5:00 4:59:59?"),
    (None, "5:06", 6, False, "5:06 5:05 5:03 5:02 5:00"),
    (None, "4:48", 6, True, "5:00 4:59:59?"),
    (None, "4:48", 6, False, ""),
    ("4:48", "4:48", 0, True, "4:48? 5:00"),
    ("4:48", "4:48", 0, False, ""),
    ("4:48", "4:48", 1, True, "4:48?"),
    ("4:48", "4:48", 2, True, "4:48? 5:00"),
    ("5:00", "5:00", 0, True, "5:00 5:02"),
    ("5:00", "5:00", 0, False, "5:00"),
    ("5:00", "5:00", 1, True, "5:00"),
    ("5:01", "5:01", 0, True, "5:00 5:02"),
    ("5:01", "5:01", 0, False, ""),
    ("5:01", "5:01", 1, True, "5:00"),
]


def request_of(start: str | None, end: str | None, bounds: bool) -> RawRequest:
    return RawRequest.of(at(start) if start else None, at(end) if end else None, bounds)


def series_of(reader: Reader) -> Series:
    (series,) = reader.all_series()
    return series


@pytest.mark.parametrize(("start", "end", "number", "bounds", "wanted"), TABLE)
def test_bounds(
    reader: Reader, start: str | None, end: str | None, number: int, bounds: bool, wanted: str
) -> None:
    request = request_of(start, end, bounds)
    samples, _ = read_raw(reader, series_of(reader), request, number or 100)
    assert shown(samples) == wanted


@pytest.mark.parametrize("size", [1, 2, 3])
@pytest.mark.parametrize(
    ("start", "end", "bounds", "wanted"),
    [(s, e, b, w) for s, e, n, b, w in TABLE if n == 0],
)
def test_pages_together_are_the_whole(
    reader: Reader, start: str, end: str, bounds: bool, wanted: str, size: int
) -> None:
    request = request_of(start, end, bounds)
    found, after = read_raw(reader, series_of(reader), request, size)
    while after is not None:
        page, after = read_raw(reader, series_of(reader), request, size, after)
        assert 0 < len(page) <= size
        found += page
    assert shown(found) == wanted


def test_no_time_at_all_is_refused() -> None:
    with pytest.raises(ValueError, match="start or an end"):
        RawRequest.of(None, None)
