"""What may be missing, and how it is read from the history."""

import asyncio

import numpy as np
import pytest
from asyncua import ua

from opcua_ai.core import status
from opcua_ai.core.ports import SourceStats
from opcua_ai.core.types import NS, Samples, Tag, from_datetime, to_datetime
from opcua_ai.sources import _backfill
from opcua_ai.sources._backfill import Backfill
from opcua_ai.sources._chunks import Chunks
from opcua_ai.sources._gaps import Gaps

T0 = 1_700_000_000 * NS
OVERFLOW = 0x480


def samples(*rows) -> Samples:
    """(column, value, status, seconds)"""
    column, value, state, seconds = zip(*rows, strict=True)
    return Samples(
        np.array(column, np.int32),
        np.array(value, float),
        np.array(state, np.uint32),
        T0 + (np.array(seconds) * NS).astype(np.int64),
    )


def told(gap) -> list[tuple[int, float, float, float]]:
    """(column, begin, end, value that held at the begin), in seconds"""
    begin, end = (gap.begin - T0) / NS, (gap.end - T0) / NS
    rows = zip(gap.column.tolist(), begin.tolist(), end.tolist(), gap.value.tolist(), strict=True)
    return sorted(rows)


def test_a_gap_lasts_from_the_last_sample_to_the_first_new_one():
    stats = SourceStats()
    gaps = Gaps(3, stats)
    gaps.note(samples((0, 1.0, 0, 1), (1, 2.0, 0, 2), (0, 1.5, 0, 3)))
    assert not gaps.noted.is_set()
    gaps.lose()
    gaps.lose()  # a second outage before the first new sample
    assert gaps.noted.is_set()
    assert gaps.waiting.tolist() == [0, 1], "what never had a value misses none"
    gaps.note(samples((0, 8.0, 0, 9), (0, 9.0, 0, 10)))
    assert gaps.waiting.tolist() == [1]
    assert told(gaps.take()) == [(0, 3.0, 9.0, 1.5)]
    gaps.note(samples((1, 2.0, 0, 2)))  # the same sample as before: nothing happened meanwhile
    assert len(gaps.take()) == 0
    assert stats.gaps == 1


def test_a_clock_that_was_set_back_leaves_no_gap():
    stats = SourceStats()
    gaps = Gaps(1, stats)
    gaps.note(samples((0, 1.0, 0, 5)))
    gaps.lose()
    gaps.note(samples((0, 2.0, 0, 1)))
    assert len(gaps.take()) == 0
    assert (gaps.time.tolist(), stats.gaps) == ([T0 + NS], 0)


def test_what_an_earlier_process_had_last_begins_a_gap_that_is_counted_already():
    stats = SourceStats()
    gaps = Gaps(2, stats)
    gaps.remember(samples((1, 3.0, 0, 4)))
    gaps.lose()
    assert gaps.noted.is_set()
    gaps.note(samples((0, 8.0, 0, 9), (1, 9.0, 0, 10)))
    assert told(gaps.take()) == [(1, 4.0, 10.0, 3.0)]
    assert stats.gaps == 0
    gaps.lose()
    gaps.note(samples((1, 9.5, 0, 12)))
    assert stats.gaps == 1


def test_overflow_is_a_gap_before_the_value_that_tells_it():
    stats = SourceStats()
    gaps = Gaps(2, stats)
    gaps.note(samples((0, 1.0, 0, 1), (1, 1.0, OVERFLOW, 1)))  # nothing was known of 1 before
    gaps.note(samples((0, 5.0, OVERFLOW, 5), (0, 6.0, 0, 6), (1, 2.0, 0, 2)))
    assert told(gaps.take()) == [(0, 1.0, 5.0, 1.0)]
    assert (gaps.value.tolist(), stats.gaps) == ([6.0, 2.0], 1)


def test_a_bad_sample_keeps_the_last_usable_value():
    gaps = Gaps(1, SourceStats())
    gaps.note(samples((0, 1.0, 0, 1)))
    gaps.note(samples((0, float("nan"), status.BAD_NO_DATA, 2)))
    assert (gaps.value[0], gaps.status[0]) == (1.0, status.BAD_NO_DATA)


@pytest.fixture(autouse=True)
def in_time(monkeypatch):
    monkeypatch.setattr(_backfill, "LATE_S", 0)


class History:
    """A server's history of two nodes with a value a second, as a link that reads it."""

    connected = True
    namespaces = ("", "urn:plant")

    def __init__(self, points: int = 100, most: int = 3) -> None:
        self.history_chunks = Chunks("read history", 0, 20, {})
        self.session = self
        self.open: set[bytes] = set()
        self.released = 0
        self.refusal: Exception | None = None
        self._points = points
        self._most = most

    async def history_read(self, parameters) -> list[ua.HistoryReadResult]:
        if self.refusal is not None:
            raise self.refusal
        details = parameters.HistoryReadDetails
        if parameters.ReleaseContinuationPoints:
            self.released += len(parameters.NodesToRead)
            self.open -= {node.ContinuationPoint for node in parameters.NodesToRead}
            return [ua.HistoryReadResult() for _ in parameters.NodesToRead]
        return [self._answer(node, details) for node in parameters.NodesToRead]

    def _answer(self, node, details) -> ua.HistoryReadResult:
        start, end = (from_datetime(t) for t in (details.StartTime, details.EndTime))
        if node.ContinuationPoint:
            self.open.remove(node.ContinuationPoint)
            start = int(node.ContinuationPoint.split(b"@")[1])
        times = [*range(start, end + 1, NS)]  # end included, as some servers have it
        size = min(details.NumValuesPerNode, self._most)
        point = None
        if len(times) > size:
            if len(self.open) >= self._points:
                code = ua.StatusCode(ua.StatusCodes.BadNoContinuationPoints)
                return ua.HistoryReadResult(StatusCode=code)
            point = node.NodeId.Identifier.encode() + b"@%d" % times[size]
            self.open.add(point)
        values = [
            ua.DataValue(
                ua.Variant((t - T0) / NS),
                SourceTimestamp=to_datetime(t),
                ServerTimestamp=to_datetime(t),
            )
            for t in times[:size]
        ]
        return ua.HistoryReadResult(ContinuationPoint=point, HistoryData=ua.HistoryData(values))


