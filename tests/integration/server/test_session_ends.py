"""However a session ends, it is audited (Part 4, 6.5.6), and a session learns what became of its
subscriptions (Part 4, 5.14.7)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from asyncua import Client, ua
from asyncua.ua.uaerrors import UaStatusCodeError

from opcua_ai.core.config import User
from opcua_ai.server.advisory import AdvisoryServer
from opcua_ai.server.asyncua_mends.diagnostics_arrays import SUBSCRIPTIONS
from tests.integration.server.asked import answer

pytestmark = pytest.mark.asyncio(loop_scope="session")

ENDED = "Session/Timeout", "Session/CloseSession", "Session/Terminated"


class Ends:
    """The audit events of sessions that ended."""

    def __init__(self) -> None:
        self._seen: asyncio.Queue[Any] = asyncio.Queue()

    def event_notification(self, event: Any) -> None:
        self._seen.put_nowait(event)

    async def of(self, session: ua.NodeId) -> str:
        """How it ended."""
        while True:
            event = await asyncio.wait_for(self._seen.get(), 5)
            if event.SourceName in ENDED and event.SessionId == session:
                return event.SourceName


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def server(settings: Any, running: Any, pki: Path) -> AsyncIterator[AdvisoryServer]:
    """Everybody is ConfigureAdmin; sessions may be as short as a client asks for."""
    open_to_all = {"allow_none": True, "allow_anonymous": True, "anonymous_role": "ConfigureAdmin"}
    users = {"op": User(password_file=pki / "secret")}
    async with running(settings(users=users, **open_to_all)) as server:
        made: Any = server._server
        made.services.min_session_timeout_ms = 1.0
        yield server


@pytest_asyncio.fixture(loop_scope="session")
async def ends(server: AdvisoryServer) -> AsyncIterator[Ends]:
    async with Client(server.endpoint, timeout=10) as watcher:
        found = Ends()
        subscription = await watcher.create_subscription(20, found)
        kind = ua.ObjectIds.AuditSessionEventType
        await subscription.subscribe_events(watcher.nodes.server, kind)
        yield found


async def opened(server: AdvisoryServer, timeout_ms: float = 60_000.0) -> tuple[Client, ua.NodeId]:
    """A client that keeps nothing alive, and the id of its session."""
    client = Client(server.endpoint, timeout=10)
    client.session_timeout = timeout_ms  # type: ignore[assignment]
    await client.connect_socket()
    await client.send_hello()
    await client.open_secure_channel()
    made = await client.create_session()
    await client.activate_session()
    return client, made.SessionId


async def test_a_session_that_times_out(server: AdvisoryServer, ends: Ends) -> None:
    client, session = await opened(server, timeout_ms=200.0)
    assert await ends.of(session) == "Session/Timeout"
    client.disconnect_socket()


async def test_a_session_that_is_closed(server: AdvisoryServer, ends: Ends) -> None:
    client, session = await opened(server)
    await client.close_session()
    assert await ends.of(session) == "Session/CloseSession"
    client.disconnect_socket()


async def test_a_session_whose_connection_breaks(server: AdvisoryServer, ends: Ends) -> None:
    client, session = await opened(server)
    client.disconnect_socket()
    assert await ends.of(session) == "Session/Terminated"


async def test_sessions_that_end_with_the_server(settings: Any, running: Any) -> None:
    made = settings(allow_none=True, allow_anonymous=True)
    async with running(made) as server:
        client, _ = await opened(server)
    client.disconnect_socket()
    records = [json.loads(line) for line in made.audit_file.read_text().splitlines()]
    names = [record["event"] for record in records]
    assert names[-2:] == ["Session/Terminated", "Server"]


async def test_the_old_owner_learns_of_a_transfer_when_it_publishes(
    server: AdvisoryServer, encrypted: Any
) -> None:
    """It had no Publish request waiting when the subscription went."""
    first, second = [await encrypted(server, "op", "right") for _ in range(2)]
    async with first, second:
        old, new = (client.uaclient.session for client in (first, second))
        wishes = ua.CreateSubscriptionParameters(20.0, 10_000, 1_000)
        wanted = ua.CreateSubscriptionRequest(Parameters=wishes)
        made = await answer(old, wanted, ua.CreateSubscriptionResponse)
        number = made.Parameters.SubscriptionId
        params = ua.TransferSubscriptionsParameters([number])
        (result,) = await new.transfer_subscriptions(params)
        assert result.StatusCode.is_good()
        said = (await answer(old, ua.PublishRequest(), ua.PublishResponse)).Parameters
        (change,) = said.NotificationMessage.NotificationData
        assert said.SubscriptionId == number
        assert change.Status.value == ua.StatusCodes.GoodSubscriptionTransferred
        with pytest.raises(UaStatusCodeError, match="BadNoSubscription"):
            await old._send_request(ua.PublishRequest())
        async with Client(server.endpoint, timeout=10) as admin:
            rows = await admin.get_node(SUBSCRIPTIONS).read_value()
        (row,) = [r for r in rows if r.SubscriptionId == number]
        assert (row.TransferRequestCount, row.TransferredToSameClientCount) == (1, 1)
        assert row.TransferredToAltClientCount == 0
