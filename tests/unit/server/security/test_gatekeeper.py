"""Logins, open doors, and an auditor whose disk is full."""

from __future__ import annotations

import asyncio
import errno
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from asyncua import ua
from asyncua.ua.uaerrors import BadIdentityTokenRejected, BadUserAccessDenied

from opcua_ai.core.config import Server
from opcua_ai.server.occurrence import Occurrence
from opcua_ai.server.security import passwords, users
from opcua_ai.server.security.audit_file import verify
from opcua_ai.server.security.gatekeeper import Gatekeeper, warning
from opcua_ai.server.security.roles import Role
from opcua_ai.server.security.tokens import Challenge

CHALLENGE = Challenge(bytes(32), b"", None, encrypted=True)  # type: ignore[arg-type]
HOST = "192.0.2.1"
LOGIN = ua.ObjectIds.AuditActivateSessionEventType


@pytest.fixture
def settings(tmp_path: Path) -> Any:
    def make(**options: Any) -> Server:
        files = {"users_file": tmp_path / "users.json", "audit_file": tmp_path / "audit.jsonl"}
        return Server(pki=tmp_path / "pki", **files, **options)

    return make


@pytest.fixture
async def gate(settings: Any) -> AsyncIterator[Gatekeeper]:
    made = settings()
    account = users.Account(role="Operator", password=passwords.hashed("right"))
    users.write(made.users_file, {"op": account})
    gate = Gatekeeper(made)
    yield gate
    await gate.auditor.stop()


async def login(gate: Gatekeeper, name: str, password: str, host: str = HOST) -> Any:
    token = ua.UserNameIdentityToken("", name, password.encode(), "")
    return await gate.login(token, ua.SignatureData(), CHALLENGE, host)


async def fail(gate: Gatekeeper, name: str, host: str = HOST) -> float:
    start = time.perf_counter()
    with pytest.raises(BadUserAccessDenied):
        await login(gate, name, "wrong", host)
    return time.perf_counter() - start


async def test_the_role_comes_with_the_login(gate: Gatekeeper) -> None:
    member = await login(gate, "op", "right")
    assert (member.name, member.rank) == ("op", Role.Operator)


async def test_locked_for_this_address_only_and_at_the_same_pace(gate: Gatekeeper) -> None:
    open_ = min([await fail(gate, "op") for _ in range(5)])
    locked = min([await fail(gate, "op") for _ in range(5)])
    assert 0.5 < open_ / locked < 2
    with pytest.raises(BadUserAccessDenied):
        await login(gate, "op", "right")
    assert (await login(gate, "op", "right", "192.0.2.2")).name == "op"


async def test_an_address_that_tries_many_names_is_locked(gate: Gatekeeper) -> None:
    for number in range(25):
        await fail(gate, f"guess{number}")
    with pytest.raises(BadUserAccessDenied):
        await login(gate, "op", "right")


async def test_anonymous_only_when_allowed(gate: Gatekeeper, settings: Any, tmp_path: Path) -> None:
    with pytest.raises(BadIdentityTokenRejected):
        await gate.login(None, ua.SignatureData(), CHALLENGE, HOST)
    opened = Gatekeeper(settings(allow_anonymous=True, anonymous_role="Operator"))
    member = await opened.login(None, ua.SignatureData(), CHALLENGE, HOST)
    assert (member.name, member.rank) == (None, Role.Operator)
    with pytest.raises(BadUserAccessDenied):  # a wrong password is not anonymous
        await login(opened, "op", "wrong")
    await opened.auditor.stop()


def test_the_warning_names_the_open_doors(settings: Any) -> None:
    assert warning(settings()) == ""
    text = warning(settings(allow_none=True, allow_anonymous=True, trust_all_clients=True))
    for door in ("policy None", "anonymous clients as Observer", "every client certificate"):
        assert door in text


async def test_a_full_disk_does_not_stop_the_server(
    gate: Gatekeeper, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[Occurrence] = []

    async def emit(event: Occurrence) -> None:
        sent.append(event)

    def full(_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    auditor, path = gate.auditor, gate.settings.audit_file
    with monkeypatch.context() as patch:
        patch.setattr(auditor._file, "append", full)
        auditor.start(emit)
        auditor.record(LOGIN, "not written", user="op")
        while len(sent) < 2:
            await asyncio.sleep(0.01)
        assert "No space left on device; 2 records are lost" in caplog.text
    auditor.record(LOGIN, "written", user="op")
    while len(sent) < 3:
        await asyncio.sleep(0.01)
    await auditor.stop()
    records = [json.loads(line) for line in path.read_text().splitlines()]
    assert [r["text"] for r in records] == ["written", "the server stops"]
    assert records[0]["lost"] == 2
    assert verify(path).records == 2
