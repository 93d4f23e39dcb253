"""The arrays of ServerDiagnostics: what they tell of sessions and subscriptions, and whom."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from asyncua import Client, ua
from asyncua.ua.ua_binary import nodeid_to_binary
from asyncua.ua.uaerrors import UaStatusCodeError

from opcua_ai.server.asyncua_mends.diagnostics_arrays import SECURITY, SESSIONS, SUBSCRIPTIONS

pytestmark = pytest.mark.asyncio(loop_scope="session")

Login = Callable[..., Awaitable[Client]]


class Seen:
    """The values of monitored items."""

    def __init__(self) -> None:
        self.values: asyncio.Queue[Any] = asyncio.Queue()

    def datachange_notification(self, _node: Any, value: Any, _data: Any) -> None:
        self.values.put_nowait(value)


async def rows(client: Client, array: ua.NodeId) -> list[Any]:
    return await client.get_node(array).read_value()


async def test_sessions_count_what_they_ask_for(login: Login) -> None:
    async with await login("configureadmin") as admin, await login("observer") as other:
        await other.nodes.server_state.read_value()
        await other.nodes.server_state.read_value()
        with pytest.raises(UaStatusCodeError, match="BadNothingToDo"):
            await other.uaclient.session.read(ua.ReadParameters())
        found = await rows(admin, SESSIONS)
        (row,) = [r for r in found if r.ReadCount.TotalCount == 3]
        assert row.ClientDescription.ApplicationUri == "urn:test:client"
        assert row.ReadCount == ua.ServiceCounterDataType(3, 1)
        assert row.TotalRequestCount.ErrorCount == 1
        assert row.TotalRequestCount.TotalCount >= 3
        assert (row.CallCount.TotalCount, row.UnauthorizedRequestCount) == (0, 0)
        assert row.ClientConnectionTime <= row.ClientLastContactTime
        assert row.ActualSessionTimeout > 0
        assert (row.CurrentSubscriptionsCount, row.CurrentMonitoredItemsCount) == (0, 0)
    async with await login("configureadmin") as admin:
        assert len(await rows(admin, SESSIONS)) == 1


async def test_subscriptions_count_what_they_send(login: Login) -> None:
    async with await login("configureadmin") as admin, await login("observer") as other:
        seen = Seen()
        subscription = await other.create_subscription(20, seen)
        await subscription.subscribe_data_change([other.nodes.server_state] * 2)
        for _ in range(2):
            await asyncio.wait_for(seen.values.get(), 5)
        await other.uaclient.session.set_publishing_mode(
            ua.SetPublishingModeParameters(False, [subscription.subscription_id])
        )
        found = await rows(admin, SUBSCRIPTIONS)
        (row,) = [r for r in found if r.SubscriptionId == subscription.subscription_id]
        sessions = await rows(admin, SESSIONS)
        (owner,) = [s for s in sessions if s.SessionId == row.SessionId]
        assert (owner.CurrentSubscriptionsCount, owner.CurrentMonitoredItemsCount) == (1, 2)
        assert owner.CreateSubscriptionCount == ua.ServiceCounterDataType(1, 0)
        assert (row.PublishingInterval, row.PublishingEnabled) == (20.0, False)
        assert (row.MonitoredItemCount, row.DisableCount, row.EnableCount) == (2, 1, 0)
        assert (row.DataChangeNotificationsCount, row.NotificationsCount) == (2, 2)
        assert row.PublishRequestCount >= 1
        assert row.NextSequenceNumber >= 2


@pytest.mark.parametrize("array", [SESSIONS, SUBSCRIPTIONS, SECURITY])
async def test_others_are_for_configure_admins(login: Login, array: ua.NodeId) -> None:
    async with await login("engineer") as client:
        with pytest.raises(UaStatusCodeError, match="BadUserAccessDenied"):
            await rows(client, array)
        subscription = await client.create_subscription(20, Seen())
        with pytest.raises(UaStatusCodeError, match="BadUserAccessDenied"):
            await subscription.subscribe_data_change(client.get_node(array))


async def test_no_token_is_told(login: Login) -> None:
    async with await login("configureadmin") as admin, await login("observer") as other:
        tokens = [c.uaclient.session.authentication_token for c in (admin, other)]
        items = [
            ua.ReadValueId(node, ua.AttributeIds.Value)
            for node in (SESSIONS, SUBSCRIPTIONS, SECURITY)
        ]
        request = ua.ReadRequest(Parameters=ua.ReadParameters(NodesToRead=items))
        body = await admin.uaclient.session._send_request(request)
        answer = body.read(len(body))
        assert b"observer" in answer, "the users of the sessions are told"
        for token in tokens:
            assert token.Identifier not in answer
            assert nodeid_to_binary(token) not in answer


async def test_who_monitors_them_hears_of_changes(login: Login) -> None:
    async with await login("configureadmin") as admin:
        seen = Seen()
        subscription = await admin.create_subscription(20, seen)
        await subscription.subscribe_data_change(admin.get_node(SESSIONS))
        assert len(await asyncio.wait_for(seen.values.get(), 5)) == 1
        async with await login("observer"):
            while len(await asyncio.wait_for(seen.values.get(), 5)) < 2:
                pass
