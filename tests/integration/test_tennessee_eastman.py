"""The Tennessee Eastman plant behind OPC UA: operated, refused, tripped and brought back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from asyncua import Client, ua
from asyncua.ua.uaerrors import (
    BadInvalidArgument,
    BadInvalidState,
    BadOutOfRange,
    BadTypeMismatch,
)

from opcua_ai_simulator import plants
from opcua_ai_simulator.server import SimulatorServer
from tests.integration.simulated import START, Plant, serving, watching

KIND = plants.load("tennessee-eastman")
LEVEL = "Reactor/ReactorLevel"
COOLING = "Reactor/ReactorCoolingWater"


@pytest.fixture
async def two(tmp_path) -> AsyncIterator[tuple[Plant, Plant]]:
    """Two plants in one server, 2000 times as fast as life."""
    options = KIND.options(plants=2, states=tmp_path / "states")
    server = SimulatorServer(KIND.build(options, print), port=0, speed=2000, plant_start=START)
    async with serving(server) as url, Client(url) as client:
        yield Plant(client, "TennesseeEastman01"), Plant(client, "TennesseeEastman02")


def double(value: float) -> ua.Variant:
    return ua.Variant(value, ua.VariantType.Double)


async def inject(plant: Plant, fault: int, onset: float = 0.0, magnitude: float = 1.0) -> None:
    number = ua.Variant(fault, ua.VariantType.Int32)
    await plant.call("InjectFault", number, double(onset), double(magnitude))


async def goes_on(plant: Plant) -> None:
    """The plant's time runs, so a refused wish has not stopped it."""
    now = await plant.value("Simulation/Hours")
    await plant.until("Simulation/Hours", lambda v: v.Value.Value > now)


async def test_every_tag_is_there_with_unit_range_and_value(two):
    plant = two[0]
    tags = KIND.build(KIND.options(), print)[0].tags
    assert len(tags) == 79
    for tag in tags:
        value = await plant.read(tag.path)
        assert value.StatusCode.is_good() and isinstance(value.Value.Value, float)
        limits = await plant.value(f"{tag.path}/EURange")
        assert (limits.Low, limits.High) == (tag.low, tag.high)
        unit = await plant.value(f"{tag.path}/EngineeringUnits")
        assert unit.DisplayName.Text == tag.unit.symbol
    kind = await plant.node("Reactor/XMEAS(7)").read_type_definition()
    assert kind == ua.NodeId(ua.ObjectIds.AnalogUnitRangeType)
    assert (await plant.node("Reactor/XMEAS(7)").read_description()).Text == (
        "Gauge pressure in the reactor"
    )


async def test_a_setpoint_takes_effect_once_remote_control_is_enabled(two):
    plant, other = two
    setpoint = plant.node(f"{LEVEL}.SP")
    with pytest.raises(BadInvalidState):
        await setpoint.write_value(70.0)
    await plant.node(f"{LEVEL}.RemoteControlEnable").write_value(True)
    await setpoint.write_value(70.0)
    await plant.until("Reactor/XMEAS(8)", lambda v: v.Value.Value < 73.0)
    assert await other.value(f"{LEVEL}.SP") == 75.0


async def test_refuses_what_is_wrong_and_goes_on(two):
    plant = two[0]
    await plant.node(f"{LEVEL}.RemoteControlEnable").write_value(True)
    setpoint = plant.node(f"{LEVEL}.SP")
    for value in (49.0, 1e9, float("nan"), float("-inf")):
        with pytest.raises(BadOutOfRange):
            await setpoint.write_value(value)
    with pytest.raises(BadTypeMismatch):
        await setpoint.write_value("seventy")
    with pytest.raises(BadInvalidState):
        await plant.node("Reactor/XMV(10)").write_value(10.0)
    with pytest.raises(BadOutOfRange):
        await inject(plant, 99)
    with pytest.raises(BadOutOfRange):
        await inject(plant, 4, magnitude=-1.0)
    with pytest.raises(BadInvalidArgument):
        await plant.call("InjectFault", "four", double(0), double(1))
    for speed in (0.5, 2001.0, float("nan")):
        with pytest.raises(BadOutOfRange):
            await plant.call("SetSpeed", double(speed))
    mode = plant.node(f"{LEVEL}.Mode")
    with pytest.raises(BadOutOfRange):
        await mode.write_value(ua.Variant(2, ua.VariantType.UInt32))
    with pytest.raises(BadOutOfRange):
        await plant.call("LoadState", "never-saved")
    assert await setpoint.read_value() == 75.0
    assert await plant.value("Simulation/Speed") == 2000.0
    await goes_on(plant)


