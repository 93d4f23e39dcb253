"""Sessions, roles and audit, over real sockets."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from asyncua import Client, ua
from asyncua.crypto.security_policies import SecurityPolicyBasic256Sha256
from asyncua.crypto.uacrypto import der_from_x509
from asyncua.ua.uaerrors import UaStatusCodeError

from opcua_ai.core.config import User
from opcua_ai.server.advisory import AdvisoryServer
from opcua_ai.server.security import certificate
from opcua_ai.server.security.audit_file import verify
from opcua_ai.server.security.roles import Role

pytestmark = pytest.mark.asyncio(loop_scope="session")

Login = Callable[..., Awaitable[Client]]
CONDITION = "AIAdvisory/Applications/FaultPrediction/line1/PredictedFault"


async def call(client: Client, method: int, *arguments: ua.Variant) -> str:
    index = await client.get_namespace_index("urn:opcua-ai:advisory")
    request = ua.CallMethodRequest(
        ua.NodeId(CONDITION, index), ua.NodeId(method), InputArguments=list(arguments)
    )
    (result,) = await client.uaclient.session.call([request])
    return result.StatusCode.name


async def test_roles_differ_node_by_node(login: Login) -> None:
    identities = ua.NodeId(ua.ObjectIds.Server_ServerCapabilities_RoleSet)
    async with await login("observer") as client:
        node = client.get_node(identities)
        with pytest.raises(UaStatusCodeError, match="BadUserAccessDenied"):
            await node.read_browse_name()
        above = await client.nodes.server.get_child("0:ServerCapabilities")
        assert node not in await above.get_children()
        with pytest.raises(UaStatusCodeError, match="BadNoMatch"):
            await above.get_child("0:RoleSet")
    async with await login("configureadmin") as client:
        node = client.get_node(identities)
        assert (await node.read_browse_name()).Name == "RoleSet"
        above = await client.nodes.server.get_child("0:ServerCapabilities")
        assert node in await above.get_children()


async def test_permissions_can_be_read(login: Login) -> None:
    async with await login("operator") as client:
        node = client.nodes.server
        own = await node.read_attribute(ua.AttributeIds.UserRolePermissions)
        assert [p.RoleId for p in own.Value.Value] == [Role.Observer.node, Role.Operator.node]
        assert own.Value.Value[1].Permissions & ua.PermissionType.Call
        assert not own.Value.Value[0].Permissions & ua.PermissionType.Call
        with pytest.raises(UaStatusCodeError, match="BadUserAccessDenied"):
            await node.read_attribute(ua.AttributeIds.RolePermissions)
    async with await login("configureadmin") as client:
        everybodys = await client.nodes.server.read_attribute(ua.AttributeIds.RolePermissions)
        assert [p.RoleId for p in everybodys.Value.Value] == [role.node for role in Role]


async def test_one_denied_node_does_not_deny_the_others(login: Login) -> None:
    async with await login("observer") as client:
        nodes = [ua.ObjectIds.Server_ServerStatus_State, ua.ObjectIds.ServerConfiguration, 2256]
        params = ua.ReadParameters()
        params.NodesToRead = [
            ua.ReadValueId(ua.NodeId(node), ua.AttributeIds.BrowseName) for node in nodes
        ]
        results = await client.uaclient.session.read(params)
        names = [result.StatusCode.name for result in results]
        assert names == ["Good", "BadUserAccessDenied", "Good"]


async def activate_with(token: ua.NodeId, thief: Client) -> None:
    await thief.connect_socket()
    try:
        await thief.send_hello()
        await thief.open_secure_channel()
        thief.uaclient.session.restore_authentication_token(token)
        await thief.activate_session(username="operator", password="right")
    finally:
        thief.disconnect_socket()


async def test_a_stolen_token_is_refused_on_another_channel(
    opened: AdvisoryServer, hmi: Any, login: Login
) -> None:
    thief = Client(opened.endpoint, timeout=5)
    with pytest.raises(UaStatusCodeError, match="BadSessionIdInvalid"):
        await activate_with(hmi.client.uaclient.session.authentication_token, thief)
    # nor does a request reach a session without being activated on its channel
    async with Client(opened.endpoint, timeout=5) as other:
        stolen = hmi.client.uaclient.session.authentication_token
        other.uaclient.session.restore_authentication_token(stolen)
        with pytest.raises(UaStatusCodeError, match="BadSessionIdInvalid"):
            await other.nodes.server_state.read_value()
        other.uaclient.session.restore_authentication_token(ua.NodeId())
    assert await hmi.value("AIAdvisory/OperatingMode") == 2


async def test_plain_asyncua_gives_a_session_to_whom_knows_its_token(plain: str) -> None:
    victim, thief = Client(plain, timeout=5), Client(plain, timeout=5)
    async with victim:
        await activate_with(victim.uaclient.session.authentication_token, thief)


async def test_a_client_comes_back_to_its_session(manned: AdvisoryServer, login: Login) -> None:
    first = await login("operator")
    await first.connect()
    subscription = await first.create_subscription(100, Audits())
    token = first.uaclient.session.authentication_token
    first.disconnect_socket()
    await asyncio.sleep(0.1)
    second = await login("operator")
    await second.connect_socket()
    await second.send_hello()
    await second.open_secure_channel()
    second.uaclient.session.restore_authentication_token(token)
    made: Any = manned._server
    session = made.iserver.lookup_external_session(token)
    second._server_nonce = session.nonce
    certificates = made.iserver.certificate
    second.security_policy.peer_certificate = der_from_x509(certificates)
    await second.activate_session(username="operator", password="right")  # noqa: S106
    gone = await second.uaclient.session.delete_subscriptions([subscription.subscription_id])
    assert gone == [ua.StatusCode()]
    await second.close_session()
    second.disconnect_socket()
    await first.disconnect()  # its Publish loop would try for ever


async def test_another_client_certificate_does_not_get_the_session(
    manned: AdvisoryServer, login: Login, pki: Path, tmp_path: Path
) -> None:
    certificate.ensure(tmp_path / "t.der", tmp_path / "t.pem", "urn:test:client", "")
    shutil.copy(tmp_path / "t.der", pki / "store" / "trusted" / "thief.der")
    async with await login("operator") as victim:
        token = victim.uaclient.session.authentication_token
        thief = Client(manned.endpoint, timeout=5)
        thief.application_uri = "urn:test:client"
        files = tmp_path / "t.der", tmp_path / "t.pem"
        await thief.set_security(SecurityPolicyBasic256Sha256, *files)
        with pytest.raises(UaStatusCodeError):
            await activate_with(token, thief)
        assert await victim.nodes.server_state.read_value() == 0
    (pki / "store" / "trusted" / "thief.der").unlink()


async def test_a_user_is_locked_after_failures(
    settings: Any, running: Any, encrypted: Any, pki: Path
) -> None:
    known = {name: User(password_file=pki / "secret") for name in ("op", "other")}
    async with running(settings(users=known)) as server:
        for _ in range(5):
            with pytest.raises(UaStatusCodeError, match="BadUserAccessDenied"):
                await (await encrypted(server, "op", "wrong")).connect()
        with pytest.raises(UaStatusCodeError, match="BadUserAccessDenied"):
            await (await encrypted(server, "op", "right")).connect()
        async with await encrypted(server, "other", "right"):
            pass


class Audits:
    def __init__(self) -> None:
        self.seen: asyncio.Queue[Any] = asyncio.Queue()

    def event_notification(self, event: Any) -> None:
        self.seen.put_nowait(event)


async def watch_audits(client: Client, kind: int = ua.ObjectIds.AuditEventType) -> Audits:
    audits = Audits()
    subscription = await client.create_subscription(20, audits)
    await subscription.subscribe_events(client.nodes.server, kind)
    return audits


async def test_audit_events_reach_configure_admins_alone(login: Login) -> None:
    async with await login("configureadmin") as admin, await login("engineer") as engineer:
        seen = await watch_audits(admin)
        hidden = await watch_audits(engineer, ua.ObjectIds.BaseEventType)
        async with await login("operator") as operator:
            nothing = ua.Variant(b"unknown", ua.VariantType.ByteString)
            text = ua.Variant(ua.LocalizedText("seen"), ua.VariantType.LocalizedText)
            acknowledge = ua.ObjectIds.AcknowledgeableConditionType_Acknowledge
            assert await call(operator, acknowledge, nothing, text) == "BadEventIdUnknown"
        found = [await asyncio.wait_for(seen.seen.get(), 5) for _ in range(4)]
        names = [event.SourceName for event in found]
        assert names == [
            "Session/CreateSession", "Session/ActivateSession", "Attribute/Call",
            "Session/CloseSession",
        ]  # fmt: skip
        called = found[2]
        assert (called.ClientUserId, called.Status) == ("operator", False)
        assert "BadEventIdUnknown" in called.Message.Text
        assert hidden.seen.empty()


async def test_what_happened_stands_in_the_audit_file(
    settings: Any, running: Any, encrypted: Any, pki: Path
) -> None:
    made = settings(users={"op": User(password_file=pki / "secret")})
    async with running(made) as server:
        with pytest.raises(UaStatusCodeError):
            await (await encrypted(server, "op", "secret guess")).connect()
        async with await encrypted(server, "op", "right") as client:
            with pytest.raises(UaStatusCodeError):
                await client.nodes.server_state.write_value(1)
    content = made.audit_file.read_text()
    assert "guess" not in content
    records = [json.loads(line) for line in content.splitlines()]
    said = [(r["event"], r["good"], r["user"]) for r in records]
    assert said[0] == said[-1] == ("Server", True, "")
    for expected in (
        ("Session/ActivateSession", False, "op"),
        ("Session/ActivateSession", True, "op"),
        ("Attribute/Write", False, "op"),
        ("Session/CloseSession", True, "op"),
    ):
        assert expected in said
    assert verify(made.audit_file).records == len(records)
