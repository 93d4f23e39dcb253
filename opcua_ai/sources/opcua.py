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
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlparse

import numpy as np
from pydantic import Field, model_validator

from opcua_ai.core import status
from opcua_ai.core.config import EndpointUrl, Secret, Security
from opcua_ai.core.errors import ConfigError, OpcuaAiError, SourceLostError
from opcua_ai.core.ports import Sink, SourceState, SourceStats
from opcua_ai.core.types import Samples, Tag
from opcua_ai.sources._outage import Outage

if TYPE_CHECKING:
    from opcua_ai.sources._session import Link
    from opcua_ai.sources._tags import Variable

_log = logging.getLogger("opcua_ai.sources")


class Options(Secret):
    """A table ``[sources.<name>]`` with ``kind = "opcua"``."""

    kind: Literal["opcua"] = "opcua"
    endpoint: EndpointUrl
    security: Security | None = None
    """None: policy None, neither signed nor encrypted."""
    user: str | None = None
    simulated: bool = False
    """The server is a simulator: predictions from it say so by ``IsSimulated``."""
    browse_root: str = "Objects"
    """Where to look for tags: a browse path of BrowseNames below Objects (``Line1/Press``), or a
    node id with its namespace URI (``nsu=urn:plant;s=Line1``)."""
    include: list[str] = ["*"]
    """Glob patterns on whole browse paths; ``*`` also matches ``/``."""
    exclude: list[str] = []
    sampling_interval_ms: float = Field(default=250, ge=0, le=3_600_000)
    publishing_interval_ms: float = Field(default=250, ge=10, le=3_600_000)
    queue_size: int = Field(default=20, ge=2, le=10_000)
    """Values that the server keeps per tag while we are slow; with 1 it would lose all but one."""
    keep_alive_s: float = Field(default=5, ge=0.5, le=600)
    """The server speaks at least this often; longer silence means that it is lost."""
    max_nodes: int = Field(default=20_000, ge=1)
    max_depth: int = Field(default=12, ge=1)
    timeout_s: float = Field(default=5, gt=0, le=600)
    """Longest wait for one answer."""
    reconnect_min_s: float = Field(default=1, gt=0)
    reconnect_max_s: float = Field(default=30, gt=0)

    @model_validator(mode="after")
    def _consistent(self) -> Options:
        if "@" in urlparse(self.endpoint).netloc:
            raise ValueError("endpoint must not hold a user or password: use user and password_env")
        if self.user is None and (self.password_env or self.password_file):
            raise ValueError("a password needs a user")
        if self.reconnect_min_s > self.reconnect_max_s:
            raise ValueError("reconnect_min_s must not exceed reconnect_max_s")
        return self

    def selects(self, path: str) -> bool:
        """Whether a browse path is included and not excluded."""
        return any(_matches(path, p) for p in self.include) and not any(
            _matches(path, p) for p in self.exclude
        )


EXAMPLE = {"kind": "opcua", "endpoint": "opc.tcp://127.0.0.1:9/nobody"}
"""For the contract test: a source that cannot be reached."""


def _matches(path: str, pattern: str) -> bool:
    return path == pattern or fnmatchcase(path, pattern)


