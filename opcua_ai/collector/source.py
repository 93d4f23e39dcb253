"""A source that runs in a collector process, as the main process sees it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from opcua_ai.collector.connecting import connect
from opcua_ai.collector.messages import (
    Connect,
    Connected,
    Failed,
    FromCollector,
    Recorded,
    Run,
    Status,
    StorePlace,
)
from opcua_ai.collector.process import CollectorProcess
from opcua_ai.core import status as codes
from opcua_ai.core.errors import SourceLostError
from opcua_ai.core.ports import Retagged, Sink, SourceState, SourceStats
from opcua_ai.core.types import FloatArray, Samples, Tag, TimeArray
from opcua_ai.windows.feed import Feed
from opcua_ai.windows.shared import StoreView

_COUNTERS = [
    field.name for field in fields(SourceStats)
    if field.name not in ("bad_tags", "lag_s", "endpoint")
]  # fmt: skip
"""What a new process begins to count anew."""


class CollectedSource:
    """Implements ``core.ports.Source``. The windows in ``feed`` are written by the collector; the
    sink of ``run`` gets only what is recorded."""

    def __init__(
        self, options: Any, name: str, process: CollectorProcess, recorded: Callable[[str], bool]
    ) -> None:
        """``recorded`` tells of a tag's path whether the sink wants its samples."""
        self.name = name
        self.state = SourceState.STOPPED
        self.stats = SourceStats()
        self.tags: Sequence[Tag] = ()
        self.feed = Feed(StoreView)
        self._options = options
        self._process = process
        self._recorded = recorded
        self._before = SourceStats()
        """Counters of the processes that have ended."""
        self._answer: asyncio.Future[Sequence[Tag]] | None = None
        """Of the collector, to ``Connect``; or to ``Run``, which is answered by its end alone."""
        self._connected = False
        self._closed = False
        self._places: list[StorePlace] | None = None
        self._sink: Sink | None = None
        self._wanted: NDArray[np.bool_] = np.zeros(0, np.bool_)
        """[columns]; the recorded ones."""
        self._last_value: FloatArray = np.empty(0)
        self._last_time: TimeArray = np.empty(0, np.int64)

    async def connect(self) -> None:
        """Start the process, and connect there; raises what the source raises."""
        self._closed = False
        self._process.join(self)
        self.state = SourceState.CONNECTING
        try:
            await self._process.ready()
            tags = await self._ask(Connect(self.name, self._options))
        except BaseException:
            self.state = SourceState.STOPPED if self._closed else SourceState.LOST
            raise
        self._connected = True
        if not self.tags:
            self.tags = tags
            self._wanted = np.array([self._recorded(tag.path) for tag in tags], np.bool_)
            self._last_value = np.full(len(tags), np.nan)
            self._last_time = np.zeros(len(tags), np.int64)

    async def run(self, sink: Sink) -> None:
        """Until closed or cancelled; a process that has ended is started again."""
        self._sink = sink
        try:
            while not self._closed:
                if not self._connected:
                    await connect(self.name, self)
                try:
                    await self._ask(self._order())
                except SourceLostError:
                    self._connected = False
        finally:
            self._sink = None

    async def reconfigure(self, options: Any, retagged: Retagged) -> bool:
        """Never: its windows lie in memory that both processes have laid out."""
        return False

    async def close(self) -> None:
        """Close the source; a running ``run`` ends. Safe at any time, any number of times."""
        self._closed = True
        self.state = SourceState.STOPPED
        await self._process.leave(self)
        self._places = None
        self._reply(SourceLostError(f"source {self.name}: closed"))

    def receive(self, message: FromCollector) -> None:
        match message:
            case Connected():
                self._reply(message.tags)
            case Failed():
                self._reply(message.error)
            case Status():
                self.state = message.state
                self.stats = _sum(self._before, message.stats)
            case Recorded():
                self._deliver(message.samples)
            case _:
                raise TypeError(f"unknown message {message!r}")

    def ended(self, why: str) -> None:
        """The process has gone: every tag is BadNoCommunication at once."""
        was_running = self._sink is not None and self._connected
        self._connected = False
        self.state = SourceState.LOST
        lost = int(was_running)
        self._before = replace(
            self.stats, reconnects=self.stats.reconnects + lost, gaps=self.stats.gaps + lost
        )
        self.stats = self._before
        if was_running:
            for store in self.feed.stores:
                store.lose()
            self._deliver(self._loss())
        self._reply(SourceLostError(why))

    async def _ask(self, message: Connect | Run) -> Sequence[Tag]:
        self._answer = asyncio.get_running_loop().create_future()
        self._process.send(message)
        try:
            return await self._answer
        finally:
            self._answer = None

    def _reply(self, answer: Sequence[Tag] | Exception) -> None:
        if self._answer is None or self._answer.done():
            return
        if isinstance(answer, Exception):
            self._answer.set_exception(answer)
        else:
            self._answer.set_result(answer)

    def _order(self) -> Run:
        if self._places is None:
            memory = self._process.memory
            self._places = [
                StorePlace(store.period_s, store.rows, store.used, store.share(memory))
                for store in self.feed.stores
            ]
        # a store whose writer was killed in the middle of a row knows nothing, the others the same
        held = (store.held() for store in self.feed.stores)
        last = max(held, key=lambda samples: len(samples.column), default=None)
        return Run(self.name, self.tags, self._places, self._wanted, last)

    def _deliver(self, samples: Samples) -> None:
        if self._sink is None:
            return
        if not samples.filled:
            usable = ~codes.bad_mask(samples.status)
            self._last_value[samples.column[usable]] = samples.value[usable]
            self._last_time[samples.column] = samples.time
        try:
            self._sink(samples)
        except Exception as error:
            self._reply(error)

    def _loss(self) -> Samples:
        """One sample for each recorded tag, with its last value and time; now where none came."""
        column = np.flatnonzero(self._wanted).astype(np.int32)
        last = self._last_time[column]
        return Samples(
            column,
            self._last_value[column],
            np.full(len(column), codes.BAD_NO_COMMUNICATION, np.uint32),
            np.where(last > 0, last, time.time_ns()),
        )


def _sum(before: SourceStats, now: SourceStats) -> SourceStats:
    totals = {name: getattr(before, name) + getattr(now, name) for name in _COUNTERS}
    return replace(now, **totals)
