"""The same questions to the advisory server and to plain asyncua: what the mends of the services
change on the wire. When plain asyncua answers as ours does, a mend can go."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import pytest_asyncio
from asyncua import Client, Server, ua
from asyncua.ua.uaerrors import UaError, UaStatusCodeError

from opcua_ai.core.ports import SourceStats
from opcua_ai.server.advisory import AdvisoryServer
from opcua_ai.server.asyncua_mends.diagnostics_arrays import SECURITY, SUBSCRIPTIONS
from opcua_ai.server.asyncua_mends.diagnostics_arrays import SESSIONS as SESSIONS_ARRAY

pytestmark = pytest.mark.asyncio(loop_scope="session")

OBJECTS = ua.ObjectIds.ObjectsFolder
ROOT = ua.NodeId(OBJECTS)
CODES = ua.StatusCodes
SESSIONS = ua.ObjectIds.Server_ServerDiagnostics_ServerDiagnosticsSummary_CumulatedSessionCount


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def plain() -> AsyncIterator[str]:
    """The endpoint of asyncua's own server."""
    server = Server()
    await server.init()
    server.set_endpoint("opc.tcp://127.0.0.1:0/plain")
    server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
    async with server:
        assert server.bserver is not None
        yield f"opc.tcp://127.0.0.1:{server.bserver.port}/plain"


@pytest.fixture
def endpoints(opened: AdvisoryServer, plain: str) -> dict[str, str]:
    return {"ours": opened.endpoint, "plain": plain}


@asynccontextmanager
async def connected(endpoint: str) -> AsyncIterator[Any]:
    async with Client(endpoint, timeout=10) as client:
        yield client.uaclient.session


async def outcome(session: Any, request: Any) -> int:
    """The status of a whole service call."""
    try:
        await session._send_request(request)
    except UaStatusCodeError as error:
        return error.code
    return CODES.Good


def read(nodes: int = 1, age: float = 0.0, stamps: Any = ua.TimestampsToReturn.Both) -> Any:
    item = ua.ReadValueId(NodeId=ROOT, AttributeId=ua.AttributeIds.BrowseName)
    return ua.ReadRequest(Parameters=ua.ReadParameters(age, stamps, [item] * nodes))


def browse(count: int = 1, most: int = 0) -> Any:
    wanted = ua.BrowseDescription(ROOT, ResultMask=63)
    return ua.BrowseRequest(Parameters=ua.BrowseParameters(
        RequestedMaxReferencesPerNode=most, NodesToBrowse=[wanted] * count
    ))  # fmt: skip


def browse_next() -> Any:
    return ua.BrowseNextRequest(Parameters=ua.BrowseNextParameters(False, [b"gone"]))


def call() -> Any:
    return ua.CallRequest(Parameters=ua.CallParameters([ua.CallMethodRequest()] * 101))


def register() -> Any:
    return ua.RegisterNodesRequest(Parameters=ua.RegisterNodesParameters([ROOT] * 10_001))


def translate() -> Any:
    return ua.TranslateBrowsePathsToNodeIdsRequest(
        Parameters=ua.TranslateBrowsePathsToNodeIdsParameters([])
    )


@pytest.mark.parametrize(
    ("request_", "ours", "plain_status"),
    [
        (read(age=-1.0), CODES.BadMaxAgeInvalid, CODES.Good),
        (read(stamps=ua.TimestampsToReturn.Invalid), CODES.BadTimestampsToReturnInvalid, 0),
        (read(nodes=10_001), CODES.BadTooManyOperations, CODES.Good),
        (read(nodes=0), CODES.BadNothingToDo, CODES.Good),
        (browse(count=1_001), CODES.BadTooManyOperations, CODES.Good),
        (browse(count=0), CODES.BadNothingToDo, CODES.Good),
        (browse_next(), CODES.Good, CODES.BadUserAccessDenied),
        (call(), CODES.BadTooManyOperations, CODES.Good),
        (register(), CODES.BadTooManyOperations, CODES.Good),
        (translate(), CODES.BadNothingToDo, CODES.Good),
    ],
    ids=[
        "age", "timestamps", "many reads", "no reads", "many browses", "no browses", "next",
        "many calls", "many registrations", "no paths",
    ],
)  # fmt: skip
async def test_a_whole_service(
    endpoints: dict[str, str], request_: Any, ours: int, plain_status: int
) -> None:
    async with connected(endpoints["ours"]) as session:
        assert await outcome(session, request_) == ours
    async with connected(endpoints["plain"]) as session:
        assert await outcome(session, request_) == plain_status


@asynccontextmanager
async def subscribed(endpoint: str) -> AsyncIterator[tuple[Any, int]]:
    async with Client(endpoint, timeout=10) as client:
        subscription = await client.create_subscription(50, _Deaf())
        yield client.uaclient.session, subscription.subscription_id
        try:
            await subscription.delete()
        except UaError:  # plain asyncua: another session may have taken it
            pass


