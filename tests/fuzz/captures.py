"""What a client says in a session that uses every service, as bytes.

A relay between asyncua's client and the server writes down each chunk. Policy None, so that a
changed chunk reaches the decoder and the services instead of failing at its signature.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any
from urllib.parse import urlsplit

from asyncua import Client, ua

from opcua_ai.server.advisory import NAMESPACE

_HEADER = 8


class Relay:
    """Passes bytes on and keeps the chunks of the client."""

    def __init__(self, endpoint: str) -> None:
        self._port = urlsplit(endpoint).port
        self.chunks: list[bytes] = []

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator[str]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        try:
            yield f"opc.tcp://127.0.0.1:{server.sockets[0].getsockname()[1]}/opcua-ai"
        finally:
            server.close()
            await server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, to_server = await asyncio.open_connection("127.0.0.1", self._port)
        back = asyncio.create_task(self._copy(there, writer))
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                header = await reader.readexactly(_HEADER)
                size = int.from_bytes(header[4:], "little")
                self.chunks.append(header + await reader.readexactly(size - _HEADER))
                to_server.write(self.chunks[-1])
        to_server.close()
        await back
        writer.close()

    @staticmethod
    async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65536):
                writer.write(data)


async def record(endpoint: str) -> tuple[list[bytes], bytes]:
    """The chunks of a whole session in order, and its authentication token."""
    relay = Relay(endpoint)
    async with relay.listening() as address:
        client = Client(address, timeout=10, watchdog_intervall=3600)
        async with client:
            token = client.uaclient.session.authentication_token.Identifier
            for step in (_look, _watch, _rare):
                await step(client)
    return relay.chunks, token


async def _look(client: Client) -> None:
    index = await client.get_namespace_index(NAMESPACE)
    node = client.get_node(f"ns={index};s=AIAdvisory/Heartbeat")
    module = client.get_node(f"ns={index};s=AIAdvisory")
    await node.read_value()
    await node.read_attributes([ua.AttributeIds.DisplayName, ua.AttributeIds.AccessLevel])
    await module.get_children()
    await client.nodes.objects.get_child([f"{index}:AIAdvisory", f"{index}:Heartbeat"])
    await _tried(node.write_value(ua.Variant([[1.5, 2.5], [3.5, 4.5]], ua.VariantType.Double)))
    await _tried(node.read_raw_history(numvalues=10))
    await client.get_endpoints()
    await client.find_servers()


async def _watch(client: Client) -> None:
    index = await client.get_namespace_index(NAMESPACE)
    node = client.get_node(f"ns={index};s=AIAdvisory/Heartbeat")
    subscription = await client.create_subscription(1000, _Handler())
    handle = await subscription.subscribe_data_change(node)
    await _tried(subscription.deadband_monitor(node, 0.5))
    await subscription.subscribe_events(client.nodes.server, ua.ObjectIds.AlarmConditionType)
    await _tried(subscription.modify_monitored_item(handle, 500, 10))
    await _tried(subscription.set_monitoring_mode(ua.MonitoringMode.Sampling))
    await _tried(subscription.set_publishing_mode(False))
    condition = client.get_node(ua.ObjectIds.ConditionType)
    refresh = ua.NodeId(ua.ObjectIds.ConditionType_ConditionRefresh)
    number = ua.Variant(subscription.subscription_id, ua.VariantType.UInt32)
    await _tried(condition.call_method(refresh, number))
    await _tried(
        condition.call_method(
            ua.NodeId(ua.ObjectIds.AcknowledgeableConditionType_Acknowledge),
            ua.Variant(b"event", ua.VariantType.ByteString),
            ua.Variant(ua.LocalizedText("seen", "en"), ua.VariantType.LocalizedText),
        )
    )
    await subscription.delete()


async def _rare(client: Client) -> None:
    session = client.uaclient.session
    ids = [ua.NodeId(ua.ObjectIds.Server)]
    await _tried(session.browse_next(ua.BrowseNextParameters(False, [b"point"])))
    await _tried(session.transfer_subscriptions(ua.TransferSubscriptionsParameters([1])))
    await _tried(session.register_nodes(ids))
    await _tried(session.unregister_nodes(ids))
    await _tried(client.nodes.objects.add_folder(2, "folder"))
    await _tried(client.delete_nodes([client.nodes.server]))


async def _tried(work: Coroutine[Any, Any, Any]) -> None:
    with contextlib.suppress(ua.UaError, ValueError):
        await work


class _Handler:
    datachange_notification: Callable[..., None] = staticmethod(lambda *_: None)
    event_notification: Callable[..., None] = staticmethod(lambda *_: None)
