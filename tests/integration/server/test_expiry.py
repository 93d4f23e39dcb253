"""Certificates that have expired, and the server's own renewed, over real sockets."""

from __future__ import annotations

import asyncio
import datetime
import shutil
from pathlib import Path
from typing import Any

import pytest
from asyncua import Client
from asyncua.crypto.security_policies import SecurityPolicyBasic256Sha256
from asyncua.ua.uaerrors import UaStatusCodeError

from opcua_ai.core.config import User
from opcua_ai.server.advisory import AdvisoryServer
from opcua_ai.server.secured import APPLICATION_URI
from opcua_ai.server.security import certificate

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.fixture
def expired(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a pair that was valid until yesterday."""
    monkeypatch.setattr(certificate, "VALID_DAYS", -1)
    long_ago = datetime.timedelta(days=-3)

    def older(builder: Any, _when: Any) -> Any:
        return original(builder, datetime.datetime.now(datetime.UTC) + long_ago)

    original = certificate.x509.CertificateBuilder.not_valid_before
    monkeypatch.setattr(certificate.x509.CertificateBuilder, "not_valid_before", older)
    certificate.ensure(tmp_path / "old.der", tmp_path / "old.pem", "urn:test:client", "")
    monkeypatch.undo()
    return tmp_path


async def test_an_expired_client_certificate_is_refused(
    locked: AdvisoryServer, expired: Path, pki: Path
) -> None:
    shutil.copy(expired / "old.der", pki / "store" / "trusted" / "old.der")
    client = Client(locked.endpoint, timeout=3)
    client.application_uri = "urn:test:client"
    files = expired / "old.der", expired / "old.pem"
    await client.set_security(SecurityPolicyBasic256Sha256, *files)
    with pytest.raises((UaStatusCodeError, ConnectionError, TimeoutError)):
        await client.connect()
    made: Any = locked._server
    record = made.services.gatekeeper.settings.audit_file
    await asyncio.sleep(0.1)
    assert "BadCertificateTimeInvalid" in record.read_text()
    (pki / "store" / "trusted" / "old.der").unlink()


async def test_the_server_runs_on_with_an_expired_certificate_and_says_so(
    settings: Any, running: Any, expired: Path, look: Any
) -> None:
    own = {"certificate": expired / "old.der", "private_key": expired / "old.pem"}
    made = settings(allow_none=True, allow_anonymous=True, **own)
    async with running(made) as server, Client(server.endpoint, timeout=5) as client:
        warning = await (await look(client)).value("AIAdvisory/SecurityWarning")
        assert "old.der expired on" in warning
        assert "opcua-ai certs renew" in warning


async def offered(server: AdvisoryServer) -> bytes:
    endpoints = await Client(server.endpoint, timeout=5).connect_and_get_server_endpoints()
    (found,) = {endpoint.ServerCertificate for endpoint in endpoints}
    return found


async def test_a_renewed_certificate_is_used_from_the_next_start_on(
    settings: Any, running: Any, expired: Path, encrypted: Any, look: Any, pki: Path
) -> None:
    """``opcua-ai certs renew`` beside a server that runs."""
    files = old, _ = expired / "old.der", expired / "old.pem"
    known = {"op": User(password_file=pki / "secret")}
    made = settings(users=known, certificate=files[0], private_key=files[1])
    before = old.read_bytes()
    async with running(made) as server:
        await asyncio.to_thread(certificate.renew, *files, APPLICATION_URI, "127.0.0.1")
        assert await offered(server) == before != old.read_bytes()
    async with running(made) as server:
        assert await offered(server) == old.read_bytes()
        async with await encrypted(server, "op", "right") as client:
            assert await (await look(client)).value("AIAdvisory/SecurityWarning") == ""
