"""Start and stop of the advisory server."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import time
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest
from asyncua import Client

from opcua_ai.core.errors import AddressInUseError, ConfigError
from opcua_ai.server.advisory import AdvisoryServer

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_port_in_use_is_one_line(settings: Any, caplog: pytest.LogCaptureFixture) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        server = AdvisoryServer(settings(endpoint=f"opc.tcp://127.0.0.1:{port}/opcua-ai"))
        with caplog.at_level(logging.ERROR), pytest.raises(AddressInUseError) as caught:
            await server.start([], [])
    assert str(port) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not caplog.records


async def test_an_address_of_another_machine(settings: Any) -> None:
    server = AdvisoryServer(settings(endpoint="opc.tcp://192.0.2.1:4841/opcua-ai"))
    with pytest.raises(ConfigError, match="192.0.2.1"):
        await server.start([], [])


async def test_stop_leaves_nothing_and_a_second_start_works(
    settings: Any, model: Any, look: Any
) -> None:
    before, process = asyncio.all_tasks(), psutil.Process(os.getpid())
    sockets = len(process.net_connections())
    server = AdvisoryServer(settings(allow_none=True, allow_anonymous=True))
    await server.stop()
    for _ in range(2):
        await server.start([model()], ["plant"])
        # One client with subscriptions that never says goodbye, one that never says anything.
        client = Client(server.endpoint, timeout=2)
        await client.connect()
        hmi = await look(client)
        subscription = await hmi.events().subscribe()
        _, mute = await asyncio.open_connection("127.0.0.1", urlsplit(server.endpoint).port)
        started = time.monotonic()
        await server.stop()
        await server.stop()
        assert time.monotonic() - started < 2
        mute.close()
        with contextlib.suppress(Exception):
            await subscription.delete()
        with contextlib.suppress(Exception):
            await client.disconnect()
        client.disconnect_socket()
    await asyncio.sleep(0.1)
    left = [task for task in asyncio.all_tasks() - before if not task.done()]
    assert not left
    assert len(process.net_connections()) == sockets


async def test_publishing_while_stopped_is_an_error(settings: Any) -> None:
    with pytest.raises(RuntimeError, match="not running"):
        await AdvisoryServer(settings()).beat()


async def test_open_doors_are_logged_once(
    settings: Any, running: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "opcua_ai"):
        async with running(settings(allow_none=True, allow_anonymous=True)):
            pass
    assert [record.getMessage() for record in caplog.records] == [
        "This server accepts unencrypted connections (security policy None) and anonymous clients "
        "as Observer."
    ]