async def test_manual_gives_the_valve_to_the_client(two):
    plant = two[0]
    mode = plant.node(f"{COOLING}.Mode")
    names = await plant.value(f"{COOLING}.Mode/EnumStrings")
    assert [name.Text for name in names] == ["Manual", "Automatic"]
    await plant.node(f"{COOLING}.RemoteControlEnable").write_value(True)
    await mode.write_value(ua.Variant(0, ua.VariantType.UInt32))
    await plant.node("Reactor/XMV(10)").write_value(38.0)
    await goes_on(plant)
    assert await plant.value("Reactor/XMV(10)") == 38.0


async def test_each_plant_has_its_own_faults(two):
    one, other = two
    await inject(one, 4)
    await one.until("Simulation/Fault", lambda v: v.Value.Value == 4)
    assert await other.value("Simulation/Fault") == 0
    await one.until("Reactor/XMV(10)", lambda v: v.Value.Value > 43.0)
    assert await other.value("Reactor/XMV(10)") < 43.0
    await one.call("ClearFaults")
    await one.until("Simulation/Faults", lambda v: v.Value.Value == "")


async def test_a_trip_is_an_alarm_stops_writes_and_ends_with_reset(two):
    plant, other = two
    heard: asyncio.Queue[tuple[ua.NodeId, str]] = asyncio.Queue()

    class Handler:
        def event_notification(self, event) -> None:
            if event.EventType == ua.NodeId(ua.ObjectIds.TripAlarmType):
                heard.put_nowait((event.SourceNode, event.Message.Text))

    subscription = await plant.client.create_subscription(50, Handler())
    await subscription.subscribe_events(plant.client.nodes.server)
    await plant.node(f"{COOLING}.RemoteControlEnable").write_value(True)
    for loop in (COOLING, "Reactor/ReactorTemperature"):
        await plant.node(f"{loop}.Mode").write_value(ua.Variant(0, ua.VariantType.UInt32))
    await plant.node("Reactor/XMV(10)").write_value(0.0)
    source, message = await asyncio.wait_for(heard.get(), 20)
    assert source == plant.client.get_node(ua.NodeId(plant.root, 2)).nodeid
    assert "reactor pressure above 3000 kPa" in message
    await plant.until("Interlocks/Tripped", lambda v: v.Value.Value)
    assert not await other.value("Interlocks/Tripped")
    with pytest.raises(BadInvalidState):
        await plant.node("Reactor/XMV(10)").write_value(50.0)
    stood = await plant.value("Reactor/XMEAS(9)")
    await goes_on(plant)
    assert await plant.value("Reactor/XMEAS(9)") == pytest.approx(stood, rel=1e-9)
    await plant.call("Reset")
    await plant.until("Interlocks/Ok", lambda v: v.Value.Value)
    await plant.until("Trip/ActiveState/Id", lambda v: not v.Value.Value)
    await subscription.delete()


async def test_a_saved_state_comes_back(two):
    plant = two[0]
    await plant.until("Simulation/Hours", lambda v: v.Value.Value > 0.1)
    await plant.call("SaveState", "morning")
    saved = await plant.value("Simulation/Hours")
    await inject(plant, 1)
    await plant.until("Simulation/Hours", lambda v: v.Value.Value > saved + 0.3)
    await plant.call("LoadState", "morning")
    await plant.until("Simulation/Fault", lambda v: v.Value.Value == 0)
    assert await plant.value("Simulation/Hours") < saved + 0.2


async def test_rows_come_ten_times_a_second_whatever_the_speed(two):
    plant = two[0]
    async with watching(plant, ["Reactor/XMEAS(7)"]) as rows:
        await asyncio.sleep(2.0)
        await plant.call("SetSpeed", double(10.0))
        await asyncio.sleep(0.3)
        fast = len(rows.seen)
        await asyncio.sleep(1.5)
    assert fast >= 5
    times = sorted(rows.seen)
    gaps = {round((b - a).total_seconds()) for a, b in zip(times, times[1:], strict=False)}
    assert gaps <= {201, 1} and 1 in gaps
