"""Raw values with bounds: what Part 11, 4.6 and 6.5.3 say comes back for start, end and number."""

from __future__ import annotations

from dataclasses import dataclass

from opcua_ai.core import status as codes
from opcua_ai.core.types import NS
from opcua_ai.history.reader import MAX_TIME, MIN_TIME, Reader, Sample, Series


@dataclass(frozen=True, slots=True)
class RawRequest:
    """Where reading begins, where it stops and in which direction it goes."""

    begin: int
    stop: int | None
    """None when a number of values ends it, which the caller counts."""
    backward: bool
    bounds: bool

    @classmethod
    def of(cls, start: int | None, end: int | None, bounds: bool = False) -> RawRequest:
        """From the times of ReadRawModifiedDetails, of which at least one is given."""
        if start is not None:
            return cls(start, end, end is not None and end < start, bounds)
        if end is not None:
            return cls(end, None, True, bounds)
        raise ValueError("a raw read needs a start or an end")


def read_raw(
    reader: Reader, series: Series, request: RawRequest, limit: int, after: int | None = None
) -> tuple[list[Sample], int | None]:
    """At most ``limit`` samples in the order of the request. The second result is None at the end,
    else what to give as ``after`` to go on."""
    found: list[Sample] = []
    if after is None and request.bounds:
        found.append(_leading(reader, series, request))
        after = found[0].time
    wanted = limit + 1 - len(found)
    found += reader.rows(series, *_range(request, after), wanted, backward=request.backward)
    if request.bounds and len(found) <= limit:
        found.append(_trailing(reader, series, request, found[-1].time if found else after))
    if len(found) > limit:
        return found[:limit], found[limit - 1].time
    return found, None


def _range(request: RawRequest, after: int | None) -> tuple[int, int]:
    """First and last time, both included; the end of the request belongs to it only when it is
    its start too."""
    begin, stop = request.begin, request.stop
    if request.backward:
        latest = begin if after is None else min(begin, after - 1)
        return (MIN_TIME if stop is None else stop + 1), latest
    earliest = begin if after is None else max(begin, after + 1)
    if stop is None:
        return earliest, MAX_TIME
    return earliest, (stop if stop == begin else stop - 1)


def _leading(reader: Reader, series: Series, request: RawRequest) -> Sample:
    """The sample at the beginning, or the nearest one outside."""
    begin = request.begin
    if exact := reader.rows(series, begin, begin, 1):
        return exact[0]
    outside = _next(reader, series, begin, backward=not request.backward)
    return outside or Sample(begin, codes.BAD_BOUND_NOT_FOUND, None)


def _trailing(reader: Reader, series: Series, request: RawRequest, last: int | None) -> Sample:
    """The sample at the end or the nearest one outside; a note one second off when the request
    has no end (Part 11, 4.6, notes a and b)."""
    step = -1 if request.backward else 1
    stop = request.stop
    if stop is None:
        previous = request.begin if last is None else last
        return Sample(previous + step * NS, codes.BAD_BOUND_NOT_FOUND, None)
    if stop != request.begin and (exact := reader.rows(series, stop, stop, 1)):
        return exact[0]
    outside = _next(reader, series, stop, backward=request.backward)
    return outside or Sample(stop, codes.BAD_BOUND_NOT_FOUND, None)


def _next(reader: Reader, series: Series, time: int, *, backward: bool) -> Sample | None:
    found = reader.neighbours(series, time, backward=backward, bad=2**32, usable=1)
    return found[0] if found else None
