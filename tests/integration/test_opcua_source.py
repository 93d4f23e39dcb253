"""The OPC UA source against real servers over real sockets."""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from contextlib import asynccontextmanager, suppress

import numpy as np
import pytest
import pytest_asyncio
from asyncua import ua

from opcua_ai.core import status
from opcua_ai.core.errors import AccessError, ConfigError, SourceLostError
from opcua_ai.core.ports import SourceState
from opcua_ai.core.types import from_datetime
from opcua_ai.demo.processes import free_port
from opcua_ai.sources.opcua import Options, Source
from tests.integration.plant_server import Plant, limited, running

pytestmark = pytest.mark.asyncio(loop_scope="module")

FAST = {
    "kind": "opcua",
    "publishing_interval_ms": 20,
    "sampling_interval_ms": 0,
    "keep_alive_s": 0.5,
    "timeout_s": 2,
    "reconnect_min_s": 0.1,
    "reconnect_max_s": 0.2,
}
LINE = ["Plant/Line1/Count", "Plant/Line1/Level", "Plant/Line1/Running", "Plant/Line1/a%2Fb"]


class Latest:
    """A sink that keeps the newest sample of every column."""

    def __init__(self) -> None:
        self.value: dict[int, float] = {}
        self.status: dict[int, int] = {}
        self.time: dict[int, int] = {}
        self.history: list[tuple[int, float, int]] = []

    def __call__(self, samples) -> None:
        assert len(samples.column) == len(samples.value) == len(samples.status) == len(samples.time)
        assert samples.value.dtype == np.float64 and samples.time.dtype == np.int64
        for c, v, s, t in zip(
            samples.column, samples.value, samples.status, samples.time, strict=True
        ):
            self.value[int(c)], self.status[int(c)], self.time[int(c)] = float(v), int(s), int(t)
            self.history.append((int(c), float(v), int(s)))


def source(url: str, **options) -> Source:
    return Source(Options.model_validate({**FAST, "endpoint": url, **options}), "plant")


@asynccontextmanager
async def delivering(src: Source, sink):
    """Run a connected source in the background; nothing may be left of it afterwards."""
    before = asyncio.all_tasks()
    task = asyncio.create_task(src.run(sink))
    try:
        yield task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await src.close()
        await src.close()
        assert src.state is SourceState.STOPPED
        left = {t for t in asyncio.all_tasks() - before if "opcua_ai" in repr(t.get_coro())}
        assert not left


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def plant():
    """One server for all tests that only look; starting one takes a second."""
    async with running(extra=30) as shared:
        yield shared


