"""What an HMI sees of the advisory server, over real sockets."""

from __future__ import annotations

import asyncio
import dataclasses
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from asyncua import Node, ua

from opcua_ai.core import status as codes
from opcua_ai.core.ports import SourceStats
from opcua_ai.core.types import (
    NS,
    Contribution,
    FaultVerdict,
    ModelHealth,
    ModelState,
    Prediction,
    Recommendation,
    Tag,
)
from opcua_ai.server.advisory import NAMESPACE, AdvisoryServer
from opcua_ai.server.device_health import DeviceHealth
from opcua_ai.server.rates import Meter

pytestmark = pytest.mark.asyncio(loop_scope="session")

FAULTS = "AIAdvisory/Applications/FaultPrediction/line1"
PLANT_TIME = 1_700_000_000 * NS
LOAD = Prediction("load", 3.5, codes.GOOD, PLANT_TIME, "kW", confidence=0.8)


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("AIAdvisory", "AdvisoryModuleType"),
        ("AIAdvisory/Sources/plant", "AdvisorySourceType"),
        ("AIAdvisory/Models/faults", "AdvisoryModelType"),
        (FAULTS, "AdvisoryAssetType"),
        (f"{FAULTS}/Predictions/faults_fault", "PredictionType"),
        (f"{FAULTS}/Predictions/faults_fault/Value", "AnalogItemType"),
        (f"{FAULTS}/Predictions/faults_load/Value", "AnalogUnitRangeType"),
        (f"{FAULTS}/PredictedFault", "PredictedFaultAlarmType"),
        (f"{FAULTS}/PredictedFault/ActiveState", "TwoStateVariableType"),
        ("AIAdvisory/Applications/SupplyChain", "FolderType"),
    ],
)
async def test_types(hmi: Any, path: str, kind: str) -> None:
    assert await hmi.type_name(path) == kind


async def mandatory_members(kind: Node) -> dict[str, Node]:
    """Variables and objects that a type asks of every instance, its own before its supertype's."""
    members: dict[str, Node] = {}
    inverse = ua.BrowseDirection.Inverse
    for parent in await kind.get_referenced_nodes(ua.ObjectIds.HasSubtype, inverse):
        members |= await mandatory_members(parent)
    for member in await kind.get_children(ua.ObjectIds.Aggregates):
        rules = await member.get_referenced_nodes(ua.ObjectIds.HasModellingRule)
        asked = ua.NodeId(ua.ObjectIds.ModellingRule_Mandatory) in [rule.nodeid for rule in rules]
        if asked and await member.read_node_class() != ua.NodeClass.Method:
            members[str(await member.read_browse_name())] = member
    return members


async def test_every_instance_has_the_mandatory_members_of_its_type(hmi: Any) -> None:
    known: dict[ua.NodeId, dict[str, Node]] = {}
    checked = 0
    async for path, node in hmi.below("AIAdvisory"):
        kind = hmi.client.get_node(await node.read_type_definition())
        if kind.nodeid not in known:
            known[kind.nodeid] = await mandatory_members(kind)
        own = {str(await child.read_browse_name()): child for child in await node.get_children()}
        for name, member in known[kind.nodeid].items():
            assert name in own, f"{path} lacks {name}"
            if await member.read_node_class() == ua.NodeClass.Variable:
                for attribute in (ua.AttributeIds.DataType, ua.AttributeIds.ValueRank):
                    made, asked = [
                        (await found.read_attribute(attribute)).Value
                        for found in (own[name], member)
                    ]
                    assert made == asked, f"{path} {name} {attribute.name}"
            checked += 1
    assert checked > 100


async def test_what_is_known_at_the_start(hmi: Any) -> None:
    assert await hmi.value("AIAdvisory/OperatingMode") == 2
    assert "anonymous" in await hmi.value("AIAdvisory/SecurityWarning")
    assert await hmi.value("AIAdvisory/Sources/plant/Endpoint") == "opc.tcp://plant:4840"
    assert await hmi.value("AIAdvisory/Models/faults/Version") == "1.0.0"
    assert await hmi.value("AIAdvisory/Models/faults/State") == "Waiting"
    inputs = "AIAdvisory/Models/faults/Inputs/line1"
    assert await hmi.value(inputs) == [], "no tags before their source is connected"


