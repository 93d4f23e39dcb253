"""Servers that refuse, give little, or stand in for each other."""

from __future__ import annotations

import pytest
from asyncua import ua
from asyncua.server.internal_session import InternalSession

from opcua_ai.core.errors import SourceLostError
from opcua_ai.core.ports import SourceState
from opcua_ai.demo.processes import free_port
from opcua_ai.sources import _stream
from tests.integration.plant_server import Plant, limited, running
from tests.integration.proxy import between
from tests.integration.watched import (
    Seen,
    counting,
    delivering,
    set_value,
    source,
    until,
    upwards,
    write,
)


async def test_twenty_nodes_a_call_before_and_after_an_outage(monkeypatch):
    async with (
        running(extra=50) as plant,
        between(plant.port) as proxy,
        limited(monkeypatch, "create_monitored_items", 20) as created,
        limited(monkeypatch, "read", 20) as reads,
    ):
        src, sink = source(proxy.url(), browse_root="Plant", include=["*"]), Seen()
        async with delivering(src, sink):
            await until(lambda: len({row[0] for row in sink.live}) == 54)
            await proxy.cut()
            service = plant.server.iserver.subscription_service
            await service.delete_subscriptions([*service.subscriptions])
            created.clear(), reads.clear()
            await proxy.restore()
            await until(lambda: src.stats.reconnects == 1)
            assert max(created + reads) <= 20
            assert sum(created) == 54
            for number in range(50):
                await plant.write(f"x{number}", float(number + 1))
            columns = {tag.name: column for column, tag in enumerate(src.tags)}
            await until(lambda: sink.values(columns["x49"])[-1] == 50.0)
            latest = {row[0]: row[1] for row in sink.live}
            assert all(latest[columns[f"x{n}"]] == n + 1 for n in range(50))


def refusing(method: str, error: str) -> pytest.MonkeyPatch:
    """The server refuses a service until the patch is undone."""

    async def refuse(self, *_, **__):
        raise ua.UaStatusCodeError(getattr(ua.StatusCodes, error))

    patch = pytest.MonkeyPatch()
    patch.setattr(InternalSession, method, refuse)
    return patch


@pytest.mark.parametrize("error", ["BadServiceUnsupported", "BadTooManySubscriptions"])
async def test_a_server_that_gives_no_subscription_is_read(monkeypatch, error, caplog):
    monkeypatch.setattr(_stream, "LOOK_AFTER_S", 0.3)
    async with running() as plant:
        refused = refusing("create_subscription", error)
        src, sink = source(plant.url, include=["*/Level", "*/Count"]), Seen()
        try:
            async with delivering(src, sink):
                for number in range(1, 4):
                    await write(plant, "Level", number)
                    await until(lambda n=number: sink.values(1)[-1:] == [n])
                bad = ua.StatusCode(ua.StatusCodes.BadSensorFailure)
                await plant.write_data("Level", ua.DataValue(ua.Variant(9.0), bad))
                await until(lambda: sink.live[-1][2] == ua.StatusCodes.BadSensorFailure)
                assert sink.values(0) == [7.0], "what does not change comes once"
                refused.undo()
                service = plant.server.iserver.subscription_service
                await until(lambda: len(service.subscriptions) == 1)
                async with counting(plant):
                    await until(lambda: sink.values(1)[-1] > 50)
                assert sink.values(1)[-20:] == upwards(sink.values(1)[-1] - 19, sink.values(1)[-1])
        finally:
            refused.undo()
        assert caplog.text.count(f"no subscription ({error})") == 1


