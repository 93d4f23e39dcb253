"""What an attacker, or an auditor, tries with a client of his own, over real sockets."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from asyncua import Client, ua
from asyncua.crypto import uacrypto
from asyncua.ua.uaerrors import UaStatusCodeError

from opcua_ai.core.config import User
from opcua_ai.server.advisory import AdvisoryServer

pytestmark = pytest.mark.asyncio(loop_scope="session")

Ids = ua.ObjectIds


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def server(
    settings: Any, running: Any, one_of_each: dict[str, User]
) -> AsyncIterator[AdvisoryServer]:
    """Policy None is open, anonymous clients are not."""
    async with running(settings(users=one_of_each, allow_none=True)) as server:
        yield server


@pytest_asyncio.fixture(loop_scope="session")
async def observer(server: AdvisoryServer, encrypted: Any) -> AsyncIterator[Client]:
    async with await encrypted(server, "observer", "right") as client:
        yield client


# Passwords


async def activate(client: Client, token: Any) -> str:
    request = ua.ActivateSessionRequest()
    request.Parameters.UserIdentityToken = token
    request.Parameters.ClientSignature = ua.SignatureData()
    try:
        await client.uaclient.session._send_request(request)
    except UaStatusCodeError as error:
        return type(error).__name__
    return "Good"


def secret(server: Any, nonce: bytes) -> ua.UserNameIdentityToken:
    password = b"right"
    plain = (len(password) + len(nonce)).to_bytes(4, "little") + password + nonce
    key = server.iserver.certificate.public_key()
    algorithm = "http://www.w3.org/2001/04/xmlenc#rsa-oaep"
    encrypted = uacrypto.encrypt_rsa_oaep(key, plain)
    return ua.UserNameIdentityToken("username", "observer", encrypted, algorithm)


async def test_passwords_on_an_open_channel(server: AdvisoryServer) -> None:
    made: Any = server._server
    client = Client(server.endpoint, timeout=5)
    await client.connect_socket()
    try:
        await client.send_hello()
        await client.open_secure_channel()
        nonce = (await client.create_session()).ServerNonce
        assert len(nonce) == 32
        clear = ua.UserNameIdentityToken("username", "observer", b"right", "")
        assert await activate(client, clear) == "BadIdentityTokenRejected", "in clear"
        for wrong in (b"", bytes(32), nonce[:-1]):
            assert await activate(client, secret(made, wrong)) == "BadIdentityTokenInvalid"
        overheard = secret(made, nonce)
        assert await activate(client, overheard) == "Good"
        assert await activate(client, overheard) == "BadIdentityTokenInvalid", "said again"
    finally:
        client.disconnect_socket()


async def test_answers_do_not_tell_users_from_strangers(
    server: AdvisoryServer, encrypted: Any
) -> None:
    for name in ("observer", "OBSERVER", "observer ", "nobody", "admin", "root"):
        with pytest.raises(UaStatusCodeError) as error:
            await (await encrypted(server, name, "wrong")).connect()
        assert type(error.value).__name__ == "BadUserAccessDenied"


# What a role may not see


HIDDEN = (
    Ids.ServerConfiguration,
    Ids.Server_ServerCapabilities_RoleSet,
    Ids.AuditEventType,
    Ids.Server_ServerDiagnostics_SessionsDiagnosticsSummary_SessionSecurityDiagnosticsArray,
)


@pytest.mark.parametrize("node", HIDDEN)
async def test_a_hidden_node_tells_nothing(observer: Client, node: int) -> None:
    session = observer.uaclient.session
    for attribute in (ua.AttributeIds.BrowseName, ua.AttributeIds.Value, ua.AttributeIds.NodeClass):
        params = ua.ReadParameters()
        params.NodesToRead = [ua.ReadValueId(ua.NodeId(node), attribute)]
        (read,) = await session.read(params)
        assert read.StatusCode.name == "BadUserAccessDenied"
    wanted = ua.BrowseParameters()
    wanted.NodesToBrowse = [
        ua.BrowseDescription(NodeId=ua.NodeId(n), BrowseDirection=ua.BrowseDirection.Both)
        for n in (node, Ids.Server)
    ]
    hidden, other = await session.browse(wanted)
    assert (hidden.StatusCode.name, list(hidden.References)) == ("BadUserAccessDenied", [])
    assert other.References
    up = ua.RelativePathElement(ua.NodeId(Ids.HierarchicalReferences), IsInverse=True)
    up.TargetName = ua.QualifiedName("Server")
    path = ua.BrowsePath(ua.NodeId(node), ua.RelativePath([up]))
    (translated,) = await session.translate_browsepaths_to_nodeids([path])
    assert (translated.StatusCode.name, list(translated.Targets)) == ("BadUserAccessDenied", [])
    with pytest.raises(UaStatusCodeError, match="BadUserAccessDenied"):
        params = ua.HistoryReadParameters(
            ua.ReadRawModifiedDetails(), NodesToRead=[ua.HistoryReadValueId(ua.NodeId(node))]
        )
        (history,) = await session.history_read(params)
        history.StatusCode.check()


FILES = (
    Ids.ServerConfiguration_CertificateGroups_DefaultApplicationGroup_TrustList,
    Ids.ServerConfiguration_CertificateGroups_DefaultUserTokenGroup_TrustList,
    Ids.FileSystem,
)


async def test_no_file_is_reached_through_the_address_space(
    server: AdvisoryServer, observer: Client, encrypted: Any
) -> None:
    """Neither users, nor trust list, nor audit file: the standard shows the nodes, but nothing
    stands behind them, not even for administrators."""
    reading = ua.Variant(1, ua.VariantType.Byte)
    opening = [
        ua.CallMethodRequest(ua.NodeId(node), ua.NodeId(method), [reading])
        for node in FILES
        for method in (Ids.FileType_Open, Ids.TrustListType_OpenWithMasks)
    ]
    denied = await observer.uaclient.session.call(opening)
    assert {result.StatusCode.name for result in denied} == {"BadUserAccessDenied"}
    async with await encrypted(server, "configureadmin", "right") as admin:
        results = await admin.uaclient.session.call(opening)
        assert {result.StatusCode.name for result in results} == {"BadNothingToDo"}


async def test_observers_neither_operate_nor_write(observer: Client) -> None:
    index = await observer.get_namespace_index("urn:opcua-ai:advisory")
    path = "AIAdvisory/Applications/FaultPrediction/line1/PredictedFault"
    condition = ua.NodeId(path, index)
    requests = [
        ua.CallMethodRequest(target, ua.NodeId(method))
        for method in (
            Ids.ConditionType_Disable,
            Ids.ShelvedStateMachineType_OneShotShelve,
            Ids.ShelvedStateMachineType_OneShotShelve2,
            Ids.AlarmConditionType_ShelvingState_OneShotShelve,
        )
        for target in (condition, ua.NodeId(f"{path}/ShelvingState", index), ua.NodeId(Ids.Server))
    ]
    results = await observer.uaclient.session.call(requests)
    assert {r.StatusCode.name for r in results} == {"BadUserAccessDenied"}
    value = ua.DataValue(ua.Variant(1.0))
    nodes = [condition, ua.NodeId(Ids.Server_ServiceLevel), ua.NodeId(Ids.Server_Auditing)]
    for node in nodes:
        for attribute in ua.AttributeIds:
            params = ua.WriteParameters([ua.WriteValue(node, attribute, Value=value)])
            (status,) = await observer.uaclient.session.write(params)
            assert status.name == "BadUserAccessDenied"


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        ((), "BadArgumentsMissing"),
        ((ua.Variant("x"),), "BadInvalidArgument"),
        ((ua.Variant([1], ua.VariantType.UInt32, is_array=True),), "BadInvalidArgument"),
        ((ua.Variant(1, ua.VariantType.UInt32),) * 2, "BadTooManyArguments"),
    ],
    ids=["none", "text", "list", "two"],
)
async def test_condition_refresh_checks_what_it_gets(
    observer: Client, caplog: pytest.LogCaptureFixture, arguments: Any, status: str
) -> None:
    """Everybody may call it; asyncua's answer is BadUnexpectedError, and a traceback in the log."""
    (result,) = await observer.uaclient.session.call(
        [
            ua.CallMethodRequest(
                ua.NodeId(Ids.ConditionType),
                ua.NodeId(Ids.ConditionType_ConditionRefresh),
                list(arguments),
            )
        ]
    )
    assert result.StatusCode.name == status
    assert "Traceback" not in caplog.text


async def test_a_session_that_changes_its_user_loses_the_rights_of_the_first(
    server: AdvisoryServer, encrypted: Any
) -> None:
    client = await encrypted(server, "configureadmin", "right")
    async with client:
        node = client.get_node(ua.NodeId(Ids.ServerConfiguration))
        assert (await node.read_browse_name()).Name == "ServerConfiguration"
        await client.activate_session(username="observer", password="right")  # noqa: S106
        with pytest.raises(UaStatusCodeError, match="BadUserAccessDenied"):
            await node.read_browse_name()
