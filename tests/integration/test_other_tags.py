"""Another choice of tags for a source that runs, on servers and networks that make it hard."""

from __future__ import annotations

import pytest
from asyncua import ua
from asyncua.server.internal_session import InternalSession

from opcua_ai.core.ports import SourceState
from opcua_ai.core.types import VACANT
from opcua_ai.sources.opcua import Options, Source
from tests.integration.plant_server import limited, running
from tests.integration.proxy import between
from tests.integration.watched import (
    FAST,
    Seen,
    counting,
    delivering,
    further,
    source,
    until,
    upwards,
)

LEVEL = "Plant/Line1/Level"
EXTRA = {"browse_root": "Plant", "include": ["*/Level", "*/x*"]}


async def nothing(tags) -> None:
    """Whoever has windows on the tags would grow them now."""


def options(url: str, **changed) -> Options:
    return Options.model_validate({**FAST, "browse_root": "Plant", "endpoint": url, **changed})


def level_alone(src: Source) -> bool:
    return [tag.path for tag in src.tags if tag is not VACANT] == [LEVEL]


async def test_twenty_nodes_a_call(monkeypatch):
    async with (
        running(extra=50) as plant,
        counting(plant),
        limited(monkeypatch, "create_monitored_items", 20) as created,
        limited(monkeypatch, "delete_monitored_items", 20) as deleted,
    ):
        src, sink = source(plant.url, browse_root="Plant"), Seen()
        async with delivering(src, sink):
            await until(lambda: sink.last > 5)
            created.clear()
            assert await src.reconfigure(options(plant.url, **EXTRA), nothing)
            await until(lambda: len({row[0] for row in sink.live}) == 51)
            assert sum(size for size in created if size <= 20) == 50
            assert await src.reconfigure(options(plant.url), nothing)
            (subscription,) = plant.server.iserver.subscription_service.subscriptions.values()
            await until(lambda: len(subscription.monitored_item_srv._monitored_items) == 1)
            assert sum(size for size in deleted if size <= 20) == 50
            assert level_alone(src)
            await further(sink, 10)
        values = sink.values()
        assert values == upwards(values[0], values[-1])


async def test_a_server_that_gives_no_subscription(monkeypatch):
    async def refuse(*_, **__):
        raise ua.UaStatusCodeError(ua.StatusCodes.BadServiceUnsupported)

    monkeypatch.setattr(InternalSession, "create_subscription", refuse)
    async with running(extra=3) as plant, counting(plant):
        src, sink = source(plant.url, browse_root="Plant"), Seen()
        async with delivering(src, sink):
            await until(lambda: sink.last > 5)
            assert await src.reconfigure(options(plant.url, **EXTRA), nothing)
            await until(lambda: len({row[0] for row in sink.live}) == 4)
            assert await src.reconfigure(options(plant.url), nothing)
            await until(lambda: level_alone(src))
            await further(sink, 0)
            assert src.stats.reconnects == 0


@pytest.mark.parametrize("service", ["create_monitored_items", "browse"])
async def test_a_cut_in_the_middle_is_made_good_after_it(monkeypatch, service):
    """Nothing of the tag that stays is lost, and the others come in the end."""
    call = getattr(InternalSession, service)
    async with running(extra=3) as plant, between(plant.port) as proxy, counting(plant):
        src, sink = source(proxy.url(), browse_root="Plant"), Seen()
        async with delivering(src, sink):
            await until(lambda: sink.last > 5)

            async def cut(*arguments):
                monkeypatch.setattr(InternalSession, service, call)
                await proxy.cut()
                return await call(*arguments)

            monkeypatch.setattr(InternalSession, service, cut)
            assert await src.reconfigure(options(proxy.url(), **EXTRA), nothing)
            await until(lambda: src.state is SourceState.LOST)
            await proxy.restore()
            await until(lambda: len({row[0] for row in sink.live}) == 4)
            await further(sink, 10)
            assert (src.stats.gaps, src.stats.reconnects) == (0, 1)
        values = [*dict.fromkeys(sink.values())]
        assert values == upwards(values[0], values[-1])


async def test_other_options_need_a_source_made_anew():
    async with running() as plant:
        src = source(plant.url)
        assert not await src.reconfigure(options(plant.url), nothing), "never connected"
        async with delivering(src, Seen()):
            slower = options(plant.url, publishing_interval_ms=50)
            assert not await src.reconfigure(slower, nothing)
            assert src.options != slower