TAGS = [Tag(name, f"nsu=urn:plant;s={name}") for name in "abc"]


def with_a_gap(until: float = 10.0) -> tuple[Gaps, SourceStats, Backfill, list[Samples]]:
    """All columns miss the seconds from 1 on; the server has no history of the last one."""
    stats = SourceStats()
    gaps = Gaps(3, stats)
    gaps.note(samples(*((column, 1.0, 0, 1) for column in range(3))))
    gaps.lose()
    gaps.note(samples(*((column, until, 0, until) for column in range(3))))
    return gaps, stats, Backfill("plant", gaps, np.array([True, True, False]), stats), []


async def run(backfill: Backfill, history, deliver, condition) -> None:
    task = asyncio.create_task(backfill.run(history, TAGS, deliver))
    async with asyncio.timeout(5):
        while not condition() and not task.done():
            await asyncio.sleep(0)
    for _ in range(5):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def found(blocks: list[Samples]) -> dict[int, list[float]]:
    """Column -> values, as they came."""
    values: dict[int, list[float]] = {}
    for block in blocks:
        assert block.filled
        for column, value in zip(block.column.tolist(), block.value.tolist(), strict=True):
            values.setdefault(column, []).append(value)
    return values


@pytest.mark.parametrize("points", [100, 1])
async def test_continuation_points_are_followed_even_when_the_server_has_only_one(points):
    gaps, stats, backfill, blocks = with_a_gap()
    history = History(points)
    await run(backfill, history, blocks.append, lambda: stats.filled == 16)
    filled = {column: sorted(set(values)) for column, values in found(blocks).items()}
    assert filled == {0: [*range(1, 10)], 1: [*range(1, 10)]}
    assert all((np.diff(block.time[2:]) >= 0).all() for block in blocks)
    assert (stats.gaps, stats.filled, history.open) == (1, 16, set())
    assert len(gaps.take()) == 0


async def test_each_block_begins_with_what_held_before():
    _, stats, backfill, blocks = with_a_gap()
    await run(backfill, History(), blocks.append, lambda: stats.filled == 16)
    for block in blocks:
        assert block.column[:2].tolist() == [0, 1]
        assert (block.time[:2] < block.time[2:].min()).all()


async def test_what_is_too_much_is_left_and_its_continuation_points_released(monkeypatch, caplog):
    monkeypatch.setattr(_backfill, "MOST_VALUES", 5)
    _, stats, backfill, blocks = with_a_gap()
    history = History()
    await run(backfill, history, blocks.append, lambda: "too large" in caplog.text)
    assert 5 <= stats.filled < 16
    assert (history.released, history.open) == (2, set())


async def test_of_a_very_long_gap_the_end_is_filled(monkeypatch):
    monkeypatch.setattr(_backfill, "LONGEST_S", 4)
    _, stats, backfill, blocks = with_a_gap()
    await run(backfill, History(), blocks.append, lambda: stats.filled == 8)
    assert {k: v[1:] for k, v in found(blocks[:1]).items()} == {0: [6, 7, 8], 1: [6, 7, 8]}


async def test_a_history_that_is_refused_is_asked_once(caplog):
    gaps, stats, backfill, blocks = with_a_gap()
    history = History()
    history.refusal = ua.UaStatusCodeError(ua.StatusCodes.BadHistoryOperationUnsupported)
    await run(backfill, history, blocks.append, lambda: "cannot be read" in caplog.text)
    assert (stats.gaps, stats.filled, len(gaps.take())) == (1, 0, 0)


async def test_what_a_broken_connection_leaves_is_filled_over_the_next_one(caplog):
    _, stats, backfill, blocks = with_a_gap()
    broken = History()
    broken.refusal = ConnectionError()
    await run(backfill, broken, blocks.append, lambda: "values may be" in caplog.text)
    assert not blocks
    await run(backfill, History(), blocks.append, lambda: stats.filled == 16)
    assert (stats.gaps, stats.filled) == (1, 16)
    assert caplog.text.count("values may be missing for 9.0 s of 3 tags") == 1


async def test_what_stays_silent_after_lost_messages_is_read(monkeypatch):
    """A tag whose last change was in the lost message would keep its old value for ever."""
    monkeypatch.setattr(_backfill, "SETTLE_S", 0.01)
    stats = SourceStats()
    gaps = Gaps(2, stats)
    gaps.note(samples((0, 1.0, 0, 1), (1, 1.0, 0, 1)))
    gaps.lose()

    async def read(_link, _tags, columns):
        assert columns == [0, 1]
        return samples((0, 1.0, 0, 1), (1, 5.0, 0, 5))

    monkeypatch.setattr(_backfill, "read_values", read)
    backfill = Backfill("plant", gaps, np.zeros(2, bool), stats)
    blocks: list[Samples] = []

    def deliver(block: Samples) -> None:
        gaps.note(block)
        blocks.append(block)

    await run(backfill, History(), deliver, lambda: stats.gaps == 1)
    assert [block.value.tolist() for block in blocks] == [[5.0]]
    assert not blocks[0].filled
    assert gaps.waiting.tolist() == []
