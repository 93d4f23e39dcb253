"""Who may connect, and that nobody can change anything, over real sockets."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from asyncua import Client, ua
from asyncua.ua.uaerrors import UaStatusCodeError

from opcua_ai.server.advisory import AdvisoryServer

pytestmark = pytest.mark.asyncio(loop_scope="session")

FAULTS = "AIAdvisory/Applications/FaultPrediction/line1"


async def test_encrypted_login(locked: AdvisoryServer, encrypted: Any, look: Any) -> None:
    async with await encrypted(locked, "op", "right") as client:
        hmi = await look(client)
        assert await hmi.value("AIAdvisory/OperatingMode") == 2
        assert await hmi.value("AIAdvisory/SecurityWarning") == ""


@pytest.mark.parametrize(
    ("user", "password"),
    [("op", "wrong"), ("op", ""), ("admin", "anything"), ("Admin", ""), ("", "")],
)
async def test_refused(locked: AdvisoryServer, encrypted: Any, user: str, password: str) -> None:
    with pytest.raises(UaStatusCodeError):
        async with await encrypted(locked, user, password):
            pass


async def test_a_session_that_was_refused_reads_nothing(
    locked: AdvisoryServer, encrypted: Any
) -> None:
    client = await encrypted(locked)
    await client.connect_socket()
    try:
        await client.send_hello()
        await client.open_secure_channel()
        await client.create_session()
        with pytest.raises(UaStatusCodeError):
            await client.activate_session()
        with pytest.raises(UaStatusCodeError):
            await client.nodes.server_state.read_value()
    finally:
        client.disconnect_socket()


async def test_no_unencrypted_endpoint_by_default(locked: AdvisoryServer) -> None:
    modes = {
        endpoint.SecurityMode
        for endpoint in await Client(locked.endpoint).connect_and_get_server_endpoints()
    }
    assert modes == {ua.MessageSecurityMode.Sign, ua.MessageSecurityMode.SignAndEncrypt}


async def test_no_session_on_the_channel_for_discovery(locked: AdvisoryServer) -> None:
    """A client that ignores the list of endpoints; plain asyncua lets it log in."""
    client = Client(locked.endpoint, timeout=2)
    await client.connect_socket()
    try:
        await client.send_hello()
        await client.open_secure_channel()
        request = ua.CreateSessionRequest()
        request.Parameters.ClientDescription.ApplicationUri = "urn:test:client"
        with pytest.raises(UaStatusCodeError, match="BadSecurityPolicyRejected"):
            await client.uaclient.session._send_request(request)
    finally:
        client.disconnect_socket()


async def refuses_to_change(hmi: Any) -> None:
    node = hmi.node(f"{FAULTS}/Predictions/faults_load/Value")
    mode = hmi.node("AIAdvisory/OperatingMode")
    for target in (node, mode):
        with pytest.raises(UaStatusCodeError):
            await target.write_value(ua.Variant(3, ua.VariantType.Int32))
        with pytest.raises(UaStatusCodeError):
            await target.write_attribute(
                ua.AttributeIds.AccessLevel, ua.DataValue(ua.Variant(3, ua.VariantType.Byte))
            )
    with pytest.raises(UaStatusCodeError):
        await hmi.client.nodes.objects.add_folder(2, "hack")
    with pytest.raises(UaStatusCodeError):
        await hmi.client.delete_nodes([node])
    assert await hmi.value("AIAdvisory/OperatingMode") == 2


async def test_anonymous_changes_nothing(hmi: Any) -> None:
    await refuses_to_change(hmi)


async def test_a_user_changes_nothing(locked: AdvisoryServer, encrypted: Any, look: Any) -> None:
    async with await encrypted(locked, "op", "right") as client:
        await refuses_to_change(await look(client))


async def test_every_variable_says_that_it_is_read_only(hmi: Any) -> None:
    async for path, node in hmi.below("AIAdvisory"):
        if await node.read_node_class() == ua.NodeClass.Variable:
            access = await node.get_access_level() | await node.get_user_access_level()
            assert access == {ua.AccessLevel.CurrentRead}, path


async def test_a_session_cannot_be_taken_over(opened: AdvisoryServer, hmi: Any) -> None:
    thief = Client(opened.endpoint, timeout=5)
    await thief.connect_socket()
    try:
        await thief.send_hello()
        await thief.open_secure_channel()
        for token in range(1000, 1010):
            thief.uaclient.session.restore_authentication_token(ua.NodeId(token))
            with pytest.raises(UaStatusCodeError):
                await thief.activate_session()
    finally:
        thief.disconnect_socket()


async def test_a_subscription_belongs_to_its_session(opened: AdvisoryServer, hmi: Any) -> None:
    """Plain asyncua lets any session take over, change and delete the subscriptions of others."""
    events = hmi.events()
    subscription = await events.subscribe()
    number = subscription.subscription_id
    async with Client(opened.endpoint, timeout=5) as thief:
        session = thief.uaclient.session
        taken = await session.transfer_subscriptions(ua.TransferSubscriptionsParameters([number]))
        assert taken[0].StatusCode == ua.StatusCode(ua.StatusCodes.BadUserAccessDenied)
        gone = await session.delete_subscriptions([number])
        assert gone == [ua.StatusCode(ua.StatusCodes.BadSubscriptionIdInvalid)]
        with pytest.raises(UaStatusCodeError, match="BadSubscriptionIdInvalid"):
            await session.delete_monitored_items(
                ua.DeleteMonitoredItemsParameters(number, list(range(100, 200)))
            )
    await subscription.delete()


async def test_a_user_takes_the_own_subscription_along(
    locked: AdvisoryServer, encrypted: Any, look: Any
) -> None:
    async with await encrypted(locked, "op", "right") as first:
        subscription = await (await look(first)).events().subscribe()
        async with await encrypted(locked, "op", "right") as second:
            taken = await second.uaclient.session.transfer_subscriptions(
                ua.TransferSubscriptionsParameters([subscription.subscription_id])
            )
            assert taken[0].StatusCode == ua.StatusCode()


async def test_an_endless_message_is_cut(opened: AdvisoryServer) -> None:
    port = int(opened.endpoint.split(":")[2].split("/")[0])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"HELF" + (2**31 - 1).to_bytes(4, "little"))
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        for _ in range(200):
            writer.write(b"\0" * 65536)
            await writer.drain()
        await reader.readexactly(1)
    writer.close()


async def test_connections_are_limited(settings: Any, running: Any) -> None:
    limited = settings(allow_none=True, allow_anonymous=True, max_connections=1)
    async with running(limited) as server, Client(server.endpoint, timeout=5):
        with pytest.raises((ConnectionError, asyncio.TimeoutError, UaStatusCodeError)):
            async with Client(server.endpoint, timeout=2):
                pass


async def test_nobody_registers_a_server_here(opened: AdvisoryServer) -> None:
    """Plain asyncua lets a client without a session enter itself into FindServers."""
    client = Client(opened.endpoint, timeout=5)
    await client.connect_sessionless()
    try:
        request = ua.RegisterServerRequest()
        request.Server.ServerUri = "urn:stranger"
        request.Server.ServerNames = [ua.LocalizedText("stranger")]
        with pytest.raises(UaStatusCodeError, match="BadServiceUnsupported"):
            await client.uaclient.session._send_request(request)
    finally:
        await client.disconnect_sessionless()