class Source:
    """Implements ``core.ports.Source``."""

    def __init__(self, options: Options, name: str) -> None:
        self.options = options
        self.name = name
        self.state = SourceState.STOPPED
        self.stats = SourceStats()
        self.tags: Sequence[Tag] = ()
        self._link: Link | None = None
        self._stop = asyncio.Event()
        self._outage = Outage(name, options.reconnect_min_s, options.reconnect_max_s)
        self._learned: dict[str, int] = {}
        self._refused: dict[int, int] = {}
        self._last_value = np.empty(0)
        self._last_time = np.empty(0, np.int64)

    async def connect(self) -> None:
        """Connect, browse and read what the tags are.

        Raises AccessError (user, certificate, policy), SourceLostError (not reachable now) and
        ConfigError (no such browse root, or no tag below it).
        """
        from opcua_ai.sources._survey import survey

        await self._drop()
        self._stop.clear()
        self.state = SourceState.CONNECTING
        try:
            found = await survey(await self._open(), self.options)
            self.tags = _tags(found, self.options, self.name)
        except BaseException:
            await self._drop()
            self.state = SourceState.LOST
            raise
        self._last_value = np.full(len(self.tags), np.nan)
        self._last_time = np.zeros(len(self.tags), np.int64)

    async def read(self) -> Samples:
        """The present value of every tag, read once; call after ``connect``."""
        from opcua_ai.sources._survey import read_values

        if self._link is None:
            raise SourceLostError(f"{self.options.endpoint}: not connected")
        return await read_values(self._link, self.tags)

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
                    _give_way()
                    if self._stop.is_set():
                        return
                    # a server may have closed the idle session between connect() and run()
                    stale, inherited = inherited and self.state is not SourceState.RUNNING, False
                    if not stale:
                        self._lose(error, sink)
                    await self._drop()
                    if not stale:
                        await self._pause()
        finally:
            await self._drop()

    async def close(self) -> None:
        """Close the connection; a running ``run`` ends. Safe at any time, any number of times."""
        self._stop.set()
        await self._drop()
        self.state = SourceState.STOPPED

    async def _open(self) -> Link:
        from opcua_ai.sources._session import Link

        if self._link is None:
            self._link = await Link.open(self.options, self._learned)
        return self._link

    async def _drop(self) -> None:
        link, self._link = self._link, None
        if link is not None:
            await link.close()

    async def _serve(self, sink: Sink) -> None:
        """Subscribe and deliver until the source is lost. Raises OpcuaAiError."""
        from opcua_ai.sources._subscription import Subscription, status_names

        subscription = Subscription(await self._open(), self.options)
        refused = await subscription.create(self.tags)
        self.state = SourceState.RUNNING
        if self._outage.over():
            self.stats.reconnects += 1
        self.stats.bad_tags = len(refused)
        new = {column: code for column, code in refused.items() if column not in self._refused}
        self._refused = refused
        if new:
            names = status_names(new)
            shown = [f"{self.tags[column].path} ({name})" for column, name in names.items()]
            more = f" and {len(shown) - 5} more" if len(shown) > 5 else ""
            _log.warning("source %s: refused tags: %s%s", self.name, ", ".join(shown[:5]), more)
        if refused:
            self._deliver_status(refused, sink)
        await subscription.pump(lambda samples: self._deliver(samples, sink))

    def _deliver(self, samples: Samples, sink: Sink) -> None:
        column = samples.column
        usable = ~status.bad_mask(samples.status)
        self._last_value[column[usable]] = samples.value[usable]
        self._last_time[column] = samples.time
        self.stats.values += len(column)
        sink(samples)

    def _deliver_status(self, states: Mapping[int, int], sink: Sink) -> None:
        """One sample for each column with a status of our own; value and time stay the last ones,
        or NaN and now where none ever came."""
        column = np.fromiter(states, np.int32, len(states))
        last = self._last_time[column]
        sink(
            Samples(
                column=column,
                value=self._last_value[column],
                status=np.fromiter(states.values(), np.uint32, len(states)),
                time=np.where(last > 0, last, time.time_ns()),
            )
        )

    def _lose(self, error: OpcuaAiError, sink: Sink) -> None:
        self.state = SourceState.LOST
        if self._outage.lost(str(error), act=not isinstance(error, SourceLostError)):
            self._deliver_status(
                dict.fromkeys(range(len(self.tags)), status.BAD_NO_COMMUNICATION), sink
            )

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


def _tags(found: Sequence[Variable], options: Options, name: str) -> tuple[Tag, ...]:
    """The tags among the variables. Raises ConfigError when there is none."""
    tags = tuple(v.tag for v in found if v.numeric)
    if not tags:
        raise ConfigError(
            f"sources.{name}: there is no scalar number or boolean below {options.browse_root!r} "
            f"that include = {options.include} selects"
        )
    if left_out := len(found) - len(tags):
        _log.info("source %s: %d variables are not scalar numbers: left out", name, left_out)
    return tags


def _give_way() -> None:
    """Be cancelled after all: asyncua turns a cancellation that meets a breaking connection into
    an error of that connection."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