class _Deaf:
    def datachange_notification(self, *_: object) -> None: ...
    def status_change_notification(self, *_: object) -> None: ...


async def test_triggering(endpoints: dict[str, str]) -> None:
    statuses = {}
    for name, endpoint in endpoints.items():
        async with subscribed(endpoint) as (session, number):
            params = ua.SetTriggeringParameters(number, 999, [1], [])
            request = ua.SetTriggeringRequest(Parameters=params)
            statuses[name] = await outcome(session, request)
    assert statuses == {
        "ours": CODES.BadMonitoredItemIdInvalid,
        "plain": CODES.BadUserAccessDenied,
    }


async def test_a_subscription_is_its_owners(endpoints: dict[str, str]) -> None:
    taken = {}
    for name, endpoint in endpoints.items():
        async with subscribed(endpoint) as (_, number), connected(endpoint) as thief:
            params = ua.TransferSubscriptionsParameters([number])
            (result,) = await thief.transfer_subscriptions(params)
            taken[name] = result.StatusCode.value
    assert taken == {"ours": CODES.BadUserAccessDenied, "plain": CODES.Good}


async def test_a_modified_subscription_is_modified(endpoints: dict[str, str]) -> None:
    intervals = {}
    for name, endpoint in endpoints.items():
        async with subscribed(endpoint) as (session, number):
            params = ua.ModifySubscriptionParameters(number, 200.0, 90, 30)
            request = ua.ModifySubscriptionRequest(Parameters=params)
            answer = await session._send_request(request)
            response = ua.ua_binary.struct_from_binary(ua.ModifySubscriptionResponse, answer)
            intervals[name] = response.Parameters.RevisedPublishingInterval
    assert intervals == {"ours": 200.0, "plain": 50.0}


async def test_the_server_counts_its_sessions(endpoints: dict[str, str]) -> None:
    counts = {}
    for name, endpoint in endpoints.items():
        async with Client(endpoint, timeout=10) as client:
            node = client.get_node(SESSIONS)
            before = await node.read_value() or 0
            async with connected(endpoint):
                pass
            for _ in range(30):
                counts[name] = (await node.read_value() or 0) - before
                if counts[name]:
                    break
                await asyncio.sleep(0.1)
    assert counts["ours"] >= 1
    assert counts["plain"] == 0


async def answer(session: Any, request: Any, kind: Any) -> Any:
    return ua.ua_binary.struct_from_binary(kind, await session._send_request(request))


async def unpublished(session: Any, interval: float = 20.0) -> int:
    """A subscription for which nobody publishes; it lives for three intervals."""
    wishes = ua.CreateSubscriptionParameters(interval, 3, 1)
    made = await answer(
        session,
        ua.CreateSubscriptionRequest(Parameters=wishes),
        ua.CreateSubscriptionResponse,
    )
    return made.Parameters.SubscriptionId


async def test_a_subscription_that_ends_says_so(endpoints: dict[str, str]) -> None:
    async with connected(endpoints["ours"]) as session:
        number = await unpublished(session)
        asked = ua.SetPublishingModeParameters(True, [number])
        # each question lets it live for another three intervals
        while (await session.set_publishing_mode(asked))[0].is_good():
            await asyncio.sleep(0.2)
        said = await answer(session, ua.PublishRequest(), ua.PublishResponse)
        assert said.Parameters.SubscriptionId == number
        (change,) = said.Parameters.NotificationMessage.NotificationData
        assert isinstance(change, ua.StatusChangeNotification)
        assert change.Status.value == CODES.BadTimeout
        assert await outcome(session, ua.PublishRequest()) == CODES.BadNoSubscription
    async with connected(endpoints["plain"]) as session:
        await unpublished(session)
        await asyncio.sleep(0.2)
        assert await outcome(session, ua.PublishRequest()) == CODES.BadNoSubscription


async def test_publish_requests_of_a_closed_session_are_answered(
    endpoints: dict[str, str],
) -> None:
    """Plain asyncua keeps all but the one that takes the first message of the subscription."""
    results: dict[str, Any] = {}
    for name, endpoint in endpoints.items():
        async with Client(endpoint, timeout=10) as client:
            session = client.uaclient.session
            await unpublished(session, interval=10_000.0)
            waiting = [
                asyncio.ensure_future(outcome(session, ua.PublishRequest())) for _ in range(2)
            ]
            await client.nodes.server_state.read_value()  # answered after the Publish came
            await session.close_session(True)
            done, late = await asyncio.wait(waiting, timeout=0.3)
            results[name] = [task.result() for task in done]
            for task in late:
                task.cancel()
            await asyncio.wait(waiting)
    assert results == {"ours": [CODES.BadSessionClosed] * 2, "plain": [CODES.Good]}


