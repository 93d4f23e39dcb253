"""Security policies, certificates, users and roles, tried by node-opcua."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from opcua_ai.core.config import User
from opcua_ai.server.advisory import AdvisoryServer
from opcua_ai.server.security import users
from opcua_ai.server.security.trust import TrustList, parse, thumbprint
from tests.integration import node_client
from tests.integration.node_client import needs_node
from tests.unit.server.security.authorities import Holder

pytestmark = [*needs_node, pytest.mark.asyncio(loop_scope="session")]

PEM = Encoding.PEM
DENIED = "BadUserAccessDenied"
Ask = Callable[..., Awaitable[dict[str, Any]]]


@pytest.fixture(scope="session")
def trust(tmp_path_factory: pytest.TempPathFactory) -> TrustList:
    return TrustList(tmp_path_factory.mktemp("node-trust"))


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def guarded(
    settings: Any, running: Any, pki: Path, trust: TrustList, tmp_path_factory: Any
) -> AsyncIterator[AdvisoryServer]:
    """A server with a user of each role: observer, operator, engineer; password: right. The user
    station7 logs in with the key of pki/client.der."""
    secret = pki / "secret"
    known = {role.lower(): User(password_file=secret, role=role) for role in _ROLES}
    file = tmp_path_factory.mktemp("users") / "users.json"
    certificate = thumbprint(parse((pki / "client.der").read_bytes()))
    users.write(file, {"station7": users.Account(role="Operator", certificate=certificate)})
    made = settings(users=known, pki=trust.folder, users_file=file)
    async with running(made) as server:
        yield server


_ROLES = ("Observer", "Operator", "Engineer")


@pytest.fixture(scope="session")
def ask(guarded: AdvisoryServer, tmp_path_factory: pytest.TempPathFactory) -> Ask:
    own = tmp_path_factory.getbasetemp() / "node-pki"

    async def run(*arguments: str, password: str = "right") -> dict[str, Any]:
        client = await node_client.start(
            own, guarded.endpoint, *arguments, password=password, script="security.js"
        )
        try:
            return await client._next()
        finally:
            await client.close()

    return run


@pytest_asyncio.fixture(loop_scope="session")
async def trusted(ask: Ask, trust: TrustList) -> None:
    """The client has been refused once, and then somebody trusted it."""
    if not list(trust.entries("trusted")):
        await ask("--user", "observer")
        for entry in list(trust.entries("rejected")):
            trust.move(thumbprint(entry.certificate), "trusted")


async def test_an_unknown_certificate_is_rejected_until_it_is_trusted(
    ask: Ask, trust: TrustList
) -> None:
    refused = await ask("--user", "observer")
    assert refused["kind"] == "error"
    (rejected,) = trust.entries("rejected")
    trust.move(thumbprint(rejected.certificate)[:10], "trusted")
    assert (await ask("--user", "observer"))["read"] == "Good"


@pytest.mark.parametrize("mode", ["Sign", "SignAndEncrypt"])
@pytest.mark.parametrize(
    "policy", ["Basic256Sha256", "Aes128_Sha256_RsaOaep", "Aes256_Sha256_RsaPss"]
)
@pytest.mark.usefixtures("trusted")
async def test_every_policy_and_mode(ask: Ask, policy: str, mode: str) -> None:
    answer = await ask("--policy", policy, "--mode", mode, "--user", "observer")
    assert answer.get("read") == "Good", answer


@pytest.mark.usefixtures("trusted")
async def test_no_security_is_not_offered(ask: Ask) -> None:
    answer = await ask("--policy", "None", "--mode", "None", "--user", "observer")
    assert answer["kind"] == "error"


@pytest.mark.parametrize(
    ("user", "password"), [("observer", "wrong"), ("admin", "right"), ("", "")]
)
@pytest.mark.usefixtures("trusted")
async def test_who_cannot_log_in(ask: Ask, user: str, password: str) -> None:
    answer = await ask(*(("--user", user) if user else ()), password=password)
    assert answer["kind"] == "error"
    assert DENIED in answer["message"] or "Identity" in answer["message"] or not user, answer


@pytest.mark.parametrize(
    ("user", "acknowledges", "disables"),
    [("observer", False, False), ("operator", True, False), ("engineer", True, True)],
)
@pytest.mark.usefixtures("trusted")
async def test_what_each_role_may_do(
    ask: Ask, user: str, acknowledges: bool, disables: bool
) -> None:
    answer = await ask("--user", user)
    assert answer["read"] == "Good"
    assert answer["write"] == DENIED
    assert answer["executable"] is acknowledges
    # who may acknowledge learns that the event is unknown
    assert answer["acknowledge"] == ("BadEventIdUnknown" if acknowledges else DENIED)
    assert answer["disable"] == ("Good" if disables else DENIED)


async def test_a_certificate_of_an_authority_with_its_chain(
    ask: Ask, trust: TrustList, tmp_path: Path
) -> None:
    """The root is known here, the authority between comes with the client (Part 6, 6.2.6)."""
    root = Holder("plant root")
    workshop = Holder("plant workshop", root)
    uri = "urn:test:issued"
    names = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(uri)])
    uses = ("digital_signature", "key_encipherment", "data_encipherment", "content_commitment")
    hmi = Holder("hmi", workshop, ca=False, uses=uses, more=names)
    chain, key = tmp_path / "chain.pem", tmp_path / "key.pem"
    chain.write_bytes(b"".join(h.certificate.public_bytes(PEM) for h in (hmi, workshop)))
    key.write_bytes(hmi.key.private_bytes(PEM, PrivateFormat.PKCS8, NoEncryption()))
    client = ("--user", "observer", "--own", str(chain), "--ownkey", str(key), "--uri", uri)
    assert (await ask(*client))["kind"] == "error"
    trust.add(root.certificate, "ca")
    answer = await ask(*client)
    assert answer.get("read") == "Good", answer


@pytest.mark.usefixtures("trusted")
async def test_a_certificate_logs_its_user_in(ask: Ask, pki: Path) -> None:
    key = ("--key", str(pki / "client.pem"))
    answer = await ask("--certificate", str(pki / "client.der"), *key)
    assert answer.get("acknowledge") in ("BadEventIdUnknown", "BadConditionDisabled"), answer
    stranger = await ask("--certificate", str(pki / "server.der"), "--key", str(pki / "server.pem"))
    assert stranger["kind"] == "error"
