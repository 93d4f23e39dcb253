"""Browse, Read and subscriptions as node-opcua uses them: limits, deadbands, queues, transfer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from opcua_ai.core import status as codes
from opcua_ai.core.config import User
from opcua_ai.core.types import NS, Contribution, Prediction
from opcua_ai.server.advisory import AdvisoryServer
from tests.integration.node_client import needs_node
from tests.integration.node_driver import NodeDriver, drive

pytestmark = [*needs_node, pytest.mark.asyncio(loop_scope="session")]

OUTPUT = "AIAdvisory/Applications/FaultPrediction/line1/Predictions/faults_load"
LOAD, WEIGHTS = f"{OUTPUT}/Value", f"{OUTPUT}/ContributionWeights"
SESSIONS, SECURITY, SUBSCRIPTIONS = "i=3707", "i=3708", "i=2290"
OVERFLOW = "ns=0;i=3035"
PLANT_TIME = 1_700_000_000 * NS
ISO_TIME = "2023-11-14T22:13:20.000Z"


@pytest_asyncio.fixture(loop_scope="session")
async def drivers(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Any]:
    pki = tmp_path_factory.getbasetemp() / "node-pki"
    async with AsyncExitStack() as stack:

        async def run(endpoint: str, user: str = "", password: str = "") -> NodeDriver:
            driver = await drive(pki, endpoint, user, password)
            stack.push_async_callback(driver.close)
            return driver

        yield run


@pytest_asyncio.fixture(loop_scope="session")
async def node(opened: AdvisoryServer, drivers: Any) -> NodeDriver:
    return await drivers(opened.endpoint)


@pytest.fixture
def show(opened: AdvisoryServer, result: Any) -> Any:
    """Publish loads, one after the other."""

    async def make(*loads: float, weights: tuple[float, ...] = ()) -> None:
        said = [Contribution(f"T{i}", weight, "") for i, weight in enumerate(weights)]
        for load in loads:
            shown = Prediction("load", load, codes.GOOD, PLANT_TIME, "kW", contributions=said)
            await opened.publish(result(shown))

    return make


async def test_browse_goes_on_with_browse_next(node: NodeDriver) -> None:
    (whole,) = (await node.do("browse", path=OUTPUT))["results"]
    assert whole["point"] is None
    assert len(whole["names"]) > 6
    (part,) = (await node.do("browse", path=OUTPUT, max=3))["results"]
    names = part["names"]
    while part["point"]:
        assert len(part["names"]) == 3
        used, part = part["point"], await node.do("next", point=part["point"])
        names += part["names"]
    assert names == whole["names"]
    again = await node.do("next", point=used)
    assert again["status"] == "BadContinuationPointInvalid"


async def test_continuation_points_end(node: NodeDriver) -> None:
    *good, refused = (await node.do("browse", path=OUTPUT, max=1, times=51))["results"]
    assert {result["status"] for result in good} == {"Good"}
    assert refused["status"] == "BadNoContinuationPoints"
    released = await node.do("next", point=good[0]["point"], release=True)
    assert (released["status"], released["names"]) == ("Good", [])
    gone = await node.do("next", point=good[0]["point"])
    assert gone["status"] == "BadContinuationPointInvalid"
    (result,) = (await node.do("browse", path=OUTPUT, max=1))["results"]
    assert result["status"] == "Good"


async def test_operation_limits_are_enforced(node: NodeDriver) -> None:
    most = await node.do("read", path="i=11705")  # MaxNodesPerRead
    assert most["value"] == 10_000
    assert (await node.do("read", path="i=11705", times=10_000))["value"] == 10_000
    assert "BadTooManyOperations" in await node.refused("read", path=LOAD, times=10_001)
    assert "BadNothingToDo" in await node.refused("read", path=LOAD, times=0)


async def test_reads_with_timestamps_and_age(node: NodeDriver, show: Any) -> None:
    await show(3.5)
    stamps = {}
    for wanted in ("Source", "Server", "Both", "Neither"):
        read = await node.do("read", path=LOAD, timestamps=wanted)
        assert read["value"] == 3.5
        stamps[wanted] = read["source"] == ISO_TIME, read["server"] is not None
    assert stamps == {
        "Source": (True, False),
        "Server": (False, True),
        "Both": (True, True),
        "Neither": (False, False),
    }
    invalid = await node.refused("read", path=LOAD, timestamps="Invalid")
    assert "BadTimestampsToReturnInvalid" in invalid
    assert "BadMaxAgeInvalid" in await node.refused("read", path=LOAD, maxAge=-1)


async def test_reads_an_index_range(node: NodeDriver, show: Any) -> None:
    await show(3.5, weights=(0.5, 0.3, 0.2))
    assert (await node.do("read", path=WEIGHTS, range="1:2"))["value"] == [0.3, 0.2]
    assert (await node.do("read", path=WEIGHTS, range="1"))["value"] == [0.3]
    outside = await node.do("read", path=WEIGHTS, range="3")
    assert outside["status"] == "BadIndexRangeNoData"


async def test_monitors_an_index_range(node: NodeDriver, show: Any) -> None:
    await show(1.0, weights=(0.5, 0.3, 0.2))
    await node.do("subscribe")
    await node.do("monitor", name="w", path=WEIGHTS, range="0:1")
    (first,) = await node.changes("w", 1)
    assert first["value"] == [0.5, 0.3]
    await show(1.0, weights=(0.5, 0.3, 0.1))
    await show(1.0, weights=(0.6, 0.3, 0.1))
    (second,) = await node.changes("w", 1)
    assert second["value"] == [0.6, 0.3]


@pytest.mark.parametrize(
    ("kind", "width"), [("Absolute", 1.0), ("Percent", 10.0)]  # of a range from 0 to 10
)  # fmt: skip
async def test_a_slow_ramp_passes_a_deadband(
    node: NodeDriver, show: Any, kind: str, width: float
) -> None:
    await show(0.0)
    await node.do("subscribe")
    deadband = {"type": kind, "value": width}
    created = await node.do("monitor", name="load", path=LOAD, queue=50, deadband=deadband)
    assert created["status"] == "Good"
    await show(*(0.25 * step for step in range(1, 21)))
    values = await node.values_until("load", 5.0)
    assert values == [0.0, 1.25, 2.5, 3.75, 5.0]


async def test_a_percent_deadband_needs_a_range(node: NodeDriver) -> None:
    await node.do("subscribe")
    deadband = {"type": "Percent", "value": 1.0}
    options = {"name": "beat", "path": "AIAdvisory/Heartbeat", "deadband": deadband}
    created = await node.do("monitor", **options)
    assert created["status"] == "BadMonitoredItemFilterUnsupported"


async def test_a_full_queue_says_so(node: NodeDriver, show: Any) -> None:
    await show(0.0)
    await node.do("subscribe", interval=300)
    assert (await node.do("monitor", name="old", path=LOAD, queue=3))["status"] == "Good"
    await node.do("monitor", name="new", path=LOAD, queue=3, discardOldest=False)
    await node.do("monitor", name="one", path=LOAD, queue=0)
    for item in ("old", "new", "one"):
        await node.changes(item, 1)
    await show(1.0, 2.0, 3.0, 4.0, 5.0)

    def seen(changes: list[dict[str, Any]]) -> list[tuple[float, bool]]:
        return [(change["value"], change["overflow"]) for change in changes]

    assert seen(await node.changes("old", 3)) == [(3.0, True), (4.0, False), (5.0, False)]
    assert seen(await node.changes("new", 3)) == [(1.0, False), (2.0, False), (5.0, True)]
    assert seen(await node.changes("one", 1)) == [(5.0, False)]


async def test_items_and_subscriptions_are_modified(node: NodeDriver, show: Any) -> None:
    await show(0.0)
    created = await node.do("subscribe", interval=1)
    assert created["interval"] == 10
    await node.do("monitor", name="load", path=LOAD, queue=10)
    await node.changes("load", 1)
    assert (await node.do("modifySubscription", interval=400))["interval"] == 400
    modified = await node.do("modify", name="load", queue=2)
    assert (modified["status"], modified["queue"]) == ("Good", 2)
    await asyncio.sleep(0.1)
    await show(1.0, 2.0, 3.0)
    changes = await node.changes("load", 2)
    assert [change["value"] for change in changes] == [2.0, 3.0]
    assert changes[0]["overflow"]


async def test_sampling_and_triggering(node: NodeDriver, show: Any) -> None:
    await show(0.0, weights=(0.5,))
    await node.do("subscribe")
    await node.do("monitor", name="load", path=LOAD, queue=10)
    await node.do("monitor", name="weights", path=WEIGHTS, mode="Sampling", queue=10)
    assert (await node.do("trigger", source="load", links=["weights"]))["added"] == ["Good"]
    await node.changes("load", 1)
    await show(1.0, weights=(0.6,))
    assert await node.values_until("load", 1.0) == [1.0]
    assert await node.values_until("weights", [0.6]) == [[0.5], [0.6]]
    assert (await node.do("mode", name="load", mode="Disabled"))["status"] == "Good"
    await show(2.0, weights=(0.6,))
    assert (await node.do("mode", name="load", mode="Reporting"))["status"] == "Good"
    assert await node.values_until("load", 2.0) == [2.0]


async def test_keep_alives(node: NodeDriver) -> None:
    await node.do("subscribe", interval=20, keepAlive=3)
    await node.next("keepalive")
    await node.next("keepalive")


async def test_a_message_that_is_not_there(node: NodeDriver) -> None:
    number = (await node.do("subscribe"))["id"]
    answer = await node.refused("republish", id=number, number=77)
    assert "BadMessageNotAvailable" in answer


async def test_a_client_finds_its_items_again(
    opened: AdvisoryServer, node: NodeDriver, drivers: Any, show: Any
) -> None:
    await show(2.5)
    number = (await node.do("subscribe"))["id"]
    await node.do("monitor", name="load", path=LOAD)
    await node.do("monitor", name="quiet", path=WEIGHTS, mode="Sampling")
    assert await node.values_until("load", 2.5) == [2.5]
    found = await node.do("monitoredItems")
    assert len(found["server"]) == len(found["client"]) == 2
    assert (await node.do("resendData"))["status"] == "Good"
    assert await node.values_until("load", 2.5) == [2.5]
    stranger = await drivers(opened.endpoint)
    assert "BadUserAccessDenied" in await stranger.refused("monitoredItems", id=number)
    assert "BadSubscriptionIdInvalid" in await node.refused("monitoredItems", id=999_999)


@pytest.mark.parametrize("oldest", [True, False])
async def test_a_full_queue_of_events_says_so(
    opened: AdvisoryServer, node: NodeDriver, fault: Any, oldest: bool
) -> None:
    await node.do("subscribe", interval=800, keepAlive=10, lifetime=30)
    options = {"name": "all", "path": "i=2253", "queue": 2, "discardOldest": oldest}
    assert (await node.do("monitorEvents", **options))["status"] == "Good"
    for number in range(4):
        told = {"label": f"fault {number}", "message": f"it is {number}"}
        verdict = replace(fault, asset="another", **told)
        await opened.publish_decision("events", "FaultPrediction", verdict)
    events = [await node.next("event", item="all") for _ in range(3)]
    said = [None if e["type"] == OVERFLOW else e["message"] for e in events]
    assert said == ([None, "it is 2", "it is 3"] if oldest else ["it is 0", "it is 3", None])


@pytest_asyncio.fixture(loop_scope="session")
async def named(settings: Any, running: Any, pki: Path) -> AsyncIterator[AdvisoryServer]:
    """A server that knows its users, without encryption."""
    secret = pki / "secret"
    users = {
        "op": User(password_file=secret),
        "admin": User(password_file=secret, role="ConfigureAdmin"),
    }
    async with running(settings(allow_none=True, users=users)) as server:
        yield server


async def test_a_subscription_moves_to_another_session(
    named: AdvisoryServer, drivers: Any, result: Any
) -> None:
    await named.publish(result(Prediction("load", 4.5, codes.GOOD, PLANT_TIME, "kW")))
    first = await drivers(named.endpoint, "op", "right")
    second = await drivers(named.endpoint, "op", "right")
    number = (await first.do("subscribe", interval=50))["id"]
    await first.do("monitor", name="load", path=LOAD)
    await first.changes("load", 1)
    assert (await second.do("transfer", id=number))["status"] == "Good"
    assert await second.do("publish") == {"kind": "answer", "id": number, "values": [4.5]}
    assert (await first.next("status"))["status"] == "GoodSubscriptionTransferred"
    await named.publish(result(Prediction("load", 5.5, codes.GOOD, PLANT_TIME, "kW")))
    assert (await second.do("publish"))["values"] == [5.5]
    assert (await second.do("transfer", id=999_999))["status"] == "BadSubscriptionIdInvalid"


async def test_a_stranger_gets_no_subscription(opened: AdvisoryServer, drivers: Any) -> None:
    first, second = [await drivers(opened.endpoint) for _ in range(2)]
    number = (await first.do("subscribe"))["id"]
    assert (await second.do("transfer", id=number))["status"] == "BadUserAccessDenied"


async def test_diagnostics_count(opened: AdvisoryServer, drivers: Any) -> None:
    node = await drivers(opened.endpoint)
    await node.do("subscribe")
    await node.do("monitor", name="sessions", path="i=2277")  # CurrentSessionCount
    await node.do("monitor", name="subscriptions", path="i=2285")  # CurrentSubscriptionCount
    assert (await node.do("read", path="i=2294"))["value"] is True  # EnabledFlag
    for item in ("sessions", "subscriptions"):
        while (await node.changes(item, 1))[0]["value"] < 1:
            pass


async def test_diagnostics_of_sessions_and_subscriptions(
    named: AdvisoryServer, drivers: Any
) -> None:
    node = await drivers(named.endpoint, "op", "right")
    admin = await drivers(named.endpoint, "admin", "right")
    number = (await node.do("subscribe", interval=50))["id"]
    assert (await node.do("read", path=SUBSCRIPTIONS))["status"] == "BadUserAccessDenied"
    (subscription,) = (await admin.do("read", path=SUBSCRIPTIONS))["value"]
    assert (subscription["subscriptionId"], subscription["publishingInterval"]) == (number, 50)
    sessions = (await admin.do("read", path=SESSIONS))["value"]
    (owner,) = [s for s in sessions if s["sessionId"] == subscription["sessionId"]]
    assert owner["createSubscriptionCount"]["totalCount"] == 1
    assert owner["readCount"]["totalCount"] >= 1
    assert owner["currentSubscriptionsCount"] == 1
    users = (await admin.do("read", path=SECURITY))["value"]
    (user,) = [s for s in users if s["sessionId"] == subscription["sessionId"]]
    assert (user["clientUserIdOfSession"], user["clientUserIdHistory"]) == ("op", ["op"])
    assert user["authenticationMechanism"] == "UserName"
    assert (user["encoding"], user["transportProtocol"]) == ("UA Binary", "opc.tcp")
    assert user["securityPolicyUri"].endswith("#None")
