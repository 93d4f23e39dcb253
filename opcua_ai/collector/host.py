"""One source inside a collector process."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine

from opcua_ai.collector.channel import Channel
from opcua_ai.collector.delivery import Delivery
from opcua_ai.collector.messages import Connect, Connected, Failed, Run, Status, StorePlace
from opcua_ai.core import plugins
from opcua_ai.core.errors import OpcuaAiError
from opcua_ai.core.ports import Remembering, Source
from opcua_ai.windows.shared import Memory, StoreWriter

log = logging.getLogger(__name__)


class Host:
    """Connects and runs the source as the main process orders."""

    def __init__(self, order: Connect, channel: Channel, memory: Memory) -> None:
        self._name = order.source
        self._channel = channel
        self._memory = memory
        module = plugins.load("sources", order.options.kind)
        self._source: Source = module.Source(order.options, order.source)
        self._stores: list[StoreWriter] = []
        self._task: asyncio.Task[None] | None = None

    def connect(self) -> None:
        self._begin(self._connect())

    def run(self, order: Run) -> None:
        self._begin(self._run(order))

    async def close(self) -> None:
        await self._source.close()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def close_settled(self) -> None:
        for store in self._stores:
            store.close_settled()

    def status(self) -> Status:
        return Status(self._name, self._source.state, self._source.stats)

    def _begin(self, work: Coroutine[None, None, None]) -> None:
        if self._task is not None:
            self._task.cancel()
        self._task = asyncio.create_task(self._reporting(work), name=f"source {self._name}")

    async def _reporting(self, work: Coroutine[None, None, None]) -> None:
        """What goes wrong is the main process's to handle, as if it had happened there."""
        try:
            await work
        except OpcuaAiError as error:
            self._channel.send(Failed(self._name, error))
        except Exception as error:
            log.exception("source %s", self._name)
            text = f"source {self._name}: {type(error).__name__}: {error}"
            self._channel.send(Failed(self._name, RuntimeError(text)))

    async def _connect(self) -> None:
        await self._source.connect()
        self._channel.send(Connected(self._name, self._source.tags))

    async def _run(self, order: Run) -> None:
        self._stores = [_attached(len(order.tags), place, self._memory) for place in order.stores]
        deliver = Delivery(self._name, self._channel, order, self._stores, self._source.tags)
        if order.last is not None and isinstance(self._source, Remembering):
            self._source.remember(deliver.as_found(order.last))
        await self._source.run(deliver)


def _attached(columns: int, place: StorePlace, memory: Memory) -> StoreWriter:
    store = StoreWriter(columns, place.period_s, place.rows)
    store.attach(memory, place.offset, place.used)
    return store
