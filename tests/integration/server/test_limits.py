"""How much a client can take, and what it is told when that is all."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest
from asyncua import Client, ua
from asyncua.common.connection import SecureConnection
from asyncua.crypto.security_policies import SecurityPolicyNone
from asyncua.ua import ua_binary
from asyncua.ua.uaerrors import UaStatusCodeError

pytestmark = pytest.mark.asyncio(loop_scope="session")

MIB = 2**20
CODES = ua.StatusCodes


class Bare:
    """The server in a process of its own."""

    def __init__(self, process: asyncio.subprocess.Process, endpoint: str) -> None:
        self.endpoint = endpoint
        self.process = process
        self._usage = psutil.Process(process.pid)

    @property
    def memory(self) -> int:
        return self._usage.memory_info().rss

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        url = urlsplit(self.endpoint)
        return await asyncio.open_connection(url.hostname, url.port)


@contextlib.asynccontextmanager
async def bare(folder: Path, most: int = 100) -> AsyncIterator[Bare]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "tests.integration.server.bare_server", str(folder), str(most)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert process.stdout is not None
    assert process.stdin is not None
    try:
        yield Bare(process, (await process.stdout.readline()).decode().strip())
    finally:
        process.stdin.close()
        assert await process.wait() == 0


async def error(reader: asyncio.StreamReader) -> int:
    """The status of the Error message with which the server ends the connection."""
    header = await asyncio.wait_for(reader.readexactly(8), 5)
    assert header[:3] == b"ERR"
    return int.from_bytes((await reader.readexactly(4)), "little")


def hello() -> bytes:
    message = ua.Hello(0, 65535, 65535, 0, 0, "opc.tcp://127.0.0.1/opcua-ai")
    return ua_binary.uatcp_to_binary(ua.MessageType.Hello, message)


async def opened_channel(server: Bare) -> tuple[Any, Any, bytes]:
    """A connection whose channel of policy None is open, and the channel's id."""
    reader, writer = await server.connect()
    writer.write(hello())
    await reader.readexactly(28)
    connection = SecureConnection(SecurityPolicyNone(), ua_limits())
    request = ua.OpenSecureChannelRequest()
    request.Parameters.SecurityMode = ua.MessageSecurityMode.None_
    request.Parameters.RequestedLifetime = 60_000
    content = ua_binary.struct_to_binary(request)
    writer.write(connection.message_to_binary(content, ua.MessageType.SecureOpen, 1))
    answer = await reader.read(65536)
    assert answer[:3] == b"OPN"
    return reader, writer, answer[8:12]


def ua_limits() -> Any:
    from asyncua.common.connection import TransportLimits

    return TransportLimits()


def part(channel: bytes, number: int, size: int) -> bytes:
    """A chunk of a message that goes on."""
    head = (13).to_bytes(4, "little") + number.to_bytes(4, "little") + (2).to_bytes(4, "little")
    content = head + bytes(size - 24)
    return b"MSGC" + size.to_bytes(4, "little") + channel + content


async def test_a_thousand_half_open_connections(tmp_path: Path) -> None:
    async with bare(tmp_path) as server:
        before = server.memory
        held = []
        for number in range(1000):
            reader, writer = await server.connect()
            if number % 2:
                writer.write(hello()[:20])  # never finished
            held.append(writer)
        # what was held longest has given way, so a client with a user gets in
        async with Client(server.endpoint, timeout=10) as client:
            assert await client.nodes.server_state.read_value() == 0
        grown = server.memory - before
        assert grown < 50 * MIB, f"{grown / MIB:.0f} MiB"
        for writer in held:
            writer.close()


async def test_endless_messages_of_many_clients(tmp_path: Path) -> None:
    """Each of 100 clients sends the parts of one message without end, before any login."""
    async with bare(tmp_path) as server:
        before = server.memory

        async def flood() -> int:
            reader, writer, channel = await opened_channel(server)
            with contextlib.suppress(ConnectionError):
                for number in range(2, 200):
                    writer.write(part(channel, number, 65000))
                    await writer.drain()
            status = await error(reader)
            writer.close()
            return status

        statuses = await asyncio.gather(*(flood() for _ in range(100)), return_exceptions=True)
        # the rest of the flood may reset the connection before its reason is read
        assert {s for s in statuses if isinstance(s, int)} <= {CODES.BadTcpMessageTooLarge}
        grown = server.memory - before
        assert grown < 100 * MIB, f"{grown / MIB:.0f} MiB"
        async with Client(server.endpoint, timeout=10) as client:
            assert await client.nodes.server_state.read_value() == 0


