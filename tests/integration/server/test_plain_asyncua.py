"""The same questions to the advisory server and to plain asyncua: what the mends of the services
change on the wire. When plain asyncua answers as ours does, a mend can go."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from asyncua import Client, ua

from opcua_ai.core.ports import SourceStats
from opcua_ai.server.advisory import AdvisoryServer
from opcua_ai.server.asyncua_mends.diagnostics_arrays import SECURITY, SUBSCRIPTIONS
from opcua_ai.server.asyncua_mends.diagnostics_arrays import SESSIONS as SESSIONS_ARRAY
from tests.integration.server.asked import connected, outcome, subscribed

pytestmark = pytest.mark.asyncio(loop_scope="session")

ROOT = ua.NodeId(ua.ObjectIds.ObjectsFolder)
CODES = ua.StatusCodes
SESSIONS = ua.ObjectIds.Server_ServerDiagnostics_ServerDiagnosticsSummary_CumulatedSessionCount


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


async def test_plain_tells_of_no_session(plain: str) -> None:
    async with Client(plain, timeout=10) as client:
        for array in (SESSIONS_ARRAY, SECURITY, SUBSCRIPTIONS):
            assert await client.get_node(array).read_value() is None


async def test_service_level(opened: AdvisoryServer) -> None:
    await opened.publish_source("plant", "lost", SourceStats())
    async with Client(opened.endpoint, timeout=10) as client:
        level = await client.get_node(ua.ObjectIds.Server_ServiceLevel).read_value()
        assert level == 1  # no source at all
