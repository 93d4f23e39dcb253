"""Clients that send the issuers of their certificate along (Part 6, 6.2.6), over real sockets."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from asyncua import Client, ua
from asyncua.crypto import uacrypto
from asyncua.crypto.security_policies import SecurityPolicyBasic256Sha256
from asyncua.ua.uaerrors import UaStatusCodeError
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from opcua_ai.core.config import User
from opcua_ai.server.advisory import AdvisoryServer
from opcua_ai.server.security.trust import TrustList
from tests.integration.server.asked import answer
from tests.unit.server.security.authorities import Holder

pytestmark = pytest.mark.asyncio(loop_scope="session")

URI = "urn:test:client"
ROOT = Holder("plant root")
MIDDLE = Holder("plant workshop", ROOT)


@pytest.fixture(scope="module")
def trust(tmp_path_factory: pytest.TempPathFactory, pki: Path) -> TrustList:
    trust = TrustList(tmp_path_factory.mktemp("pki"))
    trust.add(ROOT.certificate, "ca")
    shutil.copytree(pki / "store" / "trusted", trust.folder / "trusted")
    return trust


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def server(
    settings: Any, running: Any, pki: Path, trust: TrustList
) -> AsyncIterator[AdvisoryServer]:
    """The user observer; password: right."""
    known = {"observer": User(password_file=pki / "secret")}
    async with running(settings(users=known, pki=trust.folder)) as server:
        yield server


class SentAlong(SecurityPolicyBasic256Sha256):
    """Sends the issuers with the client's own certificate, as Part 6, 6.2.6 allows."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.host_certificate_chain = [MIDDLE.certificate.public_bytes(Encoding.DER)]


@pytest.fixture
def issued(tmp_path: Path) -> tuple[Path, Path]:
    """A client's certificate of an authority that the server does not know, and its key."""
    names = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(URI)])
    uses = ("digital_signature", "key_encipherment", "data_encipherment", "content_commitment")
    holder = Holder("hmi", MIDDLE, ca=False, uses=uses, more=names)
    files = tmp_path / "hmi.der", tmp_path / "hmi.pem"
    files[0].write_bytes(holder.certificate.public_bytes(Encoding.DER))
    files[1].write_bytes(
        holder.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    return files


async def enter(server: AdvisoryServer, policy: Any, files: tuple[Path, Path]) -> int:
    client = Client(server.endpoint, timeout=5)
    client.application_uri = URI
    await client.set_security(policy, *files)
    client.set_user("observer")
    client.set_password("right")
    async with client:
        return await client.nodes.server_state.read_value()


async def test_a_client_sends_its_chain(
    server: AdvisoryServer, issued: tuple[Path, Path], trust: TrustList
) -> None:
    """In the channel, and by node-opcua and others also in CreateSession."""
    with pytest.raises((UaStatusCodeError, ConnectionError, TimeoutError)):
        await enter(server, SecurityPolicyBasic256Sha256, issued)
    assert await enter(server, SentAlong, issued) == 0
    crl = trust.folder / "ca" / "root.crl"
    crl.write_bytes(ROOT.revocation_list(MIDDLE.certificate))
    try:
        with pytest.raises((UaStatusCodeError, ConnectionError, TimeoutError)):
            await enter(server, SentAlong, issued)
    finally:
        crl.unlink()


async def created(client: Client, certificate: bytes) -> ua.CreateSessionResult:
    request = ua.CreateSessionRequest()
    request.Parameters.ClientDescription.ApplicationUri = URI
    request.Parameters.ClientNonce = bytes(32)
    request.Parameters.ClientCertificate = certificate
    request.Parameters.RequestedSessionTimeout = 10_000
    made = await answer(client.uaclient.session, request, ua.CreateSessionResponse)
    return made.Parameters


async def test_create_session_takes_the_chain_of_the_channel_only(
    server: AdvisoryServer, encrypted: Any, pki: Path
) -> None:
    own, others = (pki / f"{name}.der" for name in ("client", "server"))
    client = await encrypted(server)
    await client.connect_socket()
    try:
        await client.send_hello()
        await client.open_secure_channel()
        for wrong in (
            others.read_bytes(),
            b"",
            b"nonsense",
            others.read_bytes() + own.read_bytes(),
        ):
            with pytest.raises(UaStatusCodeError, match="BadSecurityChecksFailed"):
                await created(client, wrong)
        chain = own.read_bytes() + ROOT.certificate.public_bytes(Encoding.DER)
        result = await created(client, chain)
        # Part 4, 5.7.2: signed is the client's own certificate, not what it has sent along
        uacrypto.verify_sha256(
            uacrypto.x509_from_der(result.ServerCertificate),
            own.read_bytes() + bytes(32),
            result.ServerSignature.Signature,
        )
    finally:
        client.disconnect_socket()
