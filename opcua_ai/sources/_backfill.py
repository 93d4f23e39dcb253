"""Gaps filled from the server's history (Part 11, 6.5.3), beside the live stream.

Requests are small, so that live values never wait for long: one at a time, few values each.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from asyncua import ua
from numpy.typing import NDArray

from opcua_ai.core import status
from opcua_ai.core.ports import Sink, SourceStats
from opcua_ai.core.types import NS, Samples, Tag, to_datetime
from opcua_ai.sources._decode import block
from opcua_ai.sources._gaps import Gap, Gaps
from opcua_ai.sources._nodeid import from_text
from opcua_ai.sources._session import Link
from opcua_ai.sources._survey import read_values

_log = logging.getLogger("opcua_ai.sources")

SETTLE_S = 5.0
"""How long columns may take to deliver their first value after an outage."""
LATE_S = 1.5
"""How much later than it sends values a server may write them into its history."""
PAUSE_S = 60.0
"""Between two fillings: queues that overflow all the time must not cost more than that."""
VALUES_PER_REQUEST = 1000
MOST_VALUES = 1_000_000
"""Of one gap in all its columns."""
LONGEST_S = 24 * 3600
"""Of a longer gap only the end is filled."""

TRIES = 3
"""To read a history that is not answered."""


@dataclass(slots=True)
class _Read:
    """One column's way through the history."""

    entry: int
    """Of the gap."""
    node_id: ua.NodeId
    point: bytes | None = None
    """Continuation point: where the server goes on."""


