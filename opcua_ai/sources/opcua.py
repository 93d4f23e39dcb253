"""Tags of an OPC UA server, by subscription.

    [sources.plant]
    kind = "opcua"
    endpoint = "opc.tcp://127.0.0.1:4840/simulator"
    browse_root = "TennesseeEastman"

asyncua is imported when a connection is made, not when a configuration is checked.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from opcua_ai.core.cancelling import give_way
from opcua_ai.core.errors import OpcuaAiError, SourceLostError
from opcua_ai.core.ports import Retagged, Sink, SourceState, SourceStats
from opcua_ai.core.types import Samples, Tag
from opcua_ai.sources._failover import ChangeOverError, choose, order
from opcua_ai.sources._options import Options as Options  # the plug-in's
from opcua_ai.sources._outage import Outage

if TYPE_CHECKING:
    from opcua_ai.sources._session import Link
    from opcua_ai.sources._stream import Stream
    from opcua_ai.sources._tags import Variable

_log = logging.getLogger("opcua_ai.sources")

EXAMPLE = {"kind": "opcua", "endpoint": "opc.tcp://127.0.0.1:9/nobody"}
"""For the contract test: a source that cannot be reached."""


class Source:
    """Implements ``core.ports.Source``."""

    def __init__(self, options: Options, name: str) -> None:
        self.options = options
        self.name = name
        self.state = SourceState.STOPPED
        self.stats = SourceStats()
        self.tags: Sequence[Tag] = ()
        self._link: Link | None = None
        self._stream: Stream
        self._stop = asyncio.Event()
        self._outage = Outage(name, options.reconnect_min_s, options.reconnect_max_s)
        self._learned: dict[str, int] = {}

    async def connect(self) -> None:
        """Connect, browse and read what the tags are.

        Raises AccessError (user, certificate, policy), SourceLostError (not reachable now) and
        ConfigError (no such browse root, or no tag below it).
        """
        from opcua_ai.sources._stream import Stream
        from opcua_ai.sources._survey import numeric, survey

        await self._drop()
        self._stop.clear()
        self.state = SourceState.CONNECTING
        try:
            found = await survey(await self._connected(), self.options)
            chosen = numeric(found, self.options, self.name)
            give_way()
        except BaseException:
            await self._drop()
            self.state = SourceState.LOST
            raise
        self.tags = tags = [variable.tag for variable in chosen]
        historic = np.array([variable.historic for variable in chosen])
        self._stream = Stream(self.name, tags, historic, self.options, self.stats)

    async def read(self) -> Samples:
        """The present value of every tag, read once; call after ``connect``."""
        from opcua_ai.sources._survey import read_values

        if self._link is None:
            raise SourceLostError(f"{self.options.endpoint}: not connected")
        return await read_values(self._link, self.tags, range(len(self.tags)))

    async def run(self, sink: Sink) -> None:
        """Deliver samples until cancelled or closed; see ``core.ports.Source.run``."""
        if not self.tags:
            await self.connect()
        inherited = self._link is not None
        try:
            while not self._stop.is_set():
                try:
                    await self._serve(sink)
                except OpcuaAiError as error:
                    give_way()
                    if self._stop.is_set():
                        return
                    # a server may have closed the idle session between connect() and run()
                    stale, inherited = inherited and self.state is not SourceState.RUNNING, False
                    if not stale:
                        self._lose(error, sink)
                    if isinstance(error, ChangeOverError):
                        await self._drop()
                        continue
                    if self._link is not None:
                        await self._link.lose()
                    if not stale:
                        await self._pause()
        finally:
            await self._drop()

    async def reconfigure(self, options: Options, retagged: Retagged) -> bool:
        """Another choice of tags is taken over by the session and subscription that there are."""
        from opcua_ai.sources._retag import only_tags_differ

        if not self.tags or not only_tags_differ(self.options, options):
            return False
        self.options = options
        self._stream.choose(options, retagged)
        return True

    def remember(self, last: Samples) -> None:
        """See ``core.ports.Remembering``."""
        self._stream.remember(last)

    async def close(self) -> None:
        """Close the connection; a running ``run`` ends. Safe at any time, any number of times."""
        self._stop.set()
        await self._drop()
        self.state = SourceState.STOPPED

    async def _connected(self) -> Link:
        """The present link, or a new one with the best endpoint that can be reached now."""
        if self._link is None or not self._link.connected:
            urls = order(self.options.endpoints, self.stats.endpoint)
            link, old = await choose(urls, self._connect_to), self._link
            self._link = link
            self.stats.endpoint = link.endpoint
            if old is not None and old is not link:
                await old.close()
        return self._link

    async def _connect_to(self, endpoint: str) -> Link:
        """With the session that the server has kept, where it can be."""
        from opcua_ai.sources._session import Link

        old = self._link
        if old is None or old.endpoint != endpoint or not old.resumable:
            return await Link.open(self.options, self._learned, endpoint)
        await old.resume()
        return old

    async def _drop(self) -> None:
        link, self._link = self._link, None
        if link is not None:
            await link.close()

    async def _serve(self, sink: Sink) -> None:
        """Deliver until the source is lost. Raises OpcuaAiError."""
        link = await self._connected()
        if self._stop.is_set():
            raise SourceLostError(f"{link.endpoint}: closed while connecting")
        await self._stream.prepare(link, sink)
        self.state = SourceState.RUNNING
        if self._outage.over():
            self.stats.reconnects += 1
        await self._stream.run(link, self._better, sink)

    async def _better(self, link: Link) -> bool:
        """Whether another endpoint has a higher ServiceLevel; it is used from now on."""
        from opcua_ai.sources._session import Link

        others = [url for url in self.options.endpoints if url != link.endpoint]
        try:
            found = await choose(others, partial(Link.open, self.options, self._learned))
        except OpcuaAiError:
            return False
        await found.close()
        if found.service_level > link.service_level:
            self.stats.endpoint = found.endpoint
            return True
        return False

    def _lose(self, error: OpcuaAiError, sink: Sink) -> None:
        self.state = SourceState.LOST
        if self._outage.lost(str(error), act=not isinstance(error, SourceLostError)):
            self._stream.lost(sink)

    async def _pause(self) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stop.wait(), self._outage.delay())


async def look(options: Options) -> list[Variable]:
    """What is on a server, with present values; connects for this only. Raises as ``connect``."""
    from opcua_ai.sources._session import Link
    from opcua_ai.sources._survey import survey

    link = await Link.open(options, {})
    try:
        return await survey(link, options)
    finally:
        await link.close()