async def test_many_small_messages_at_once(tmp_path: Path) -> None:
    """Plain asyncua keeps each of them with a copy of all that came after it."""
    async with bare(tmp_path) as server:
        before = server.memory
        burst = (b"HELF" + (9).to_bytes(4, "little") + b"x") * 30_000
        writers = []
        for _ in range(50):
            _, writer = await server.connect()
            writer.write(burst)
            writers.append(writer)
        await asyncio.sleep(0.5)
        grown = server.memory - before
        assert grown < 100 * MIB, f"{grown / MIB:.0f} MiB"
        for writer in writers:
            writer.close()


async def test_a_client_that_reads_nothing(tmp_path: Path) -> None:
    """Its answers do not pile up: the server stops to read its requests."""
    async with bare(tmp_path) as server:
        _, writer, channel = await opened_channel(server)
        connection = SecureConnection(SecurityPolicyNone(), ua_limits())
        connection.security_token.ChannelId = int.from_bytes(channel, "little")  # type: ignore[assignment]
        connection.security_token.TokenId = 13  # type: ignore[assignment]
        connection._sequence_number = 1
        content = ua_binary.struct_to_binary(ua.GetEndpointsRequest())
        before = server.memory
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(3):
                for number in range(50_000):
                    message = ua.MessageType.SecureMessage
                    writer.write(connection.message_to_binary(content, message, number + 2))
                    await writer.drain()
        grown = server.memory - before
        assert grown < 20 * MIB, f"{grown / MIB:.0f} MiB"
        writer.close()


async def test_a_chunk_that_is_too_long(tmp_path: Path) -> None:
    async with bare(tmp_path) as server:
        reader, writer = await server.connect()
        writer.write(b"HELF" + (2**31 - 1).to_bytes(4, "little"))
        assert await error(reader) == CODES.BadTcpMessageTooLarge
        writer.close()
        reader, writer = await server.connect()
        writer.write(b"GET / HTTP/1.1\r\n\r\n")
        assert await error(reader) == CODES.BadTcpMessageTypeInvalid
        writer.close()


async def test_connections_of_users_do_not_give_way(tmp_path: Path) -> None:
    async with bare(tmp_path, most=1) as server, Client(server.endpoint, timeout=10) as client:
        reader, writer = await server.connect()
        assert await error(reader) == CODES.BadMaxConnectionsReached
        writer.close()
        assert await client.nodes.server_state.read_value() == 0


async def test_sessions_are_limited(settings: Any, running: Any) -> None:
    made = settings(allow_none=True, allow_anonymous=True, max_sessions=1)
    async with running(made) as server:
        async with Client(server.endpoint, timeout=5):
            with pytest.raises(UaStatusCodeError, match="BadTooManySessions"):
                await Client(server.endpoint, timeout=5).connect()
        async with Client(server.endpoint, timeout=5):
            pass


async def test_subscriptions_and_items_are_limited(settings: Any, running: Any) -> None:
    limits = {"max_subscriptions": 1, "max_monitored_items": 3}
    made = settings(allow_none=True, allow_anonymous=True, **limits)
    async with running(made) as server, Client(server.endpoint, timeout=5) as client:
        subscription = await client.create_subscription(100, Ignoring())
        with pytest.raises(UaStatusCodeError, match="BadTooManySubscriptions"):
            await client.create_subscription(100, Ignoring())
        nodes = [client.nodes.server_state] * 4
        results = await subscription.subscribe_data_change(nodes)
        refused = [code.name for code in results if isinstance(code, ua.StatusCode)]
        assert refused == ["BadTooManyMonitoredItems"]


class Ignoring:
    def datachange_notification(self, *_: object) -> None:
        """Nothing of it matters here."""
