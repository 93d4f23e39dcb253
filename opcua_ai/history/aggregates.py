"""Bounding values and aggregates of Part 13, on the samples around a stretch of time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from opcua_ai.core import status as codes
from opcua_ai.history.reader import Sample

_DATA_VALUE = 0x0400
CALCULATED = _DATA_VALUE | 0x01
INTERPOLATED = _DATA_VALUE | 0x02
PARTIAL = _DATA_VALUE | 0x04
MULTIPLE = _DATA_VALUE | 0x10
"""Info bits of a StatusCode (Part 4, 7.39; Part 13, 5.3.3)."""
_SUB_NORMAL = codes.UNCERTAIN_DATA_SUB_NORMAL


@dataclass(frozen=True, slots=True)
class Configuration:
    """AggregateConfigurationType with its defaults (Part 13, 4.2.1.2), and the Stepped of Part 11,
    5.2.2."""

    treat_uncertain_as_bad: bool = True
    percent_bad: int = 100
    percent_good: int = 100
    sloped_extrapolation: bool = False
    stepped: bool = False

    @property
    def bad(self) -> int:
        """The lowest status that counts as Bad."""
        return codes.UNCERTAIN if self.treat_uncertain_as_bad else codes.BAD


@dataclass(frozen=True, slots=True)
class Interval:
    """One interval of a request; a later ``begin`` than ``end`` means that time flows backward."""

    begin: int
    end: int
    cut: bool
    """Shorter than the processing interval, for the request ends in it."""

    @property
    def early(self) -> int:
        return min(self.begin, self.end)

    @property
    def late(self) -> int:
        return max(self.begin, self.end)


def intervals(start: int, end: int, width: int) -> Iterator[Interval]:
    """Part 13, 5.4.2.2; a width of 0 is one interval."""
    step = width or abs(end - start)
    sign = 1 if end > start else -1
    begin = start
    while (end - begin) * sign > 0:
        stop = begin + sign * step
        cut = (stop - end) * sign > 0
        yield Interval(begin, end if cut else stop, cut)
        begin = stop


class Trace:
    """The samples in a stretch of time with the usable ones around it, oldest first."""

    def __init__(
        self, samples: Sequence[Sample], span: tuple[int, int] | None, configuration: Configuration
    ) -> None:
        """``span``: times of the first and last sample that the store holds."""
        self.configuration = configuration
        self.samples = [s for s in samples if s.status & 0xFFFF0000 != codes.BAD_NO_DATA]
        self.span = span
        self._time = np.array([s.time for s in self.samples], np.int64)
        self._number = np.array([_number(s.value) for s in self.samples], np.float64)
        status = np.array([s.status for s in self.samples], np.uint32)
        self._good = codes.good_mask(status) & np.isfinite(self._number)
        self._usable = (status < configuration.bad) & _has_value(self.samples)
        self._uncertain = self._usable & ~codes.good_mask(status)
        self._usable_at = np.flatnonzero(self._usable)
        self._usable_time = self._time[self._usable_at]

    def interpolated_bound(self, time: int) -> Sample:
        """The Interpolated Bounding Value (Part 13, 3.1.8): the sample itself where it is usable,
        else what lies between the usable ones around it."""
        after = int(np.searchsorted(self._usable_time, time))
        if after < len(self._usable_at) and self._usable_time[after] == time:
            return self.samples[self._usable_at[after]]
        if after == 0:
            return Sample(time, codes.BAD_NO_DATA, None)
        early = int(self._usable_at[after - 1])
        if self.configuration.stepped:
            return self._held(time, early)
        if after < len(self._usable_at):
            late = int(self._usable_at[after])
            return self._line(time, early, late, skipped=late != early + 1)
        if self.configuration.sloped_extrapolation and after > 1:
            return self._line(time, int(self._usable_at[after - 2]), early, skipped=True)
        return Sample(time, _SUB_NORMAL | INTERPOLATED, self.samples[early].value)

    def simple_bound(self, time: int) -> Sample:
        """The Simple Bounding Value (Part 13, 3.1.9): from the samples next to it, Bad or not."""
        after = int(np.searchsorted(self._time, time))
        exact = after < len(self.samples) and self._time[after] == time
        if exact and self._usable[after]:
            return self.samples[after]
        if exact or after in (0, len(self.samples)) or not self._usable[after - 1]:
            return Sample(time, codes.BAD_NO_DATA, None)
        if self.configuration.stepped:
            return self._held(time, after - 1)
        if self._usable[after]:
            return self._line(time, after - 1, after, skipped=False)
        return Sample(time, _SUB_NORMAL | INTERPOLATED, self.samples[after - 1].value)

    def _held(self, time: int, early: int) -> Sample:
        """Stepped: Good unless something unusable came since, or nothing at all."""
        sample = self.samples[early]
        known = early + 1 < len(self.samples) and time <= self.samples[early + 1].time
        good = known and codes.is_good(sample.status)
        return Sample(time, (codes.GOOD if good else _SUB_NORMAL) | INTERPOLATED, sample.value)

    def _line(self, time: int, early: int, late: int, *, skipped: bool) -> Sample:
        """Sloped: on the line through two samples."""
        first, second = self.samples[early], self.samples[late]
        share = (time - first.time) / (second.time - first.time)
        value = self._number[early] + share * (self._number[late] - self._number[early])
        good = codes.is_good(first.status) and codes.is_good(second.status) and not skipped
        return Sample(time, (codes.GOOD if good else _SUB_NORMAL) | INTERPOLATED, float(value))

    def interpolative(self, interval: Interval) -> Sample:
        """Part 13, 5.4.3.4."""
        return self.interpolated_bound(interval.begin)

    def average(self, interval: Interval) -> Sample:
        """Mean of the Good samples (Part 13, 5.4.3.5)."""
        inside = self._inside(interval)
        good = self._number[inside][self._good[inside]]
        if not len(good):
            return Sample(interval.begin, codes.BAD_NO_DATA, None)
        return self._by_values(interval, inside, float(np.mean(good)))

    def count(self, interval: Interval) -> Sample:
        """Number of the Good samples (Part 13, 5.4.3.20)."""
        inside = self._inside(interval)
        if self._beyond(interval):
            return Sample(interval.begin, codes.BAD_NO_DATA, None)
        good = np.count_nonzero(self._usable[inside] & ~self._uncertain[inside])
        return self._partial(interval, self._by_values(interval, inside, int(good)))

    def minimum(self, interval: Interval) -> Sample:
        """Part 13, 5.4.3.10."""
        return self._extreme(interval, np.argmin, np.less)

    def maximum(self, interval: Interval) -> Sample:
        """Part 13, 5.4.3.11."""
        return self._extreme(interval, np.argmax, np.greater)

    def time_average(self, interval: Interval) -> Sample:
        """Area below the lines from bound to bound over the usable samples, by its duration (Part
        13, 5.4.3.6): lines also where ``stepped``; before the first sample there is none."""
        start = self.interpolated_bound(interval.early)
        end = self.interpolated_bound(interval.late)
        here = slice(
            int(np.searchsorted(self._time, interval.early)),
            int(np.searchsorted(self._time, interval.late)),
        )
        points = [
            s
            for s, usable in zip(self.samples[here], self._usable[here], strict=True)
            if usable and s.time > interval.early
        ]
        points = [p for p in (start, *points, end) if not codes.is_bad(p.status)]
        if len(points) < 2:
            return Sample(interval.begin, codes.BAD_NO_DATA, None)
        time = np.array([p.time for p in points], np.float64)
        value = np.array([_number(p.value) for p in points])
        area = np.sum((value[:-1] + value[1:]) / 2 * np.diff(time))
        good = (
            all(codes.is_good(p.status) for p in points)
            and not codes.is_bad(start.status)
            and bool(self._usable[here].all())
        )
        status = (codes.GOOD if good else _SUB_NORMAL) | CALCULATED
        result = Sample(interval.begin, status, float(area / (time[-1] - time[0])))
        return self._partial(interval, result, extrapolates=True)

    def _inside(self, interval: Interval) -> slice:
        """The samples of an interval, which holds its beginning and not its end."""
        side = "left" if interval.begin == interval.early else "right"
        return slice(
            int(np.searchsorted(self._time, interval.early, side)),
            int(np.searchsorted(self._time, interval.late, side)),
        )

    def _extreme(
        self, interval: Interval, pick: Callable[..., np.intp], beats: Callable[..., np.ndarray]
    ) -> Sample:
        inside = self._inside(interval)
        good = np.flatnonzero(self._good[inside]) + inside.start
        if not len(good):
            return Sample(interval.begin, codes.BAD_NO_DATA, None)
        numbers = self._number[good]
        best = numbers[pick(numbers)]
        found = good[numbers == best]
        uncertain = self._number[inside][self._uncertain[inside]]
        doubtful = not self._usable[inside].all() or bool(beats(uncertain, best).any())
        status = _SUB_NORMAL if doubtful else codes.GOOD
        if doubtful or self._time[found[0]] != interval.begin:
            status |= CALCULATED
        if len(found) > 1:
            status |= MULTIPLE
        value = self.samples[found[0]].value
        return self._partial(interval, Sample(interval.begin, status, value))

    def _by_values(self, interval: Interval, inside: slice, value: float) -> Sample:
        """The status by the numbers of Good and Bad samples (Part 13, 5.4.3.2); where both are
        enough, Good counts (4.2.1.2)."""
        total = inside.stop - inside.start
        configuration = self.configuration
        good = int(np.count_nonzero(self._usable[inside] & ~self._uncertain[inside]))
        bad = int(np.count_nonzero(~self._usable[inside]))
        if 100 * good >= configuration.percent_good * total:
            return Sample(interval.begin, codes.GOOD | CALCULATED, value)
        if 100 * bad >= configuration.percent_bad * total:
            return Sample(interval.begin, codes.BAD, None)
        return Sample(interval.begin, _SUB_NORMAL | CALCULATED, value)

    def _beyond(self, interval: Interval) -> bool:
        if self.span is None:
            return True
        return interval.late < self.span[0] or interval.early > self.span[1]

    def _partial(self, interval: Interval, result: Sample, *, extrapolates: bool = False) -> Sample:
        """The Partial bit where the data begin or end inside the interval (Part 13, 5.3.3.2)."""
        if codes.is_bad(result.status) or self.span is None:
            return result
        begins = interval.early < self.span[0] < interval.late
        ends = interval.early <= self.span[1] < interval.late and not extrapolates
        if not (begins or ends or interval.cut):
            return result
        return result._replace(status=result.status | PARTIAL)


class Aggregate(IntEnum):
    """Identifiers of the AggregateFunctions that are offered (Part 13, 4.2.2)."""

    INTERPOLATIVE = 2341
    AVERAGE = 2342
    TIME_AVERAGE = 2343
    MINIMUM = 2346
    MAXIMUM = 2347
    COUNT = 2352


AGGREGATES: dict[Aggregate, Callable[[Trace, Interval], Sample]] = {
    Aggregate.INTERPOLATIVE: Trace.interpolative,
    Aggregate.AVERAGE: Trace.average,
    Aggregate.TIME_AVERAGE: Trace.time_average,
    Aggregate.MINIMUM: Trace.minimum,
    Aggregate.MAXIMUM: Trace.maximum,
    Aggregate.COUNT: Trace.count,
}


def _number(value: object) -> float:
    return float(value) if isinstance(value, (int, float)) else float("nan")


def _has_value(samples: Sequence[Sample]) -> np.ndarray:
    return np.array([s.value is not None for s in samples], np.bool_)
