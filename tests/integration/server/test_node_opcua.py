"""The advisory server seen by node-opcua, a client that shares no code with ours."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from opcua_ai.core import status as codes
from opcua_ai.core.types import NS, FaultVerdict, Prediction
from opcua_ai.server import AdvisoryServer

FOLDER = Path(__file__).resolve().parents[1] / "node"
INSTALL = f"npm install --no-audit --no-fund --no-package-lock (in {FOLDER}), or: make test"

pytestmark = [
    pytest.mark.node,
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.skipif(shutil.which("node") is None, reason="node.js is not installed"),
]

FAULTS = "AIAdvisory/Applications/FaultPrediction/line1"
LOAD = f"{FAULTS}/Predictions/faults_load/Value"
PLANT_TIME = 1_700_000_000 * NS
ISO_TIME = "2023-11-14T22:13:20.000Z"


class NodeClient:
    """One run of client.js; its lines, as they come."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.lines: list[dict[str, Any]] = []
        self._unread: list[dict[str, Any]] = []

    async def until(self, kind: str, timeout_s: float = 25.0) -> dict[str, Any]:
        """The next line of a kind, whatever comes before it. Fails on an error or the end."""
        async with asyncio.timeout(timeout_s):
            while not (found := [line for line in self._unread if line["kind"] == kind]):
                line = await self._next()
                assert line["kind"] not in ("error", "timeout"), line
                self._unread.append(line)
        self._unread.remove(found[0])
        return found[0]

    async def _next(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        while raw := await self._process.stdout.readline():
            # node-opcua writes its own warnings to the same stream
            if raw.startswith(b'{"kind"'):
                self.lines.append(json.loads(raw))
                return self.lines[-1]
        raise AssertionError(f"client.js ended with {await self._process.wait()}: {self.lines}")

    def all(self, kind: str) -> list[dict[str, Any]]:
        return [line for line in self.lines if line["kind"] == kind]

    async def close(self) -> None:
        if self._process.returncode is None:
            self._process.kill()
        await self._process.communicate()


@pytest_asyncio.fixture(loop_scope="session")
async def node_client(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Any]:
    assert (FOLDER / "node_modules/node-opcua-client").is_dir(), f"not installed: {INSTALL}"
    pki = tmp_path_factory.getbasetemp() / "node-pki"
    async with AsyncExitStack() as stack:

        async def start(endpoint: str, *arguments: str, password: str = "") -> NodeClient:
            process = await asyncio.create_subprocess_exec(
                "node",
                str(FOLDER / "client.js"),
                endpoint,
                *("--pki", str(pki)),
                *arguments,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                env=os.environ | {"OPCUA_PASSWORD": password},
                limit=2**20,
            )
            client = NodeClient(process)
            stack.push_async_callback(client.close)
            return client

        yield start


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
    assert client.all("alarm")[-1]["retain"] is False


async def test_encrypted_login(locked: AdvisoryServer, node_client: Any) -> None:
    arguments = ("--mode", "SignAndEncrypt", "--read", "AIAdvisory/OperatingMode", "--user", "op")
    client = await node_client(locked.endpoint, *arguments, password="right")
    assert (await client.until("value"))["value"] == 2
    await client.until("done")
    client = await node_client(locked.endpoint, *arguments, password="wrong")
    with pytest.raises(AssertionError, match=r"BadUserAccessDenied|error"):
        await client.until("value")
