"""Broken networks and servers: what the server still holds arrives, what is lost is counted."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from opcua_ai.core import status
from opcua_ai.core.ports import SourceState
from opcua_ai.demo.processes import free_port
from tests.integration.plant_server import Plant, running
from tests.integration.proxy import between
from tests.integration.watched import (
    CLOCK,
    Seen,
    counting,
    delivering,
    further,
    lost_and_back,
    set_value,
    source,
    until,
    upwards,
    without_repeats,
    write,
)


@pytest.mark.parametrize("how", ["cut", "hang"])
async def test_an_outage_that_the_server_bridges_loses_nothing(how):
    async with running() as plant, between(plant.port) as proxy, counting(plant):
        src, sink = source(proxy.url()), Seen()
        async with delivering(src, sink):
            await until(lambda: sink.last > 20)
            for _ in range(2):
                await lost_and_back(src, proxy, getattr(proxy, how))
                await further(sink, 50)
            assert [row[2] for row in sink.live].count(status.BAD_NO_COMMUNICATION) == 2
        values = sink.values()
        assert without_repeats(values) == upwards(values[0], values[-1])
        assert len(values) == len(without_repeats(values)) + 2
        assert (src.stats.gaps, src.stats.lost_messages, src.stats.overflows) == (0, 0, 0)


async def expired(plant: Plant, keep: int = 0) -> None:
    """Wait until the server has given up the subscription."""
    subscriptions = plant.server.iserver.subscription_service.subscriptions
    await until(lambda: len(subscriptions) == keep)


async def test_a_gap_is_filled_from_the_history_of_the_server(caplog):
    async with running() as plant, between(plant.port) as proxy:
        level = plant.server.get_node(plant._id("Level"))
        await write(plant, "Level", 0)
        await plant.server.historize_node_data_change(level, None, 0)
        async with counting(plant):
            src, sink = source(proxy.url(), outage_s=1, include=["*/Level", "*/Count"]), Seen()
            async with delivering(src, sink):
                await until(lambda: len(sink.values(1)) > 20)
                await proxy.cut()
                await expired(plant, keep=1)
                before = len(sink.live)
                await proxy.restore()
                await until(lambda: sink.filled and len(sink.values(1)) > before)
                await until(lambda: src.stats.filled == len(sink.filled) - 1)
        both = sorted({(row[3], row[1]) for row in [*sink.live, *sink.filled] if row[0] == 1})
        values = [value for _, value in both]
        assert values == upwards(values[0], values[-1])
        assert src.stats.filled > 50
        live_times = {row[3] for row in sink.live}
        first, *new = sink.filled
        assert first[3] in live_times, "the sample in force when the outage began"
        assert not live_times & {row[3] for row in new}, "nothing twice"
        assert [row[3] for row in sink.filled] == sorted(row[3] for row in sink.filled)
        assert (src.stats.gaps, src.stats.values) == (1, len([*filter(is_new, sink.live)]))
    assert "of 1 tags; the server has a history of 1 of them" in caplog.text


def is_new(row) -> bool:
    """Not one of ours that says that there is no communication."""
    return row[2] != status.BAD_NO_COMMUNICATION


async def test_a_restarted_server_leaves_a_gap_that_is_counted(caplog):
    port = free_port(0)
    plant = await Plant(port).start()
    src, sink = source(plant.url), Seen()
    async with delivering(src, sink):
        async with counting(plant):
            await until(lambda: sink.last > 5)
        await plant.stop()
        await until(lambda: src.state is SourceState.LOST)
        # the new server counts sessions and subscriptions from the same numbers on
        plant = await Plant(port).start()
        async with counting(plant):
            await until(lambda: src.state is SourceState.RUNNING)
            await until(lambda: src.stats.gaps == 1)
            await until(lambda: "the server has a history of 0 of them" in caplog.text)
            assert sink.values()[-5:] == upwards(sink.last - 4, sink.last)
    await plant.stop()
    assert (src.stats.filled, src.stats.reconnects) == (0, 1)


async def test_what_a_restarted_server_calls_by_our_numbers_is_not_ours():
    """Sessions and subscriptions are counted from the same numbers on after a restart: somebody
    else's would come in place of ours."""
    async with running() as plant, between(plant.port) as proxy, counting(plant):
        src, sink = source(proxy.url()), Seen()
        async with delivering(src, sink):
            await until(lambda: sink.last > 5)
            subscriptions = plant.server.iserver.subscription_service.subscriptions
            (ours,) = subscriptions
            await proxy.cut()
            await set_value(plant, "Server_ServerStatus_StartTime", datetime.now(UTC))
            await proxy.restore()
            await until(lambda: src.stats.gaps == 1)
            assert [*subscriptions] == [ours, ours + 1], "left alone, and one of our own"


async def test_a_clock_that_is_set_back_is_no_gap_and_loses_nothing(monkeypatch):
    async with running() as plant, between(plant.port) as proxy, counting(plant):
        src, sink = source(proxy.url()), Seen()
        async with delivering(src, sink):
            await until(lambda: sink.last > 5)
            for hours in (-1, 5, -2):
                monkeypatch.setattr(CLOCK, "ahead", timedelta(hours=hours))
                await further(sink, 20)
            values = sink.values()
            assert values == upwards(values[0], values[-1])
            assert src.stats.gaps == 0
            await proxy.cut()
            monkeypatch.setattr(CLOCK, "ahead", timedelta(hours=-9))
            sessions = plant.server.iserver.subscription_service
            await sessions.delete_subscriptions([*sessions.subscriptions])
            await proxy.restore()
            await until(lambda: src.stats.reconnects == 1)
            await further(sink, 20)
        assert src.stats.gaps == 0


@pytest.mark.parametrize("network", [{"delay_s": 0.1}, {"bytes_per_s": 40_000}])
async def test_a_late_or_slow_network_loses_nothing(network):
    async with running() as plant, between(plant.port) as proxy, counting(plant):
        src, sink = source(proxy.url(), timeout_s=3), Seen()
        async with delivering(src, sink):
            await until(lambda: sink.last > 5)
            for name, value in network.items():
                setattr(proxy, name, value)
            await further(sink, 100)
        values = sink.values()
        assert values == upwards(values[0], values[-1])
        assert (src.stats.reconnects, src.stats.lost_messages) == (0, 0)


async def test_close_during_a_reconnect_ends_run():
    async with running() as plant, between(plant.port) as proxy:
        src = source(proxy.url())
        await src.connect()
        task = asyncio.create_task(src.run(Seen()))
        await until(lambda: src.state is SourceState.RUNNING)
        trying, go_on = asyncio.Event(), asyncio.Event()
        connect = src._connect_to

        async def slow(endpoint):
            trying.set()
            await go_on.wait()
            return await connect(endpoint)

        src._connect_to = slow
        await proxy.cut()
        await proxy.restore()
        await asyncio.wait_for(trying.wait(), 5)
        await src.close()
        go_on.set()
        await asyncio.wait_for(task, 5)
        assert (src.state, src._link) == (SourceState.STOPPED, None)
