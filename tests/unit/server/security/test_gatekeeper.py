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
from asyncua.crypto.uacrypto import sign_sha256
from asyncua.ua.uaerrors import BadIdentityTokenRejected, BadUserAccessDenied
from cryptography import x509

from opcua_ai.core.config import Server
from opcua_ai.server.occurrence import Occurrence
from opcua_ai.server.security import passwords, users
from opcua_ai.server.security.audit_file import verify
from opcua_ai.server.security.gatekeeper import Gatekeeper, warning
from opcua_ai.server.security.roles import Role
from opcua_ai.server.security.tokens import Challenge
from opcua_ai.server.security.trust import TrustList, thumbprint
from tests.unit.server.security.authorities import FUTURE, PAST, Holder, der, key_of

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


@pytest.fixture
async def pinned(settings: Any) -> AsyncIterator[Any]:
    """Logs the holder of a certificate in, who is a user here."""
    made = settings()
    gates: list[Gatekeeper] = []

    async def run(certificate: x509.Certificate, *sent: x509.Certificate) -> Any:
        account = users.Account(role="Operator", certificate=thumbprint(certificate))
        users.write(made.users_file, {"station": account})
        gates.append(gate := Gatekeeper(made))
        key: Any = key_of("client", True)
        challenge = Challenge(bytes(32), b"server", key, encrypted=True)
        proof = ua.SignatureData(_RSA_SHA256, sign_sha256(key, b"server" + bytes(32)))
        token = ua.X509IdentityToken("", der(certificate, *sent))
        return await gate.login(token, proof, challenge, HOST)

    yield run
    for gate in gates:
        await gate.auditor.stop()


_RSA_SHA256 = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
AUTHORITY = Holder("authority")


async def test_a_user_with_a_certificate_and_its_issuers(pinned: Any) -> None:
    certificate = AUTHORITY.issue()
    assert (await pinned(certificate)).name == "station"
    assert (await pinned(certificate, AUTHORITY.certificate)).name == "station"


@pytest.mark.parametrize(
    ("certificate", "why"),
    [
        (AUTHORITY.issue(valid=PAST), "BadCertificateTimeInvalid"),
        (AUTHORITY.issue(valid=FUTURE), "BadCertificateTimeInvalid"),
        (AUTHORITY.issue(), "BadCertificateRevoked"),
    ],
    ids=["expired", "not valid yet", "revoked"],
)
async def test_a_user_whose_certificate_is_no_longer_good(
    pinned: Any, settings: Any, certificate: x509.Certificate, why: str
) -> None:
    made = settings()
    TrustList(made.pki).add(AUTHORITY.certificate, "issuers")
    revoked = [certificate] if why == "BadCertificateRevoked" else []
    made.pki.joinpath("issuers", "a.crl").write_bytes(AUTHORITY.revocation_list(*revoked))
    assert (await pinned(AUTHORITY.issue())).name == "station", "another one is good"
    with pytest.raises(BadIdentityTokenRejected):
        await pinned(certificate)


async def test_the_audit_file_says_why_a_certificate_was_refused(
    gate: Gatekeeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[tuple[str, bool, str]] = []

    def record(event: int, text: str, *, good: bool, user: str, client: str) -> None:
        said.append((text, good, user))

    monkeypatch.setattr(gate.auditor, "record", record)
    key: Any = key_of("client", True)
    certificate = AUTHORITY.issue(valid=PAST)
    proof = ua.SignatureData(_RSA_SHA256, sign_sha256(key, bytes(32)))
    token = ua.X509IdentityToken("", der(certificate))
    with pytest.raises(BadIdentityTokenRejected):
        await gate.login(token, proof, CHALLENGE, HOST)
    ((text, good, user),) = said
    assert text.startswith("login refused: BadCertificateTimeInvalid: CN=client")
    assert (good, user) == (False, f"certificate {thumbprint(certificate)}")


async def test_a_network_of_ipv6_counts_as_one_address(gate: Gatekeeper) -> None:
    for number in range(5):
        await fail(gate, "op", f"2001:db8::{number}")
    with pytest.raises(BadUserAccessDenied):
        await login(gate, "op", "right", "2001:db8::ffff")
    assert (await login(gate, "op", "right", "2001:db8:1::1")).name == "op"


@pytest.mark.parametrize("name", ["OP", "op ", " op", "op\0", "\uff4f\uff50", "o\u00adp"])
async def test_another_spelling_is_another_name(gate: Gatekeeper, name: str) -> None:
    """No spelling of a name gets around its lock, for none but its own logs in."""
    with pytest.raises(BadUserAccessDenied):
        await login(gate, name, "right")


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
