"""The kinds of HistoryRead of values (Part 11, 6.5): each reads one page and says what is left."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice

from asyncua import ua
from asyncua.ua import uaerrors

from opcua_ai.core import status as codes
from opcua_ai.history.aggregates import (
    AGGREGATES,
    Aggregate,
    Configuration,
    Interval,
    Trace,
    intervals,
)
from opcua_ai.history.raw import RawRequest, read_raw
from opcua_ai.history.reader import Reader, Sample, Series
from opcua_ai.server.history.encoding import history_data

MAX_ROWS = 1_000_000
"""Samples that the intervals of one page are computed from."""
_NOTHING_YET = -1
"""Id of no series: of a node without values, all that is read lies outside of its data."""
_KINDS = {
    Aggregate.AVERAGE: "Double",
    Aggregate.TIME_AVERAGE: "Double",
    Aggregate.COUNT: "Int32",
}
"""Data type of a result that is not that of its source (Part 13, table 13)."""


@dataclass(frozen=True, slots=True)
class Page:
    """What a read gives back now; ``rest`` goes on where it ended."""

    count: int
    data: ua.ExtensionObject
    rest: Read | None = None
    status: int = codes.GOOD


class Read(ABC):
    """One node's read. Runs in a thread of its own with a reader of its own."""

    @abstractmethod
    def page(self, reader: Reader, room: int) -> Page:
        """At most ``room`` results. Raises UaStatusCodeError."""


@dataclass(frozen=True, slots=True)
class _ValueRead(Read):
    name: str
    kind: str

    def page(self, reader: Reader, room: int) -> Page:
        series = reader.series(self.name) or Series(_NOTHING_YET, self.name, self.kind)
        if room <= 0:
            return Page(0, history_data((), self.kind), self)
        return self.of(reader, series, room)

    @abstractmethod
    def of(self, reader: Reader, series: Series, room: int) -> Page:
        """The page of a series, with ``room`` for one result at least."""


@dataclass(frozen=True, slots=True)
class RawRead(_ValueRead):
    """ReadRaw (Part 11, 6.5.3)."""

    request: RawRequest
    number: int
    """NumValuesPerNode; 0 for all. With both times it is the size of a page, else the end."""
    after: int | None = None

    def of(self, reader: Reader, series: Series, room: int) -> Page:
        limit = min(self.number, room) if self.number else room
        samples, after = read_raw(reader, series, self.request, limit, self.after)
        rest = None if after is None else replace(self, after=after)
        if rest is not None and self.request.stop is None:
            left = self.number - len(samples)
            rest = replace(rest, number=left) if left else None
        empty = not samples and self.after is None
        status = codes.GOOD_NO_DATA if empty else codes.GOOD
        return Page(len(samples), history_data(samples, self.kind), rest, status)


@dataclass(frozen=True, slots=True)
class AtTimeRead(_ValueRead):
    """ReadAtTime (Part 11, 6.5.5): what is there, Bad or not, else an interpolated value."""

    times: Sequence[int]
    simple: bool
    configuration: Configuration

    def of(self, reader: Reader, series: Series, room: int) -> Page:
        samples = [self._at(reader, series, time) for time in self.times[:room]]
        left = self.times[room:]
        rest = replace(self, times=left) if left else None
        return Page(len(samples), history_data(samples, self.kind), rest)

    def _at(self, reader: Reader, series: Series, time: int) -> Sample:
        if here := reader.rows(series, time, time, 1):
            return here[0]
        trace = _around(reader, series, time, time, (), self.configuration)
        bound = trace.simple_bound if self.simple else trace.interpolated_bound
        return bound(time)


@dataclass(frozen=True, slots=True)
class ProcessedRead(_ValueRead):
    """ReadProcessed (Part 11, 6.5.4; Part 13)."""

    aggregate: Aggregate
    configuration: Configuration
    begin: int
    end: int
    width: int

    def of(self, reader: Reader, series: Series, room: int) -> Page:
        wanted = list(islice(intervals(self.begin, self.end, self.width), room))
        wanted, samples = self._load(reader, series, wanted)
        early, late = _hull(wanted)
        trace = _around(reader, series, early, late, samples, self.configuration)
        compute = AGGREGATES[self.aggregate]
        results = [compute(trace, interval) for interval in wanted]
        stop = wanted[-1].end
        rest = None if stop == self.end else replace(self, begin=stop)
        kind = _KINDS.get(self.aggregate, self.kind)
        return Page(len(results), history_data(results, kind), rest)

    def _load(
        self, reader: Reader, series: Series, wanted: list[Interval]
    ) -> tuple[list[Interval], list[Sample]]:
        """The intervals that fit into memory, and their samples in order of time."""
        backward = self.end < self.begin
        early, late = _hull(wanted)
        samples = reader.rows(series, early, late, MAX_ROWS + 1, backward=backward)
        if len(samples) > MAX_ROWS:
            reach = samples[-1].time
            wanted = [i for i in wanted if (i.early > reach if backward else i.late < reach)]
            if not wanted:
                raise uaerrors.BadTooManyOperations
            early, late = _hull(wanted)
            samples = [s for s in samples if early <= s.time <= late]
        return wanted, samples[::-1] if backward else samples


def _hull(wanted: Sequence[Interval]) -> tuple[int, int]:
    first, last = wanted[0], wanted[-1]
    return min(first.early, last.early), max(first.late, last.late)


def _around(
    reader: Reader,
    series: Series,
    early: int,
    late: int,
    samples: Sequence[Sample],
    configuration: Configuration,
) -> Trace:
    """The samples from ``early`` to ``late`` with what bounding values need around them."""
    bad = configuration.bad
    before = reader.neighbours(series, early, backward=True, bad=bad, usable=2)
    after = reader.neighbours(series, late, backward=False, bad=bad, usable=1)
    return Trace([*before[::-1], *samples, *after], reader.span(series), configuration)
