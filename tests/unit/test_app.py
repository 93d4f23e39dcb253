"""The composition root: a stop at any time, one line for a source that is away."""

import asyncio
import logging
import socket
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from opcua_ai import app
from opcua_ai.collector import CollectedSource
from opcua_ai.core.config import Config, Metrics
from opcua_ai.core.errors import AddressInUseError, SourceLostError
from opcua_ai.core.ports import SourceState, SourceStats
from opcua_ai.demo.processes import free_port


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
    monkeypatch.setattr(app.Sources, "make", lambda *_: Away(hangs=True))
    stop = asyncio.Event()
    asyncio.get_running_loop().call_later(0.1, stop.set)
    async with asyncio.timeout(5):
        await app.serve(config, {}, stop)


async def test_a_source_that_is_away_is_said_once(
    config: Config, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(app.Sources, "make", lambda *_: Away(hangs=False))
    stop, built = asyncio.Event(), asyncio.Event()
    serving = asyncio.create_task(app.serve(config, {}, stop, built.set))
    with caplog.at_level(logging.INFO):
        while "source plant" not in caplog.text and not serving.done():
            await asyncio.sleep(0.05)
        assert built.is_set()
        await asyncio.sleep(1.5)
        stop.set()
        await serving
    assert caplog.text.count("connection refused") == 1


async def test_figures_are_served_where_asked_for_and_end_with_it(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app.Sources, "make", lambda *_: Away(hangs=False))
    port = free_port(0)
    asked = config.model_copy(update={"metrics": Metrics(listen=f"127.0.0.1:{port}")})

    def scrape() -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
            return answer.read().decode()

    stop, built = asyncio.Event(), asyncio.Event()
    serving = asyncio.create_task(app.serve(asked, {}, stop, built.set))
    await built.wait()
    while 'opcua_ai_source_up{source="plant"} 0.0' not in await asyncio.to_thread(scrape):
        await asyncio.sleep(0.05)
    stop.set()
    await serving
    with pytest.raises(urllib.error.URLError):
        await asyncio.to_thread(scrape)


async def test_a_taken_port_of_the_figures_ends_the_start(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app.Sources, "make", lambda *_: Away(hangs=False))
    with socket.create_server(("127.0.0.1", 0)) as other:
        listen = f"127.0.0.1:{other.getsockname()[1]}"
        taken = config.model_copy(update={"metrics": Metrics(listen=listen)})
        with pytest.raises(AddressInUseError, match="metrics.listen"):
            await app.serve(taken, {}, asyncio.Event())


def test_models_know_which_assets_are_simulated(tmp_path: Path) -> None:
    endpoint = {"kind": "opcua", "endpoint": "opc.tcp://127.0.0.1:9/x"}
    assets = ("plant", "trial", "history")
    table = {
        "sources": {
            "plant": endpoint,
            "trial": endpoint | {"simulated": True},
            "history": {"kind": "recording", "file": "line.csv"},
        },
        "models": {
            "cost": {
                "bundle": "tep_cost",
                "schedule": {"interval_s": 1},
                "assets": {name: {"source": name} for name in assets},
            }
        },
    }
    models = app.load_models(Config.model_validate(table, context={"folder": tmp_path}))
    assert list(models["cost"].info.simulated) == ["trial", "history"]
    assert models["cost"].info.outputs[0].horizon_s == 0


def test_sources_share_a_process_by_its_name(tmp_path: Path) -> None:
    table = {"kind": "recording", "file": "line.csv"}
    processes = {"a": "one", "b": "two", "c": "one", "d": None}
    config = Config.model_validate(
        {
            "sources": {name: table | {"process": p} for name, p in processes.items()},
            "history": {"inputs": ["a/*"]},
        },
        context={"folder": tmp_path},
    )
    maker = app.Sources()
    sources = {name: maker.make(config, name) for name in processes}
    used = {n: s._process for n, s in sources.items() if isinstance(s, CollectedSource)}
    assert {name: process.name for name, process in used.items()} == {
        "a": "one", "b": "two", "c": "one"
    }  # fmt: skip
    assert used["a"] is used["c"]
    assert sources["a"]._recorded("Line/T1")
    assert not sources["b"]._recorded("Line/T1")