async def test_what_a_model_needs(hmi: Any) -> None:
    model = "AIAdvisory/Models/faults"
    assert await hmi.value(f"{model}/InputNames") == ["T1"]
    (unit,) = await hmi.value(f"{model}/InputUnits")
    assert (unit.DisplayName.Text, unit.UnitId) == ("degC", 0x43454C)
    assert await hmi.value(f"{model}/InputRanges") == [ua.Range(0.0, 200.0)]


async def test_what_a_prediction_looks_at(hmi: Any) -> None:
    load = f"{FAULTS}/Predictions/faults_load"
    assert await hmi.value(f"{load}/Horizon") == 60_000.0
    assert await hmi.value(f"{load}/IsSimulated") is False
    line2 = load.replace("line1", "line2")
    assert await hmi.value(f"{line2}/IsSimulated") is True


async def test_when_a_prediction_holds(opened: AdvisoryServer, hmi: Any, result: Any) -> None:
    await opened.publish(result(dataclasses.replace(LOAD, horizon_s=60.0)))
    load = f"{FAULTS}/Predictions/faults_load"
    now = datetime.fromtimestamp(PLANT_TIME // NS, UTC)
    assert await hmi.value(f"{load}/PredictedTime") == now + timedelta(seconds=60)
    assert await hmi.value(f"{load}/ValidUntil") == now + timedelta(seconds=10)


async def test_device_health(opened: AdvisoryServer, hmi: Any) -> None:
    """The interface of OPC 10000-100, 4.5.4, with the worst of all parts at the module."""
    index = await hmi.client.get_namespace_index("http://opcfoundation.org/UA/DI/")
    module = hmi.node("AIAdvisory")
    kind = hmi.client.get_node(await module.read_type_definition())
    (interface,) = await kind.get_referenced_nodes(ua.ObjectIds.HasInterface)
    assert (await interface.read_browse_name()) == ua.QualifiedName("IDeviceHealthType", index)
    found = await module.get_child(f"{index}:DeviceHealth")
    data_type = hmi.client.get_node(await found.read_data_type())
    assert (await data_type.read_browse_name()).Name == "DeviceHealthEnumeration"
    running = ModelHealth(ModelState.RUNNING, coverage=100.0)
    await opened.publish_health("faults", running)
    await opened.publish_source("plant", "running", SourceStats())
    assert await found.read_value() == DeviceHealth.NORMAL
    await opened.publish_health("faults", dataclasses.replace(running, coverage=75.0))
    assert await found.read_value() == DeviceHealth.OFF_SPEC
    await opened.publish_source("plant", "lost", SourceStats())
    assert await found.read_value() == DeviceHealth.FAILURE
    assert await hmi.value("AIAdvisory/Sources/plant/DeviceHealth") == DeviceHealth.FAILURE
    assert await hmi.value("AIAdvisory/Models/faults/DeviceHealth") == DeviceHealth.OFF_SPEC


async def test_the_namespace_tells_of_itself(hmi: Any) -> None:
    """Part 5, 6.3.13."""
    index = await hmi.client.get_namespace_index(NAMESPACE)
    metadata = await hmi.client.nodes.server.get_child(["0:Namespaces", f"{index}:{NAMESPACE}"])
    version = await metadata.get_child("0:NamespaceVersion")
    assert await version.read_value() == "0.1.0"


async def test_inputs_that_are_known_later(opened: AdvisoryServer, hmi: Any) -> None:
    await opened.publish_inputs("faults", "line2", [Tag("Plant/T2", "nsu=urn:plant;s=T2")])
    inputs = "AIAdvisory/Models/faults/Inputs/line2"
    assert await hmi.value(inputs) == ["nsu=urn:plant;s=T2"]
    assert await hmi.value(f"{inputs}/BrowsePaths") == ["Plant/T2"]


async def test_range_and_units(hmi: Any) -> None:
    node = f"{FAULTS}/Predictions/faults_load/Value"
    units = await hmi.value(f"{node}/EngineeringUnits")
    assert (units.DisplayName.Text, units.UnitId) == ("kW", 4937556)
    assert await hmi.value(f"{node}/EURange") == ua.Range(0.0, 10.0)


async def test_before_the_first_run(hmi: Any) -> None:
    line2 = FAULTS.replace("line1", "line2")
    waiting = await hmi.read(f"{line2}/Predictions/faults_load/Value")
    assert waiting.StatusCode == ua.StatusCode(codes.BAD_WAITING_FOR_INITIAL_DATA)


@pytest.mark.parametrize(
    "status",
    [codes.GOOD, codes.UNCERTAIN_SUB_NORMAL, codes.BAD_NO_COMMUNICATION, codes.GOOD],
)
async def test_value_status_and_plant_time_arrive(
    opened: AdvisoryServer, hmi: Any, result: Any, status: int
) -> None:
    await opened.publish(result(dataclasses.replace(LOAD, status=status)))
    found = await hmi.read(f"{FAULTS}/Predictions/faults_load/Value")
    assert found.StatusCode == ua.StatusCode(status)
    assert found.SourceTimestamp == datetime.fromtimestamp(PLANT_TIME // NS, UTC)
    assert found.Value is not None
    assert found.Value.Value == (None if codes.is_bad(status) else 3.5)


async def test_classes(opened: AdvisoryServer, hmi: Any, result: Any) -> None:
    probabilities = {"normal": 0.1, "fault 5": 0.9}
    await opened.publish(
        result(
            Prediction(
                "fault",
                1.0,
                codes.GOOD,
                PLANT_TIME,
                label="fault 5",
                confidence=0.9,
                probabilities=probabilities,
                contributions=[Contribution("T1", 0.6, "rises")],
            )
        )
    )
    node = f"{FAULTS}/Predictions/faults_fault"
    assert await hmi.value(f"{node}/Label") == "fault 5"
    assert await hmi.value(f"{node}/Labels") == list(probabilities)
    assert await hmi.value(f"{node}/Probabilities") == list(probabilities.values())
    assert await hmi.value(f"{node}/ContributionTags") == ["T1"]
    assert await hmi.value(f"{node}/ContributionNodes") == ["nsu=urn:plant;s=T1"]
    assert await hmi.value(f"{node}/ModelUsed") == "tep_faults 1.0.0 (000000)"


async def test_an_unknown_output_is_an_error(opened: AdvisoryServer, result: Any) -> None:
    with pytest.raises(KeyError):
        await opened.publish(result(dataclasses.replace(LOAD, output="nonsense")))


async def test_a_subscriber_gets_each_change(opened: AdvisoryServer, hmi: Any, result: Any) -> None:
    seen: asyncio.Queue[ua.DataValue] = asyncio.Queue()

    class Handler:
        def datachange_notification(self, node: Node, val: Any, data: Any) -> None:
            seen.put_nowait(data.monitored_item.Value)

    subscription = await hmi.client.create_subscription(20, Handler())
    await subscription.subscribe_data_change(hmi.node(f"{FAULTS}/Predictions/faults_load/Value"))
    await asyncio.wait_for(seen.get(), 5)
    for number in (1.5, 2.5):
        await opened.publish(result(dataclasses.replace(LOAD, value=number)))
        found = await asyncio.wait_for(seen.get(), 5)
        assert found.Value is not None
        assert found.Value.Value == number
    await subscription.delete()


async def test_health_source_and_heartbeat(opened: AdvisoryServer, hmi: Any) -> None:
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    await opened.publish_health(
        "faults",
        ModelHealth(ModelState.RUNNING, "", moment, moment, 5, 1, latency=0.02, coverage=75.0),
    )
    await opened.publish_source("plant", "running", SourceStats(10, 2, 1))
    assert (await hmi.read("AIAdvisory/Sources/plant/Lag")).StatusCode.is_bad(), "no message yet"
    before = await hmi.value("AIAdvisory/Heartbeat")
    await opened.beat()
    assert await hmi.value("AIAdvisory/Heartbeat") == before + 1
    node = "AIAdvisory/Models/faults"
    assert await hmi.value(f"{node}/State") == "Running"
    assert await hmi.value(f"{node}/LastLatency") == pytest.approx(20.0)
    assert await hmi.value(f"{node}/InputCoverage") == 75.0
    assert await hmi.value(f"{node}/LastRun") == moment
    assert await hmi.value(f"{node}/MissedRuns") == 1
    assert await hmi.value("AIAdvisory/Sources/plant/State") == "running"
    assert await hmi.value("AIAdvisory/Sources/plant/Values") == 10


async def test_figures_of_a_source(opened: AdvisoryServer, hmi: Any) -> None:
    plant = "AIAdvisory/Sources/plant"
    clock = iter([0.0, 2.0])
    opened._meters["plant"] = Meter(lambda: next(clock))
    stats = SourceStats(
        10, 2, 1, gaps=3, lost_messages=4, overflows=5, filled=6, lag_s=0.25, cpu_s=1.0,
        endpoint="opc.tcp://plant2:4840",
    )  # fmt: skip
    await opened.publish_source("plant", "running", stats)
    figures = {
        "Gaps": 3, "LostMessages": 4, "Overflows": 5, "FilledValues": 6, "Reconnects": 2,
        "Lag": 250.0, "ActiveEndpoint": "opc.tcp://plant2:4840",
    }  # fmt: skip
    for name, value in figures.items():
        assert await hmi.value(f"{plant}/{name}") == value, name
    for name, unit in {"ValuesPerSecond": "C97", "Lag": "C26", "CpuLoad": "P1"}.items():
        found = await hmi.value(f"{plant}/{name}/EngineeringUnits")
        assert found.UnitId == int.from_bytes(unit.encode()), name
    assert await hmi.value(f"{plant}/CpuLoad/EURange") == ua.Range(0.0, 100.0)
    stats.values, stats.cpu_s = 1010, 1.5
    await opened.publish_source("plant", "running", stats)
    assert await hmi.value(f"{plant}/ValuesPerSecond") == 500.0
    assert await hmi.value(f"{plant}/CpuLoad") == 25.0
    del opened._meters["plant"]


async def test_a_figure_is_written_when_it_changes(opened: AdvisoryServer, hmi: Any) -> None:
    gaps = "AIAdvisory/Sources/plant/Gaps"
    await opened.publish_source("plant", "running", SourceStats(gaps=7))
    first = await hmi.read(gaps)
    await opened.publish_source("plant", "running", SourceStats(gaps=7))
    assert await hmi.read(gaps) == first
    await opened.publish_source("plant", "running", SourceStats(gaps=8))
    assert (await hmi.read(gaps)).SourceTimestamp > first.SourceTimestamp


async def test_active_alarms(opened: AdvisoryServer, hmi: Any, fault: FaultVerdict) -> None:
    async def counted(verdict: FaultVerdict) -> int:
        await opened.publish_decision("count", "FaultPrediction", verdict)
        await opened.beat()
        return await hmi.value("AIAdvisory/ActiveAlarms")

    away = dataclasses.replace(fault, asset="line2", active=False)
    before = await counted(away)
    assert await counted(dataclasses.replace(away, active=True)) == before + 1
    assert await counted(away) == before


async def test_a_recommendation(opened: AdvisoryServer, hmi: Any) -> None:
    expires = PLANT_TIME + 60 * NS
    await opened.publish_decision(
        "save",
        "ProductionOptimisation",
        Recommendation(
            asset="line1",
            name="purge",
            target=Tag("Plant/T1", "nsu=urn:plant;s=T1", unit="degC", low=0.0, high=200.0),
            current=100.0,
            recommended=150.0,
            clamped=110.0,
            clamp_reason="max_step 10",
            expected_benefit=12.0,
            benefit_unit="$/h",
            benefit_low=8.0,
            benefit_high=16.0,
            confidence=0.9,
            reason="less steam",
            status=codes.GOOD,
            source_time=PLANT_TIME,
            expires=expires,
        ),
    )
    node = "AIAdvisory/Applications/ProductionOptimisation/line1/Recommendations/purge"
    assert await hmi.type_name(node) == "SetpointRecommendationType"
    assert await hmi.type_name(f"{node}/ClampedValue") == ("AnalogUnitRangeType")
    assert await hmi.value(f"{node}/ClampedValue") == 110.0
    assert await hmi.value(f"{node}/ClampReason") == "max_step 10"
    assert (await hmi.value(f"{node}/ExpectedBenefit/EngineeringUnits")).UnitId == -1
    assert await hmi.value(f"{node}/ExpiresAt") == datetime.fromtimestamp(expires // NS, UTC)
    assert await hmi.value(f"{node}/State") == 0
