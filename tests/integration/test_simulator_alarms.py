"""A simulated plant's alarms over real sockets, seen by asyncua and node-opcua clients."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from asyncua import Client, Node, ua
from asyncua.common.subscription import Subscription

from opcua_ai_simulator.server import SimulatorServer
from tests.integration import node_client
from tests.integration.simulated import PATIENCE, START, Plant, serving
from tests.integration.tiny_plant import TinyPlant

TRIP = ua.NodeId(ua.ObjectIds.TripAlarmType)
OFF_NORMAL = ua.NodeId(ua.ObjectIds.OffNormalAlarmType)
MANDATORY = ua.ObjectIds.ModellingRule_Mandatory
SERVER = ua.NodeId(ua.ObjectIds.Server)
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def url() -> AsyncIterator[str]:
    plants = [TinyPlant("Tiny"), TinyPlant("Other")]
    async with serving(SimulatorServer(plants, port=0, speed=20, plant_start=START)) as endpoint:
        yield endpoint


@pytest_asyncio.fixture(loop_scope="module")
async def plant(url: str) -> AsyncIterator[Plant]:
    async with Client(url) as client:
        tiny = Plant(client, "Tiny")
        yield tiny
        await press(tiny, 2700.0)
        for name in ("Reactor/PressureHigh", "Reactor/PressureTrip", "Empty"):
            await tiny.until(f"{name}/ActiveState/Id", lambda v: not v.Value.Value)
            if not await tiny.value(f"{name}/AckedState/Id"):
                await acknowledge(tiny, name, await tiny.value(f"{name}/EventId"))


async def press(plant: Plant, pressure: float) -> None:
    await plant.node("Simulation/Pressure").write_value(pressure)


async def acknowledge(plant: Plant, name: str, event_id: bytes, comment: str = "") -> None:
    method = ua.NodeId(ua.ObjectIds.AcknowledgeableConditionType_Acknowledge)
    await plant.node(name).call_method(method, event_id, ua.LocalizedText(comment))


class Received:
    """The events of one subscription, as dictionaries."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    def event_notification(self, event: Any) -> None:
        self.queue.put_nowait(
            {name: field.Value for name, field in event.get_event_props_as_fields_dict().items()}
        )

    async def next(self) -> dict[str, Any]:
        async with asyncio.timeout(PATIENCE):
            return await self.queue.get()


@asynccontextmanager
async def events(
    client: Client, notifier: ua.NodeId, kind: int = ua.ObjectIds.AlarmConditionType
) -> AsyncIterator[tuple[Received, Subscription]]:
    received = Received()
    subscription = await client.create_subscription(20, received)
    await subscription.subscribe_alarms_and_conditions(notifier, ua.NodeId(kind))
    try:
        yield received, subscription
    finally:
        await subscription.delete()


async def members(node: Node, rule: int | None = None) -> dict[str, Node]:
    """The variables below an alarm or its type, by browse path; of a type those of a rule."""
    found: dict[str, Node] = {}
    for child in await node.get_children(
        refs=ua.ObjectIds.Aggregates, nodeclassmask=ua.NodeClass.Variable
    ):
        rules = await child.get_referenced_nodes(refs=ua.ObjectIds.HasModellingRule)
        if rule is None or rule in [each.nodeid.Identifier for each in rules]:
            name = (await child.read_browse_name()).Name
            below = await members(child, rule)
            found |= {name: child, **{f"{name}/{path}": node for path, node in below.items()}}
    return found


@pytest.mark.parametrize(
    ("name", "kind"), [("Reactor/PressureTrip", TRIP), ("Reactor/PressureHigh", OFF_NORMAL)]
)
async def test_a_condition_has_all_that_its_type_makes_mandatory(
    plant: Plant, name: str, kind: ua.NodeId
) -> None:
    node = plant.node(name)
    assert await node.read_type_definition() == kind
    there = await members(node)
    declaring = plant.client.get_node(kind)
    while declaring.nodeid != ua.NodeId(ua.ObjectIds.BaseObjectType):
        for path, declared in (await members(declaring, MANDATORY)).items():
            assert there[path].nodeid.Identifier == f"Tiny/{name}/{path}"
            assert await there[path].read_data_type() == await declared.read_data_type()
        (declaring,) = await declaring.get_referenced_nodes(
            refs=ua.ObjectIds.HasSubtype, direction=ua.BrowseDirection.Inverse
        )


async def test_the_references_lead_from_the_server_to_the_condition(plant: Plant) -> None:
    client = plant.client
    way = [SERVER, ua.NodeId("Tiny", 2), ua.NodeId("Tiny/Reactor", 2)]
    for above, below in zip(way, way[1:], strict=False):
        found = await client.get_node(above).get_referenced_nodes(refs=ua.ObjectIds.HasNotifier)
        assert below in [node.nodeid for node in found]
        assert ua.EventNotifier.SubscribeToEvents in (
            await client.get_node(below).read_event_notifier()
        )
    for source, names in ((way[2], {"PressureHigh", "PressureTrip"}), (way[1], {"Empty"})):
        found = await client.get_node(source).get_referenced_nodes(refs=ua.ObjectIds.HasCondition)
        assert {(await node.read_browse_name()).Name for node in found} == names