async def until(condition, seconds: float = 8.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        await asyncio.sleep(0.02)


async def test_tags_values_and_types(plant):
    src = source(plant.url, browse_root="Plant/Line1")
    await src.connect()
    assert [tag.path for tag in src.tags] == LINE
    level = src.tags[1]
    assert (level.unit, level.low, level.high, level.data_type) == ("%", 0.0, 100.0, "Double")
    assert level.node_id == "nsu=urn:test:plant;s=Level"
    assert src.tags[0].data_type == "UInt16"
    sink = Latest()
    async with delivering(src, sink):
        await until(lambda: len(sink.value) == 4)
        assert sink.value == {0: 7.0, 1: 1.5, 2: 1.0, 3: 3.0}
        assert src.state is SourceState.RUNNING
        moment = ua.DataValue(ua.Variant(2.5), SourceTimestamp=ua.datetime(2020, 1, 2, 3, 4, 5))
        await plant.write_data("Level", moment)
        await until(lambda: sink.value[1] == 2.5)
        assert sink.time[1] == from_datetime(ua.datetime(2020, 1, 2, 3, 4, 5))


async def test_quality_travels(plant):
    src = source(plant.url, browse_root="Plant/Line1")
    await src.connect()
    sink = Latest()
    async with delivering(src, sink):
        await until(lambda: len(sink.value) == 4)
        uncertain = ua.StatusCode(ua.StatusCodes.UncertainLastUsableValue)
        await plant.write_data("Level", ua.DataValue(ua.Variant(9.0), uncertain))
        await until(lambda: sink.value[1] == 9.0)
        assert sink.status[1] == status.UNCERTAIN_LAST_USABLE_VALUE
        failed = ua.StatusCode(ua.StatusCodes.BadSensorFailure)
        await plant.write_data("Level", ua.DataValue(ua.Variant(8.0), failed))
        await until(lambda: sink.status[1] == ua.StatusCodes.BadSensorFailure)


async def test_restart_with_moved_namespaces_and_a_node_less(caplog):
    caplog.set_level(logging.INFO, "opcua_ai")
    port = free_port(0)
    plant = await Plant(port).start()
    src = source(plant.url)
    await src.connect()
    sink = Latest()
    async with delivering(src, sink):
        await until(lambda: len(sink.value) == 4)
        last = dict(sink.time)
        await plant.stop()
        await until(lambda: src.state is SourceState.LOST)
        assert set(sink.status.values()) == {status.BAD_NO_COMMUNICATION}
        assert sink.time == last
        lost = len(sink.history)
        await asyncio.sleep(1.0)
        assert len(sink.history) == lost, "one sample per tag and outage"
        plant = await Plant(port, padding=3, missing="Level").start()
        await until(lambda: src.state is SourceState.RUNNING)
        await until(lambda: [sink.status[c] for c in (0, 2, 3)] == [status.GOOD] * 3)
        assert sink.status[1] == status.BAD_NODE_ID_UNKNOWN
        await plant.write("a/b", 44.0)
        await until(lambda: sink.value[3] == 44.0)
        assert (src.stats.reconnects, src.stats.bad_tags) == (1, 1)
    await plant.stop()
    said = [r.getMessage() for r in caplog.records if r.name.startswith("opcua_ai")]
    assert sum("lost" in line for line in said) == 1
    assert sum("is back" in line for line in said) == 1
    assert sum("Plant/Line1/Level (BadNodeIdUnknown)" in line for line in said) == 1
    assert not [r for r in caplog.records if r.name == "asyncio"]


async def test_more_items_than_the_server_takes_at_once(monkeypatch):
    async with (
        running(extra=1500) as plant,
        limited(monkeypatch, "create_monitored_items", 300) as sizes,
    ):
        src = source(plant.url)
        await src.connect()
        sink = Latest()
        async with delivering(src, sink):
            await until(lambda: len(sink.value) == 1504, 20)
            assert max(sizes) > 300 and max(sizes[3:]) <= 300
            assert src.stats.bad_tags == 0
            await plant.write("x1499", 5.0)
            column = [tag.name for tag in src.tags].index("x1499")
            await until(lambda: sink.value[column] == 5.0)


async def test_announced_limits_are_kept(plant, monkeypatch):
    limit = ua.ObjectIds.Server_ServerCapabilities_OperationLimits_MaxNodesPerRead
    node = plant.server.get_node(ua.NodeId(limit))
    before = await node.read_value()
    async with limited(monkeypatch, "read", 10**6) as sizes:
        await node.write_value(ua.UInt32(20), ua.VariantType.UInt32)
        src = source(plant.url)
        await src.connect()
        await src.close()
        await node.write_value(before, ua.VariantType.UInt32)
    assert len(src.tags) == 34
    assert max(sizes) <= 20


async def test_a_blocked_event_loop_does_not_lose_the_subscription():
    """The server runs in a process of its own, so only the client's loop stands still."""
    async with simulator() as (url, _):
        src = source(url)
        await src.connect()
        sink = Latest()
        async with delivering(src, sink):
            await until(lambda: len(sink.value) == len(src.tags))
            time.sleep(3.0)  # noqa: ASYNC251
            before = src.stats.values
            await until(lambda: src.stats.values > before + 10)
            assert src.state is SourceState.RUNNING
            assert src.stats.reconnects == 0


async def test_a_silent_and_a_killed_server():
    async with simulator() as (url, process):
        src = source(url, timeout_s=0.5)
        await src.connect()
        sink = Latest()
        async with delivering(src, sink):
            await until(lambda: len(sink.value) == len(src.tags))
            process.send_signal(19)  # SIGSTOP: the sockets stay open, nobody answers
            await until(lambda: src.state is SourceState.LOST)
            process.send_signal(18)
            await until(lambda: src.state is SourceState.RUNNING)
            process.kill()
            await until(lambda: src.state is SourceState.LOST)
            assert src.stats.reconnects == 1


@asynccontextmanager
async def simulator():
    pytest.importorskip("opcua_ai_simulator.cli")
    from tests.integration.simulated import start

    process, url = await asyncio.to_thread(start, free_port(0))
    try:
        yield url, process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


async def test_wrong_password_is_one_clear_line(monkeypatch):
    monkeypatch.setenv("PLANT_PASSWORD", "wrong")
    async with running(password="right") as plant:
        login = {"user": "reader", "password_env": "PLANT_PASSWORD"}
        src = source(plant.url, **login)
        with pytest.raises(AccessError, match="refused the user or password") as caught:
            await src.connect()
        assert "\n" not in str(caught.value)
        assert "wrong" not in str(caught.value)
        await src.close()
        monkeypatch.setenv("PLANT_PASSWORD", "right")
        src = source(plant.url, **login)
        await src.connect()
        await src.close()
        assert len(src.tags) == 4


async def test_a_policy_that_the_server_lacks(plant, tmp_path):
    security = {
        "policy": "Basic256Sha256",
        "certificate": tmp_path / "own.der",
        "private_key": tmp_path / "own.pem",
    }
    src = source(plant.url, security=security)
    with pytest.raises(AccessError, match="does not offer Basic256Sha256/SignAndEncrypt"):
        await src.connect()
    await src.close()
    assert (tmp_path / "own.pem").stat().st_mode & 0o077 == 0


async def test_nobody_there():
    src = source(f"opc.tcp://127.0.0.1:{free_port(0)}/x")
    with pytest.raises(SourceLostError, match="connection refused"):
        await src.connect()
    assert src.state is SourceState.LOST
    await src.close()


async def test_a_port_that_accepts_and_says_nothing():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        src = source(f"opc.tcp://127.0.0.1:{silent.getsockname()[1]}/x", timeout_s=0.3)
        with pytest.raises(SourceLostError, match="no answer in time"):
            await asyncio.wait_for(src.connect(), 5)
        await src.close()


async def test_wrong_root_and_wrong_pattern(plant):
    for options, message in (
        ({"browse_root": "Plant/Line2"}, "no 'Line2' below 'Plant'; there is: Plant/Line1"),
        ({"browse_root": "nsu=urn:other;s=x"}, "no such namespace"),
        ({"browse_root": "nsu=urn:test:plant;s=x"}, "no such node"),
        ({"include": ["Nothing*"]}, "matches include"),
        ({"include": ["*Text"]}, "no scalar number"),
    ):
        src = source(plant.url, **options)
        with pytest.raises(ConfigError, match=message):
            await src.connect()
        await src.close()


async def test_roots_by_path_and_by_node_id(plant):
    for root, first in (
        ("Plant/Line1", "Plant/Line1/Count"),
        ("Objects/Plant", "Plant/Line1/Count"),
        ("nsu=urn:test:plant;s=Line1", "Line1/Count"),
    ):
        src = source(plant.url, browse_root=root, exclude=["*/Level"])
        await src.connect()
        await src.close()
        assert first in [tag.path for tag in src.tags]
        assert f"{first.removesuffix('Count')}Level" not in [tag.path for tag in src.tags]


async def test_limits_on_nodes_and_depth_are_said(plant, caplog):
    for options, word in (({"max_nodes": 10}, "max_nodes = 10"), ({"max_depth": 2}, None)):
        caplog.clear()
        src = source(plant.url, **options)
        try:
            await src.connect()
        except ConfigError:
            pass
        await src.close()
        assert (word or "max_depth = 2") in caplog.text


async def test_close_ends_run_without_a_word(plant, caplog):
    src = source(plant.url)
    await src.connect()
    task = asyncio.create_task(src.run(Latest()))
    await until(lambda: src.state is SourceState.RUNNING)
    await src.close()
    await asyncio.wait_for(task, 3)
    assert "lost" not in caplog.text


async def test_a_cancellation_that_comes_out_as_a_lost_connection_is_heard(plant):
    """asyncua answers so when the connection breaks at that very moment."""
    src = source(plant.url)
    await src.connect()
    serving = asyncio.Event()

    async def overhears(_sink) -> None:
        serving.set()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            raise SourceLostError("connection lost") from None

    src._serve = overhears
    task = asyncio.create_task(src.run(Latest()))
    await asyncio.wait_for(serving.wait(), 3)
    task.cancel()
    done, _ = await asyncio.wait([task], timeout=3)
    await src.close()
    assert done
    assert task.cancelled()
