"""Chosen source tags: a node for the history of each, and the source that fills it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from opcua_ai.core import status as codes
from opcua_ai.core.config import History as Settings
from opcua_ai.core.ports import Retagged, Sink, Source, SourceState, SourceStats
from opcua_ai.core.types import VACANT, Samples, Tag, TimeArray
from opcua_ai.history.recorder import MICROSECOND, Recorder

AT_ONCE = 200
"""Nodes that are made without giving way to others."""


class Nodes(Protocol):
    """Who makes the nodes of input tags."""

    def add_input(self, source: str, tag: Tag) -> str:
        """Show that a tag has a history. Returns the name of its series."""
        ...


class RecordedSource:
    """A source whose samples go into the history before they go on (``core.ports.Source``)."""

    def __init__(
        self, source: Source, name: str, settings: Settings, nodes: Nodes, recorder: Recorder
    ) -> None:
        self._source = source
        self._name = name
        self._settings = settings
        self._nodes = nodes
        self._recorder = recorder
        self._series = np.zeros(0, np.int64)
        """Number of the series of each column; -1 where none is kept."""
        self._last_time: TimeArray = np.zeros(0, np.int64)

    @property
    def state(self) -> SourceState:
        return self._source.state

    @property
    def stats(self) -> SourceStats:
        return self._source.stats

    @property
    def tags(self) -> Sequence[Tag]:
        return self._source.tags

    async def connect(self) -> None:
        await self._source.connect()

    async def close(self) -> None:
        await self._source.close()

    async def reconfigure(self, options: Any, retagged: Retagged) -> bool:
        async def keep_them_too(tags: Sequence[Tag]) -> None:
            await self._take(tags)
            await retagged(tags)

        return await self._source.reconfigure(options, keep_them_too)

    async def run(self, sink: Sink) -> None:
        await self._take(self.tags)

        def record_and_pass_on(samples: Samples) -> None:
            self._record(samples)
            sink(samples)

        await self._source.run(record_and_pass_on)

    async def _take(self, tags: Sequence[Tag]) -> None:
        """A series for each chosen tag; those that have one already keep it."""
        series = np.full(len(tags), -1)
        for column, tag in sorted(enumerate(tags), key=lambda pair: pair[1].path):
            if tag is not VACANT and self._settings.keeps(self._name, tag.path):
                name = self._nodes.add_input(self._name, tag)
                series[column] = self._recorder.series(name, "Double")
            if column % AT_ONCE == 0:
                await asyncio.sleep(0)
        self._series = series
        more = max(0, len(tags) - len(self._last_time))
        self._last_time = np.concatenate([self._last_time, np.zeros(more, np.int64)])

    def _record(self, samples: Samples) -> None:
        series = self._series[samples.column]
        kept = series >= 0
        if not kept.any():
            return
        status = samples.status[kept]
        column = samples.column[kept]
        bad = codes.bad_mask(status)
        # a lost source repeats the time of its last value: the loss comes just after it
        again = bad & (samples.time[kept] == self._last_time[column])
        times = samples.time[kept] + np.where(again, MICROSECOND, 0)
        if not samples.filled:
            self._last_time[column] = samples.time[kept]
        value = np.where(bad, np.nan, samples.value[kept])
        self._recorder.put_block(series[kept], times, status, value)