@pytest.mark.parametrize(
    "method", [ua.ObjectIds.Server_GetMonitoredItems, ua.ObjectIds.Server_ResendData]
)
async def test_methods_of_the_server(endpoints: dict[str, str], method: int) -> None:
    statuses: dict[str, list[int]] = {}
    for name, endpoint in endpoints.items():
        async with subscribed(endpoint) as (owner, number), connected(endpoint) as stranger:

            async def call(session: Any, *arguments: ua.Variant) -> int:
                target = ua.NodeId(ua.ObjectIds.Server), ua.NodeId(method)
                request = ua.CallMethodRequest(*target, list(arguments))
                (result,) = await session.call([request])
                return result.StatusCode.value

            own = ua.Variant(number, ua.VariantType.UInt32)
            unknown = ua.Variant(999_999, ua.VariantType.UInt32)
            wrong = ua.Variant("1", ua.VariantType.String)
            statuses[name] = [
                await call(owner, own),
                await call(stranger, own),
                await call(owner, unknown),
                await call(owner, wrong),
                await call(owner),
            ]
    assert statuses == {
        "ours": [
            CODES.Good,
            CODES.BadUserAccessDenied,
            CODES.BadSubscriptionIdInvalid,
            CODES.BadInvalidArgument,
            CODES.BadArgumentsMissing,
        ],
        "plain": [CODES.BadNothingToDo] * 5,
    }


CAPABILITIES = {
    "MaxSessions": 100,
    "MaxSubscriptions": 500,
    "MaxSubscriptionsPerSession": 500,
    "MaxMonitoredItems": 50_000,
    "MaxMonitoredItemsPerSubscription": 50_000,
    "MaxMonitoredItemsQueueSize": 10_000,
    "MaxSelectClauseParameters": 1_000,
    "MaxWhereClauseParameters": 100,
    "MinSupportedSampleRate": 0.0,
    "LocaleIdArray": ["en"],
    "ServerProfileArray": ["http://opcfoundation.org/UA-Profile/Server/Core2017Facet"],
    "SoftwareCertificates": [],
}


async def test_capabilities(endpoints: dict[str, str]) -> None:
    found: dict[str, dict[str, Any]] = {}
    for name, endpoint in endpoints.items():
        async with Client(endpoint, timeout=10) as client:
            found[name] = {
                key: await client.get_node(
                    getattr(ua.ObjectIds, f"Server_ServerCapabilities_{key}")
                ).read_value()
                for key in CAPABILITIES
            }
    assert found == {"ours": CAPABILITIES, "plain": dict.fromkeys(CAPABILITIES)}


@pytest.mark.parametrize(
    ("selected", "elements", "ours"),
    [
        (1_000, 100, CODES.Good),
        (1_001, 0, CODES.BadEventFilterInvalid),
        (1, 101, CODES.BadEventFilterInvalid),
    ],
)
async def test_event_filters_are_limited(
    endpoints: dict[str, str], selected: int, elements: int, ours: int
) -> None:
    name = ua.SimpleAttributeOperand(
        BrowsePath=[ua.QualifiedName("Message")], AttributeId=ua.AttributeIds.Value
    )
    element = ua.ContentFilterElement(ua.FilterOperator.IsNull, [name])
    clauses = ua.EventFilter([name] * selected, ua.ContentFilter([element] * elements))
    statuses = {}
    for server, endpoint in endpoints.items():
        async with subscribed(endpoint) as (session, number):
            request = ua.MonitoredItemCreateRequest(
                ua.ReadValueId(ua.NodeId(ua.ObjectIds.Server), ua.AttributeIds.EventNotifier),
                ua.MonitoringMode.Reporting,
                ua.MonitoringParameters(1, 0.0, clauses, 10, True),
            )
            params = ua.CreateMonitoredItemsParameters(number, ItemsToCreate=[request])
            (result,) = await session.create_monitored_items(params)
            statuses[server] = result.StatusCode.value
    assert statuses == {"ours": ours, "plain": CODES.Good}


async def test_plain_tells_of_no_session(plain: str) -> None:
    async with Client(plain, timeout=10) as client:
        for array in (SESSIONS_ARRAY, SECURITY, SUBSCRIPTIONS):
            assert await client.get_node(array).read_value() is None


async def test_service_level(opened: AdvisoryServer) -> None:
    await opened.publish_source("plant", "lost", SourceStats())
    async with Client(opened.endpoint, timeout=10) as client:
        level = await client.get_node(ua.ObjectIds.Server_ServiceLevel).read_value()
        assert level == 1  # no source at all


async def test_publishing_of_others_is_not_stopped(opened: AdvisoryServer) -> None:
    async with subscribed(opened.endpoint) as (owner, number), connected(opened.endpoint) as thief:
        params = ua.SetPublishingModeParameters(False, [number])
        (foreign,) = await thief.set_publishing_mode(params)
        assert foreign.value == CODES.BadSubscriptionIdInvalid
        (own,) = await owner.set_publishing_mode(params)
        assert own.is_good()
