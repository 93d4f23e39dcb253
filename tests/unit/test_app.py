"""The composition root: a stop at any time, one line for a source that is away."""

import asyncio
import logging

import pytest

from opcua_ai import app
from opcua_ai.core.config import Config
from opcua_ai.core.errors import SourceLostError
from opcua_ai.core.ports import SourceState, SourceStats


class Away:
    """A source that cannot be reached, or that never answers."""

    def __init__(self, hangs: bool) -> None:
        self.tags, self.state, self.stats = (), SourceState.CONNECTING, SourceStats()
        self._hangs = hangs

    async def connect(self) -> None:
        if self._hangs:
            await asyncio.sleep(30)
        raise SourceLostError("opc.tcp://127.0.0.1:9/x: connection refused")

    async def run(self, sink) -> None: ...

    async def close(self) -> None: ...


@pytest.fixture
def config(tmp_path) -> Config:
    table = {
        "sources": {"plant": {"kind": "opcua", "endpoint": "opc.tcp://127.0.0.1:9/x"}},
        "server": {"endpoint": "opc.tcp://127.0.0.1:0/opcua-ai", "allow_anonymous": True},
    }
    return Config.model_validate(table, context={"folder": tmp_path})


async def test_a_stop_is_heard_while_a_source_does_not_answer(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "build_sources", lambda _: {"plant": Away(hangs=True)})
    stop = asyncio.Event()
    asyncio.get_running_loop().call_later(0.1, stop.set)
    async with asyncio.timeout(5):
        await app.serve(config, {}, stop)


async def test_a_source_that_is_away_is_said_once(
    config: Config, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(app, "build_sources", lambda _: {"plant": Away(hangs=False)})
    stop = asyncio.Event()
    serving = asyncio.create_task(app.serve(config, {}, stop))
    with caplog.at_level(logging.INFO):
        while "source plant" not in caplog.text and not serving.done():
            await asyncio.sleep(0.05)
        await asyncio.sleep(1.5)
        stop.set()
        await serving
    assert caplog.text.count("connection refused") == 1
