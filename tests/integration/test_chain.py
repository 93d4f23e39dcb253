"""The main job over real sockets: plant -> advisory server -> client."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from asyncua import Client, Node, ua

from tests.integration.node_client import start

pytestmark = pytest.mark.timeout(120)

PREDICTION = "Applications/FaultPrediction/line1/Predictions/faults_detection/Value"


async def find(client: Client, path: str) -> Node:
    index = await client.get_namespace_index("urn:opcua-ai:advisory")
    names = [f"{index}:{name}" for name in ["AIAdvisory", *path.split("/")]]
    return await client.nodes.objects.get_child(names)


async def wait_for(
    read: Callable[[], Any], wanted: Callable[[Any], bool], timeout_s: float = 30.0
) -> Any:
    end = time.monotonic() + timeout_s
    while True:
        found = await read()
        if wanted(found):
            return found
        assert time.monotonic() < end, f"still {found}"
        await asyncio.sleep(0.1)


async def data_value(node: Node) -> ua.DataValue:
    return await node.read_data_value(raise_on_bad_status=False)


@pytest.mark.node
@pytest.mark.skipif(shutil.which("node") is None, reason="node.js is not installed")
async def test_node_opcua_reads_the_predicted_fault_and_receives_the_event(
    start_plant, serve, config_file: Path, ports, tmp_path: Path
) -> None:
    """Fault 5's recording in; an independent client sees the fault as a node and as an event."""
    await start_plant("--fault", "5", "--start-row", "130", "--speed", "1000", "--paused")
    await serve(config_file)
    fault = "AIAdvisory/Applications/FaultPrediction/line1"
    name = f"{fault}/Predictions/faults_fault/Label"
    watch = ["--alarms", "active", "--asset", "line1", "--timeout", "60"]
    watcher = await start(tmp_path / "pki", ports.server, *watch)
    try:
        await watcher.until("ready")
        await resume(ports.plant)
        await watcher.until("done", 60)
        event = watcher.all("event")[-1]
        assert event["ActiveState.Id"] is True
        assert event["Retain"] is True
        assert event["Severity"] > 400
        assert event["SourceName"] == "line1"
        assert event["ContributionTags"]
    finally:
        await watcher.close()
    async with Client(ports.server) as client:
        label = await find(client, name.removeprefix("AIAdvisory/"))
        await wait_for(lambda: data_value(label), lambda d: d.Value and d.Value.Value == "IDV(5)")
    reader = await start(tmp_path / "pki", ports.server, "--read", name)
    try:
        value = await reader.until("value")
    finally:
        await reader.close()
    assert value["value"] == "IDV(5)"
    assert value["status"] == "Good"
    assert value["sourceTimestamp"] > datetime.now(UTC).isoformat(), "plant time runs ahead"


async def resume(endpoint: str) -> None:
    async with Client(endpoint) as plant:
        index = await plant.get_namespace_index("urn:opcua-ai:simulator")
        names = [f"{index}:TennesseeEastman", f"{index}:Simulation"]
        simulation = await plant.nodes.objects.get_child(names)
        await simulation.call_method(f"{index}:Resume")


async def test_the_recommendation_is_within_its_limits_and_nothing_is_written(
    start_plant, serve, config_file: Path, ports
) -> None:
    await start_plant("--fault", "0", "--speed", "1000")
    await serve(config_file)
    async with Client(ports.server) as client:
        base = "Applications/ProductionOptimisation/line1/Recommendations/XMV(6)"
        clamped = await find(client, f"{base}/ClampedValue")
        value = await wait_for(lambda: data_value(clamped), lambda d: d.StatusCode.is_good())
        current = await (await find(client, f"{base}/CurrentValue")).read_value()
        reason = await (await find(client, f"{base}/Reason")).read_value()
        assert 20.0 <= value.Value.Value <= 60.0
        assert abs(value.Value.Value - current) <= 2.001
        assert "XMV(6)" in str(getattr(reason, "Text", reason))
        state = await (await find(client, f"{base}/State")).read_value()
        assert state == 0, "Proposed: advisory only"


async def test_a_source_that_dies_and_returns(
    start_plant, serve, config_file: Path, ports, tmp_path: Path
) -> None:
    """Good, then Bad (never Good from a dead plant), then Good again without a restart."""
    plant = await start_plant("--fault", "0", "--speed", "1000")
    await serve(config_file)
    async with Client(ports.server) as client:
        node = await find(client, PREDICTION)
        await wait_for(lambda: data_value(node), lambda d: d.StatusCode.is_good())
        await plant.stop()
        await wait_for(lambda: data_value(node), lambda d: d.StatusCode.is_bad())
        await asyncio.sleep(3)
        assert (await data_value(node)).StatusCode.is_bad()
        await start_plant("--fault", "0", "--speed", "1000")
        await wait_for(lambda: data_value(node), lambda d: d.StatusCode.is_good(), 45)
    log = (tmp_path / "server.log").read_text()
    assert log.count(" lost") == 1, log
    assert log.count("is back") == 1, log
    assert "Traceback" not in log


async def test_every_input_bad_makes_the_prediction_bad(
    start_plant, serve, config_file: Path, ports
) -> None:
    await start_plant("--fault", "0", "--speed", "1000")
    await serve(config_file)
    async with Client(ports.server) as client, Client(ports.plant) as plant:
        node = await find(client, PREDICTION)
        await wait_for(lambda: data_value(node), lambda d: d.StatusCode.is_good())
        index = await plant.get_namespace_index("urn:opcua-ai:simulator")
        names = ["TennesseeEastman", "Simulation", "Misbehave"]
        misbehave = await plant.nodes.objects.get_child([f"{index}:{n}" for n in names])
        bad = ua.Variant(ua.StatusCodes.BadSensorFailure, ua.VariantType.UInt32)
        await misbehave.call_method(f"{index}:SetQuality", "*", bad, 0.0)
        await wait_for(lambda: data_value(node), lambda d: d.StatusCode.is_bad())
        for _ in range(20):
            assert not (await data_value(node)).StatusCode.is_good()
            await asyncio.sleep(0.1)


async def test_one_unknown_tag_is_reported_and_the_rest_runs(
    start_plant, serve, config_file: Path, ports, tmp_path: Path
) -> None:
    text = config_file.read_text()
    config_file.write_text(text.replace('"*XMV(*"]', '"*XMV(*"]\nexclude = ["*/XMEAS(39)"]', 1))
    await start_plant("--fault", "0", "--speed", "1000")
    await serve(config_file)
    async with Client(ports.server) as client:
        node = await find(client, PREDICTION)
        found = await wait_for(lambda: data_value(node), lambda d: not d.StatusCode.is_bad())
        assert not found.StatusCode.is_good(), "one input of 52 is missing: Uncertain"
    log = (tmp_path / "server.log").read_text()
    assert log.count("no tag 'XMEAS(39)'") == 1, log


async def test_the_server_starts_without_its_plant_and_waits_for_it(
    start_plant, serve, config_file: Path, ports
) -> None:
    await serve(config_file)
    async with Client(ports.server) as client:
        node = await find(client, PREDICTION)
        assert (await data_value(node)).StatusCode.is_bad()
        heartbeat = await find(client, "Heartbeat")
        first = await heartbeat.read_value()
        await start_plant("--fault", "0", "--speed", "1000")
        await wait_for(lambda: data_value(node), lambda d: d.StatusCode.is_good(), 45)
        assert await heartbeat.read_value() > first
