"""How much of what a client sends is held."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from asyncua.common.connection import TransportLimits
from asyncua.server.binary_server_asyncio import BinaryServer
from asyncua.server.internal_server import InternalServer as PlainInternalServer

from opcua_ai.core.config import Server as Settings
from opcua_ai.server.asyncua_mends.services import InternalServer
from opcua_ai.server.asyncua_mends.transport import BoundedServer
from opcua_ai.server.security.gatekeeper import Gatekeeper
from tests.fuzz.wire import Transport

BURST = (b"HELF" + (9).to_bytes(4, "little") + b"x") * 20_000


async def held(server: BinaryServer) -> int:
    """Bytes that the server keeps of a burst that arrives at once."""
    protocol: Any = server._make_protocol()
    transport = Transport()
    protocol.connection_made(transport)
    protocol.data_received(BURST)
    waiting = list(protocol.messages._queue)
    kept = sum(len(chunk._data) for _, chunk in waiting)
    kept += len(protocol._buffer) + len(getattr(protocol, "_received", b""))
    protocol.connection_lost(None)
    await server._close_tasks()
    return kept


@pytest.fixture
async def mended(tmp_path: Path) -> Any:
    files = {"users_file": tmp_path / "users.json", "audit_file": tmp_path / "audit.jsonl"}
    services = InternalServer(Gatekeeper(Settings(pki=tmp_path / "pki", **files)))
    yield BoundedServer(services, "", 0, TransportLimits())
    services.method_service.stop()
    await services.gatekeeper.auditor.stop()


async def test_a_burst_is_kept_once(mended: BoundedServer) -> None:
    assert await held(mended) <= len(BURST)


async def test_plain_asyncua_keeps_it_hundreds_of_times() -> None:
    services = PlainInternalServer()
    assert await held(BinaryServer(services, "", 0, TransportLimits())) > 100 * len(BURST)
    services.method_service.stop()
