"""Tokens of sessions, and who is Admin."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from asyncua.server.internal_server import InternalServer as PlainInternalServer

from opcua_ai.core.config import Server as Settings
from opcua_ai.server.asyncua_mends.services import InternalServer
from opcua_ai.server.security.gatekeeper import Gatekeeper
from opcua_ai.server.security.users import Credentials


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[InternalServer]:
    files = {"users_file": tmp_path / "users.json", "audit_file": tmp_path / "audit.jsonl"}
    server = InternalServer(Gatekeeper(Settings(pki=tmp_path / "pki", **files)))
    yield server
    server.method_service.stop()
    await server.gatekeeper.auditor.stop()


@pytest.fixture
async def plain() -> AsyncIterator[PlainInternalServer]:
    server = PlainInternalServer()
    yield server
    server.method_service.stop()


async def test_session_tokens_cannot_be_guessed(
    server: InternalServer, plain: PlainInternalServer
) -> None:
    first, second = (server.create_session("s", external=True) for _ in range(2))
    assert isinstance(first.auth_token.Identifier, bytes)
    assert len(first.auth_token.Identifier) == 32
    assert first.auth_token != second.auth_token
    assert server.lookup_external_session(first.auth_token) is first

    tokens = [plain.create_session("s", external=True).auth_token.Identifier for _ in range(2)]
    assert tokens[1] == tokens[0] + 1


async def test_nobody_is_admin_over_the_network(
    server: InternalServer, plain: PlainInternalServer
) -> None:
    shown = Credentials(name="admin", password="anything")
    assert server.gatekeeper.users.find(shown) is None
    assert plain.user_manager.get_user(plain, "admin", "anything") is not None