async def test_tags_beyond_what_a_server_monitors_are_read(monkeypatch, caplog):
    inner = InternalSession.create_monitored_items

    async def create(self, params):
        room = ua.CreateMonitoredItemsParameters(
            params.SubscriptionId, params.TimestampsToReturn, params.ItemsToCreate[:3]
        )
        full = ua.StatusCode(ua.StatusCodes.BadTooManyMonitoredItems)
        rest = [ua.MonitoredItemCreateResult(StatusCode=full) for _ in params.ItemsToCreate[3:]]
        return [*await inner(self, room), *rest]

    monkeypatch.setattr(InternalSession, "create_monitored_items", create)
    async with running(extra=5) as plant:
        src, sink = source(plant.url, browse_root="Plant", include=["*"]), Seen()
        async with delivering(src, sink):
            await until(lambda: len({row[0] for row in sink.live}) == 9)
            for name in ("x0", "x4", "Level"):
                await plant.write(name, 42.0)
                column = [tag.name for tag in src.tags].index(name)
                await until(lambda c=column: sink.values(c)[-1] == 42.0)
            assert src.stats.bad_tags == 0
    assert "no items for 6 tags: they are read instead" in caplog.text


async def test_a_refused_tag_is_asked_for_again(monkeypatch, caplog):
    monkeypatch.setattr(_stream, "LOOK_AFTER_S", 0.2)
    async with running() as plant:
        src, sink = source(plant.url, include=["*/Level", "*/Count"]), Seen()
        await src.connect()
        await plant.server.delete_nodes([plant.server.get_node(plant._id("Level"))])
        monkeypatch.setattr(src, "connect", stay_connected)
        async with delivering(src, sink):
            await until(lambda: src.stats.bad_tags == 1)
            await plant.add("Level", 77.0)
            await until(lambda: sink.values(1)[-1:] == [77.0])
            assert src.stats.bad_tags == 0
    said = caplog.text
    assert said.count("refused tags: Plant/Line1/Level (BadNodeIdUnknown)") == 1
    assert said.count("accepted now: Plant/Line1/Level") == 1


async def stay_connected() -> None:
    """The test has connected already."""


async def test_the_next_endpoint_is_used_when_one_is_gone():
    async with running() as second:
        first = await Plant(free_port(0)).start()
        src, sink = source(first.url, failover=[second.url]), Seen()
        async with delivering(src, sink):
            await until(lambda: sink.values() == [1.5])
            assert src.stats.endpoint == first.url
            await first.stop()
            await until(lambda: src.stats.endpoint == second.url)
            async with counting(second):
                await until(lambda: sink.last > 20)
            assert (src.stats.reconnects, src.state) == (1, SourceState.RUNNING)


async def test_a_server_that_says_it_serves_badly_is_left_for_a_better_one(monkeypatch):
    monkeypatch.setattr(_stream, "LOOK_AFTER_S", 0.2)
    async with running() as first, running() as second:
        await set_value(second, "Server_ServiceLevel", 120, ua.VariantType.Byte)
        src, sink = source(second.url, failover=[first.url]), Seen()
        async with delivering(src, sink):
            await until(lambda: sink.values() == [1.5])
            assert src.stats.endpoint == first.url, "the healthy one"
            await set_value(first, "Server_ServiceLevel", 100, ua.VariantType.Byte)
            await until(lambda: src.stats.endpoint == second.url)
            await until(lambda: src.stats.reconnects == 1)
            assert not first.server.iserver.subscription_service.subscriptions


async def test_dead_endpoints_are_named_together():
    urls = [f"opc.tcp://127.0.0.1:{free_port(0)}/x" for _ in range(2)]
    with pytest.raises(SourceLostError, match=f"{urls[0]}: connection refused.*; {urls[1]}: "):
        await source(urls[0], failover=urls[1:]).connect()


async def test_a_dead_source_does_not_hold_up_another():
    """One server answers nothing at all; the other one's values all come meanwhile."""
    async with running() as plant, between(plant.port) as dead, counting(plant):
        src, sink = source(plant.url), Seen()
        other, nothing = source(dead.url(), timeout_s=0.1), Seen()
        async with delivering(src, sink), delivering(other, nothing):
            await until(lambda: nothing.values() and sink.last > 5)
            dead.hang()
            await until(lambda: other.state is SourceState.LOST)
            tries = []
            monitor = other._connect_to

            async def count_tries(endpoint):
                tries.append(sink.last)
                return await monitor(endpoint)

            other._connect_to = count_tries
            await until(lambda: len(tries) > 5)
            assert tries == sorted(set(tries)), "values came between any two tries"
        values = sink.values()
        assert values == upwards(values[0], values[-1])
        assert src.stats.reconnects == 0
