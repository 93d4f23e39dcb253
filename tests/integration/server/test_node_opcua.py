"""The advisory server seen by node-opcua, a client that shares no code with ours."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
import pytest_asyncio

from opcua_ai.core import status as codes
from opcua_ai.core.types import NS, FaultVerdict, Prediction
from opcua_ai.server.advisory import AdvisoryServer
from tests.integration.node_client import NodeClient, needs_node, start

pytestmark = [*needs_node, pytest.mark.asyncio(loop_scope="session")]

FAULTS = "AIAdvisory/Applications/FaultPrediction/line1"
LOAD = f"{FAULTS}/Predictions/faults_load/Value"
PLANT_TIME = 1_700_000_000 * NS
ISO_TIME = "2023-11-14T22:13:20.000Z"


@pytest_asyncio.fixture(loop_scope="session")
async def node_client(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Any]:
    pki = tmp_path_factory.getbasetemp() / "node-pki"
    async with AsyncExitStack() as stack:

        async def run(endpoint: str, *arguments: str, password: str = "") -> NodeClient:
            client = await start(pki, endpoint, *arguments, password=password)
            stack.push_async_callback(client.close)
            return client

        yield run


async def test_value_status_source_time_and_types(
    opened: AdvisoryServer, node_client: Any, result: Any
) -> None:
    uncertain = codes.UNCERTAIN_SUB_NORMAL
    await opened.publish(result(Prediction("load", 3.5, uncertain, PLANT_TIME, "kW")))
    client = await node_client(opened.endpoint, "--read", LOAD, "--tree", "AIAdvisory")
    value = await client.until("value")
    assert value == {
        "kind": "value",
        "path": LOAD,
        "value": 3.5,
        "dataType": "Double",
        "status": "UncertainSubNormal",
        "sourceTimestamp": ISO_TIME,
    }
    await client.until("done")
    nodes = {line["path"]: line for line in client.all("node")}
    assert nodes[LOAD]["type"] == "AnalogUnitRangeType"
    assert nodes[f"{LOAD}/EngineeringUnits"]["type"] == "PropertyType"
    assert nodes["AIAdvisory/Models/faults"]["type"] == "AdvisoryModelType"
    assert nodes[f"{FAULTS}/PredictedFault"]["type"] == "PredictedFaultAlarmType"
    bounds = f"{FAULTS}/Predictions/faults_load/LowerBound"
    assert nodes[bounds]["status"] == "BadNotSupported"


async def test_a_bad_prediction_is_bad(
    opened: AdvisoryServer, node_client: Any, result: Any
) -> None:
    client = await node_client(opened.endpoint, "--watch", LOAD, "--timeout", "20", "--value", "7")
    await client.until("ready")
    await opened.publish(result(Prediction("load", 5.0, codes.BAD_NO_COMMUNICATION, PLANT_TIME)))
    change = await client.until("change")
    while change["status"] != "BadNoCommunication":
        change = await client.until("change")
    assert change["value"] is None
    assert change["sourceTimestamp"] == ISO_TIME
    await opened.publish(result(Prediction("load", 7.0, codes.GOOD, PLANT_TIME)))
    await client.until("done")


async def test_events_and_alarm_monitoring(
    opened: AdvisoryServer, node_client: Any, fault: FaultVerdict
) -> None:
    client = await node_client(opened.endpoint, "--alarms", "active", "--asset", "line1")
    await client.until("ready")
    await opened.publish_decision("alarm", "FaultPrediction", fault)
    await client.until("done")
    (event,) = client.all("event")
    assert event["SourceName"] == "line1"
    assert event["Message"] == "Fault 5 is coming"
    assert event["Severity"] == 700
    assert event["ActiveState.Id"] is True
    assert event["EnabledState.Id"] is True
    assert event["Retain"] is True
    assert event["Time"] == ISO_TIME
    assert event["Label"] == "fault 5"
    assert event["ContributionTags"] == ["T1"]
    assert event["ConditionId"].endswith(f"s={FAULTS}/PredictedFault")
    alarm = client.all("alarm")[-1]
    assert (alarm["sourceName"], alarm["active"], alarm["severity"]) == ("line1", True, 700)


async def test_a_late_client_is_told_of_the_active_fault(
    opened: AdvisoryServer, node_client: Any, fault: FaultVerdict
) -> None:
    await opened.publish_decision("alarm", "FaultPrediction", fault)
    client = await node_client(opened.endpoint, "--alarms", "inactive", "--asset", "line1")
    refreshed = await client.until("alarm")
    assert (refreshed["active"], refreshed["retain"]) == (True, True)
    await client.until("ready")
    over = FaultVerdict("line1", False, "normal", 1, "over", codes.GOOD, PLANT_TIME, changed=True)
    await opened.publish_decision("alarm", "FaultPrediction", over)
    await client.until("done")
    assert client.all("alarm")[-1]["retain"] is True, "nobody has acknowledged it"