@pytest.mark.parametrize("notifier", [SERVER, ua.NodeId("Tiny", 2), ua.NodeId("Tiny/Reactor", 2)])
async def test_a_trip_is_told_to_every_notifier_above_it(plant: Plant, notifier: ua.NodeId) -> None:
    async with events(plant.client, notifier, ua.ObjectIds.TripAlarmType) as (received, _):
        await press(plant, 3100.0)
        active = await received.next()
        shown = await plant.read("Simulation/PlantTime")
        await press(plant, 2700.0)
        inactive = await received.next()
    assert active["EventType"] == TRIP
    assert active["NodeId"] == ua.NodeId("Tiny/Reactor/PressureTrip", 2)
    assert active["SourceNode"] == ua.NodeId("Tiny/Reactor", 2)
    assert active["SourceName"] == "Reactor"
    assert active["ConditionName"] == "PressureTrip"
    assert active["Message"].Text == "Reactor pressure 3100 kPa"
    assert active["Severity"] == 900
    assert active["ActiveState/Id"] is True
    assert active["AckedState/Id"] is False
    assert active["Retain"] is True
    assert START < active["Time"] <= shown.Value.Value
    assert (active["Time"] - START) % timedelta(seconds=1) == timedelta(), "a row's plant time"
    assert inactive["ActiveState/Id"] is False
    assert inactive["Message"].Text == "Normal"
    assert inactive["Retain"] is True, "not acknowledged yet"
    assert inactive["EventId"] != active["EventId"]


async def test_another_plant_hears_nothing(plant: Plant) -> None:
    async with events(plant.client, ua.NodeId("Other", 2)) as (other, _):
        async with events(plant.client, SERVER) as (received, _):
            await press(plant, 3100.0)
            await received.next()
            await received.next()
        await asyncio.sleep(0.1)
        assert other.queue.empty()


async def test_the_nodes_show_the_state(plant: Plant) -> None:
    assert await plant.value("Empty/ActiveState/Id") is False
    await press(plant, 0.0)
    value = await plant.until("Empty/ActiveState/Id", lambda v: v.Value.Value)
    await plant.until("Empty/Retain", lambda v: v.Value.Value)
    assert value.SourceTimestamp == await plant.value("Empty/Time")
    assert (await plant.value("Empty/Message")).Text == "empty"
    assert (await plant.value("Empty/ActiveState")).Text == "Active"
    assert await plant.value("Empty/SourceName") == "Tiny"


async def test_another_text_is_another_event(plant: Plant) -> None:
    async with events(plant.client, SERVER, ua.ObjectIds.OffNormalAlarmType) as (received, _):
        await press(plant, 2900.0)
        assert (await received.next())["Message"].Text == "2900 kPa, limit 2895 kPa"
        await press(plant, 2910.0)
        again = await received.next()
    assert again["Message"].Text == "2910 kPa, limit 2895 kPa"
    assert again["ActiveState/Id"] is True


async def test_acknowledge(plant: Plant) -> None:
    name = "Reactor/PressureTrip"
    await press(plant, 3100.0)
    await plant.until(f"{name}/Retain", lambda v: v.Value.Value)
    async with events(plant.client, SERVER, ua.ObjectIds.TripAlarmType) as (received, _):
        event_id = await plant.value(f"{name}/EventId")
        await acknowledge(plant, name, event_id, "seen")
        acknowledged = await received.next()
        assert acknowledged["AckedState/Id"] is True
        assert acknowledged["Comment"].Text == "seen"
        assert acknowledged["Retain"] is True, "still active"
        with pytest.raises(ua.UaStatusCodeError, match="BadConditionBranchAlreadyAcked"):
            await acknowledge(plant, name, event_id)
        with pytest.raises(ua.UaStatusCodeError, match="BadEventIdUnknown"):
            await acknowledge(plant, name, b"unheard of")
        await press(plant, 2700.0)
        assert (await received.next())["Retain"] is False


@pytest.mark.parametrize("notifier", [SERVER, ua.NodeId("Tiny", 2)])
async def test_a_refresh_tells_a_late_client(plant: Plant, notifier: ua.NodeId) -> None:
    await press(plant, 2900.0)
    await plant.until("Reactor/PressureHigh/Retain", lambda v: v.Value.Value)
    async with events(plant.client, notifier) as (received, subscription):
        conditions = plant.client.get_node(ua.ObjectIds.ConditionType)
        refresh = ua.NodeId(ua.ObjectIds.ConditionType_ConditionRefresh)
        number = ua.Variant(subscription.subscription_id, ua.VariantType.UInt32)
        await conditions.call_method(refresh, number)
        told = [await received.next() for _ in range(3)]
    assert [event["EventType"].Identifier for event in told] == [
        ua.ObjectIds.RefreshStartEventType,
        ua.ObjectIds.OffNormalAlarmType,
        ua.ObjectIds.RefreshEndEventType,
    ]
    assert told[1]["ConditionName"] == "PressureHigh"


@pytest.mark.node
@pytest.mark.skipif(shutil.which("node") is None, reason="node.js is not installed")
async def test_node_opcua_receives_the_trip(plant: Plant, url: str, tmp_path: Path) -> None:
    options = ["--namespace", "urn:opcua-ai:simulator", "--type", f"ns=0;i={TRIP.Identifier}"]
    watcher = await node_client.start(
        tmp_path / "pki", url, "--alarms", "active", "--asset", "Reactor", *options
    )
    try:
        await watcher.until("ready")
        await press(plant, 3100.0)
        await watcher.until("done")
    finally:
        await watcher.close()
    (event,) = watcher.all("event")
    assert event["Message"] == "Reactor pressure 3100 kPa"
    assert event["Severity"] == 900
    assert event["ActiveState"] == "Active"
    assert event["ConditionId"] == "ns=2;s=Tiny/Reactor/PressureTrip"
    assert event["Time"].startswith(START.strftime("%Y-%m-%d"))
    assert watcher.all("alarm"), "node-opcua's alarm list has it too"
