"""Malformed messages neither end the server nor leave anything behind."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Any

import psutil
import pytest
from asyncua import Client

from opcua_ai.core.types import ModelInfo
from opcua_ai.server.advisory import AdvisoryServer
from tests.fuzz.captures import record
from tests.fuzz.mutations import Mutator
from tests.fuzz.wire import Wire
from tests.integration.server.bare_server import open_settings

SEED = 20_250_604
MIB = 2**20
MODEL = ModelInfo(
    name="faults", bundle="b", version="1", digest="", framework="", task="",
    application="FaultPrediction", schedule="", trained_on="", metrics="{}", accelerator="CPU",
    inputs=[], outputs=[], assets=["line1"],
)  # fmt: skip


class Run:
    """Spoils the chunks of a recorded session, one after the other, on as many connections as it
    takes."""

    def __init__(self, server: AdvisoryServer, chunks: list[bytes], token: bytes) -> None:
        self._services: Any = server._server
        self._chunks = chunks
        self._token = token
        self._first = 4
        self._mutator = Mutator(SEED, chunks)
        self._wire: Wire | None = None
        self.connections = 0

    async def go(self, messages: int) -> None:
        for _ in range(messages):
            which = self._mutator.random.randrange(len(self._chunks))
            wire = await self._ready(which)
            await wire.say(self._mutator(wire.alive(self._chunks[which])))
        if self._wire is not None:
            await self._wire.hang_up()
            self._wire = None

    async def _ready(self, which: int) -> Wire:
        """A connection in the state in which this chunk was recorded."""
        if which >= self._first and self._wire is not None and self._wire.open:
            return self._wire
        if self._wire is not None:
            await self._wire.hang_up()
        self._wire = wire = Wire(self._services.bserver, self._token)
        self.connections += 1
        before = self._chunks[: self._first]
        if which >= self._first:
            await wire.handshake(*before)
        else:
            for chunk in before[:which]:
                await wire.say(wire.alive(chunk))
        return wire


async def fuzz(folder: Path, messages: int) -> None:
    broken: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: broken.append(context))
    server = AdvisoryServer(open_settings(folder, anonymous_role="Operator"))
    await server.start([MODEL], ["plant"])
    logging.disable(logging.CRITICAL)  # each refused message is logged, some with a traceback
    try:
        chunks, token = await record(server.endpoint)
        assert len(chunks) > 30
        run = Run(server, chunks, token)
        await run.go(messages // 20)
        tasks = len(asyncio.all_tasks())
        memory = psutil.Process().memory_info().rss
        await run.go(messages)
        grown = psutil.Process().memory_info().rss - memory

        services: Any = server._server
        assert not services.iserver._external_sessions
        assert not services.iserver.subscription_service.subscriptions
        assert not services.bserver.clients
        assert len(asyncio.all_tasks()) <= tasks
        assert grown < 50 * MIB, f"{grown / MIB:.0f} MiB"
        assert not broken
        async with Client(server.endpoint, timeout=5) as client:
            assert await client.nodes.server_state.read_value() == 0
    finally:
        logging.disable(logging.NOTSET)
        await server.stop()


async def test_some_malformed_messages(tmp_path: Path) -> None:
    await fuzz(tmp_path, 4_000)


@pytest.mark.slow
@pytest.mark.timeout(1800)
async def test_a_hundred_thousand_malformed_messages(tmp_path: Path) -> None:
    await fuzz(tmp_path, 100_000)
