"""Events of recommendations, over real sockets."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
import pytest_asyncio
from asyncua import Client, ua

from opcua_ai.core import status as codes
from opcua_ai.core.types import NS, Recommendation, Tag
from opcua_ai.server.advisory import AdvisoryServer
from tests.integration.server.conftest import PLANT_TIME

pytestmark = pytest.mark.asyncio(loop_scope="session")

ASSET = "AIAdvisory/Applications/ProductionOptimisation/line1"
EXPIRES = PLANT_TIME + 60 * NS
RAISE = Recommendation(
    "line1", "purge", Tag("Plant/T1", "nsu=urn:plant;s=T1", unit="degC", low=0.0, high=200.0),
    100.0, 150.0, 110.0, "largest step 10", 12.0, "$/h", 8.0, 16.0, 0.9, "raise purge",
    codes.GOOD, PLANT_TIME, EXPIRES,
)  # fmt: skip


@pytest_asyncio.fixture(loop_scope="session")
async def server(settings: Any, running: Any) -> AsyncIterator[AdvisoryServer]:
    async with running(settings(allow_none=True, allow_anonymous=True)) as started:
        yield started


async def say(server: AdvisoryServer, **changes: Any) -> None:
    decision = dataclasses.replace(RAISE, **changes)
    await server.publish_decision("save", "ProductionOptimisation", decision)


async def test_an_event_climbs_and_the_state_expires(server: AdvisoryServer, look: Any) -> None:
    await say(server, status=codes.BAD_WAITING_FOR_INITIAL_DATA, source_time=0, expires=0)
    async with Client(server.endpoint, timeout=10) as client:
        hmi = await look(client)
        kind = client.get_node(ua.NodeId(1008, hmi.node(ASSET).nodeid.NamespaceIndex))
        watched = [hmi.events() for _ in range(3)]
        nodes = (hmi.node(ASSET), hmi.node("AIAdvisory"), ua.ObjectIds.Server)
        for events, node in zip(watched, nodes, strict=True):
            await events.subscribe(node, kind)
        await say(server)
        seen = [await events.next() for events in watched]
        assert len({event.EventId for event in seen}) == 1
        event = seen[0]
        assert event.SourceNode == hmi.node(ASSET).nodeid
        assert event.Recommendation == hmi.node(f"{ASSET}/Recommendations/purge").nodeid
        assert (event.State, event.RecommendedValue, event.ClampedValue) == (0, 150.0, 110.0)
        assert event.ExpiresAt == datetime.fromtimestamp(EXPIRES // NS, UTC)
        await say(server, source_time=EXPIRES + NS, status=codes.BAD_NO_COMMUNICATION)
        await server.beat()
        assert (await watched[0].next()).State == 6
        assert await hmi.value(f"{ASSET}/Recommendations/purge/State") == 6