class Backfill:
    """Lives as long as the source; what a broken connection leaves unfilled is filled later."""

    def __init__(
        self, name: str, gaps: Gaps, historic: NDArray[np.bool_], stats: SourceStats
    ) -> None:
        self._name = name
        self._gaps = gaps
        self.historic = historic
        """Columns of which the server has a history."""
        self._stats = stats
        self._tries = 0

    async def run(self, link: Link, tags: Sequence[Tag], deliver: Sink) -> None:
        """Wait for gaps and fill them, until cancelled."""
        while True:
            await self._gaps.noted.wait()
            await self._settled()
            await asyncio.sleep(LATE_S)
            try:
                await self._look(link, tags, deliver)
                if len(gap := self._gaps.take()):
                    await self._handle(link, tags, gap, deliver)
            except ua.UaStatusCodeError as error:
                self._give_up(f"the server answered {type(error).__name__}")
            except (OSError, TimeoutError):  # if the link is lost, the live stream finds out
                self._tries += 1
                if self._tries == TRIES:
                    self._give_up("no answer in time")
            await asyncio.sleep(PAUSE_S)

    async def _handle(self, link: Link, tags: Sequence[Tag], gap: Gap, deliver: Sink) -> None:
        known = self.historic[gap.column]
        if self._tries == 0:
            self._say(gap, int(np.count_nonzero(known)))
        await self._fill(link, tags, gap.where(known), deliver)
        self._tries = 0

    def _give_up(self, why: str) -> None:
        self._tries = 0
        self._gaps.take()
        _log.warning("source %s: the history cannot be read: %s", self._name, why)

    async def _settled(self) -> None:
        """Until every column has delivered again, or time is up."""
        try:
            async with asyncio.timeout(SETTLE_S):
                while len(self._gaps.waiting):
                    self._gaps.news.clear()
                    await self._gaps.news.wait()
        except TimeoutError:
            pass  # refused tags, and after lost messages tags that stand still

    async def _look(self, link: Link, tags: Sequence[Tag], deliver: Sink) -> None:
        """Read what has not come by itself: it may have changed in a message that was lost."""
        columns = self._gaps.waiting.tolist()
        if not columns:
            return
        samples = await read_values(link, tags, columns)
        samples = samples.where(~status.bad_mask(samples.status))
        still = samples.time == self._gaps.time[samples.column]
        self._gaps.note(samples.where(still))
        deliver(samples.where(~still))

    def _say(self, gap: Gap, historic: int) -> None:
        _log.warning(
            "source %s: values may be missing for %.1f s of %d tags; the server has a history of "
            "%d of them", self._name, gap.duration_s, len(np.unique(gap.column)), historic,
        )  # fmt: skip

    async def _fill(self, link: Link, tags: Sequence[Tag], gap: Gap, deliver: Sink) -> None:
        left = MOST_VALUES
        undone = np.ones(len(gap), bool)
        try:
            for part in _alike(gap, link.history_chunks.size):
                left -= await self._fill_part(link, tags, gap, part, deliver)
                undone[part] = False
                if left <= 0:
                    _log.warning("source %s: the gap is too large to be filled", self._name)
                    return
        except BaseException:
            self._gaps.put_back(gap.where(undone))
            raise

    async def _fill_part(
        self, link: Link, tags: Sequence[Tag], gap: Gap, part: NDArray[np.intp], deliver: Sink
    ) -> int:
        """Columns whose gaps are about equally long; in rounds, until no history is left."""
        ids = [from_text(tags[int(gap.column[entry])].node_id, link.namespaces) for entry in part]
        waiting = [_Read(int(e), i) for e, i in zip(part, ids, strict=True) if i is not None]
        width = len(waiting)
        end = int(gap.end[part].max())
        details = ua.ReadRawModifiedDetails(
            IsReadModified=False,
            StartTime=to_datetime(max(int(gap.begin[part].min()), end - LONGEST_S * NS)),
            EndTime=to_datetime(end),
            NumValuesPerNode=ua.Counter(max(1, VALUES_PER_REQUEST // len(part))),
            ReturnBounds=False,
        )
        filled = 0
        while waiting and filled < MOST_VALUES:
            now, waiting = waiting[:width], waiting[width:]
            results = await _read(link, details, now)
            filled += self._deliver(gap, now, results, deliver)
            more, starved = _unfinished(now, results)
            width = max(1, len(now) - len(starved))
            waiting = more + (starved if len(now) > 1 else []) + waiting
        await _read(link, details, [read for read in waiting if read.point], release=True)
        return filled

    def _deliver(
        self,
        gap: Gap,
        reads: Sequence[_Read],
        results: Sequence[ua.HistoryReadResult],
        deliver: Sink,
    ) -> int:
        """Hand on what lies within the gaps, oldest first; it need not be read again."""
        entries: list[int] = []
        values: list[ua.DataValue] = []
        for read, result in zip(reads, results, strict=True):
            data = result.HistoryData
            found = data.DataValues if isinstance(data, ua.HistoryData) else []
            entries += [read.entry] * len(found or [])
            values += found or []
        entry = np.array(entries, np.intp)
        samples = block(entries, values)
        # asyncua knows whole microseconds only, and live samples are decoded to 100 ns
        time = samples.time // 1000
        inside = (gap.begin[entry] // 1000 < time) & (time < gap.end[entry] // 1000)
        entry, new = entry[inside], samples.where(inside)
        if not len(entry):
            return 0
        held = gap.where(np.unique(entry))
        order = np.argsort(new.time, kind="stable")
        entry, new = entry[order], new.where(order)
        deliver(
            Samples(
                column=np.concatenate([held.column, gap.column[entry]]),
                value=np.concatenate([held.value, new.value]),
                status=np.concatenate([held.status, new.status]),
                time=np.concatenate([held.begin, new.time]),
                filled=True,
            )
        )
        usable = ~status.bad_mask(new.status)
        gap.value[entry[usable]] = new.value[usable]
        gap.status[entry], gap.begin[entry] = new.status, new.time
        self._stats.filled += len(entry)
        return len(entry)


def _alike(gap: Gap, size: int) -> list[NDArray[np.intp]]:
    """The entries in parts of ``size``, whose gaps begin and end at about the same time: a request
    has one time range for all its nodes."""
    length = np.log2(np.maximum(1, gap.end - gap.begin)).astype(int)
    parts: list[NDArray[np.intp]] = []
    for which in np.unique(length):
        same = np.flatnonzero(length == which)
        same = same[np.argsort(gap.end[same], kind="stable")]
        parts += [same[at : at + size] for at in range(0, len(same), size)]
    return parts


async def _read(
    link: Link, details: ua.ReadRawModifiedDetails, reads: Sequence[_Read], release: bool = False
) -> list[ua.HistoryReadResult]:
    """HistoryRead (Part 4, 5.11.3)."""

    async def part(some: Sequence[_Read]) -> list[ua.HistoryReadResult]:
        parameters = ua.HistoryReadParameters()
        parameters.HistoryReadDetails = details
        parameters.TimestampsToReturn = ua.TimestampsToReturn.Both
        parameters.ReleaseContinuationPoints = release
        parameters.NodesToRead = [
            ua.HistoryReadValueId(NodeId=read.node_id, ContinuationPoint=read.point)
            for read in some
        ]
        return await link.session.history_read(parameters)

    return await link.history_chunks.gather(reads, part)


def _unfinished(
    reads: Sequence[_Read], results: Sequence[ua.HistoryReadResult]
) -> tuple[list[_Read], list[_Read]]:
    """Those with a new continuation point, and those for which the server had none to spare."""
    more: list[_Read] = []
    starved: list[_Read] = []
    for read, result in zip(reads, results, strict=True):
        point = result.ContinuationPoint
        if result.StatusCode.value == ua.StatusCodes.BadNoContinuationPoints:
            starved.append(read)
        elif point and point != read.point:
            more.append(_Read(read.entry, read.node_id, point))
    return more, starved
