"""Our node sets in a foreign implementation: node-opcua builds the same instances as we do."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from asyncua import ua

from opcua_ai.core.resources import nodesets_dir
from opcua_ai.server.advisory import NAMESPACE, NODESETS
from tests.integration.node_client import FOLDER, INSTALL, needs_node

pytestmark = [*needs_node, pytest.mark.asyncio(loop_scope="session")]

ASSET = "AIAdvisory/Applications/FaultPrediction/line1"
INSTANCES = {
    "AdvisoryModuleType": "AIAdvisory",
    "AdvisorySourceType": "AIAdvisory/Sources/plant",
    "AdvisoryModelType": "AIAdvisory/Models/faults",
    "AdvisoryAssetType": ASSET,
    "PredictionType": f"{ASSET}/Predictions/faults_load",
}


async def lines() -> list[dict[str, Any]]:
    assert (FOLDER / "node_modules/node-opcua-address-space").is_dir(), f"not installed: {INSTALL}"
    process = await asyncio.create_subprocess_exec(
        "node",
        str(FOLDER / "nodeset.js"),
        NAMESPACE,
        *(str(nodesets_dir() / name) for name in NODESETS),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    out, _ = await asyncio.wait_for(process.communicate(), 60)
    # node-opcua writes its own warnings to the same stream
    return [json.loads(line) for line in out.splitlines() if line.startswith(b'{"kind"')]


async def test_node_opcua_makes_the_same_instances(hmi: Any) -> None:
    found = await lines()
    assert found[-1] == {"kind": "done"}
    types = {line["name"]: line["members"] for line in found if line["kind"] == "type"}
    assert set(types) == {*INSTANCES, "SetpointRecommendationType", "SetpointGateType"}
    assert {"Watchdog", "Watchdog/Timeout", "Watchdog/Ok"} < set(types["SetpointGateType"])
    for name, root in INSTANCES.items():
        assert types[name]
        for path, (_, data_type) in types[name].items():
            node = hmi.node(f"{root}/{path}")
            assert await node.read_node_class() in (ua.NodeClass.Object, ua.NodeClass.Variable)
            if data_type is not None:
                ours = hmi.client.get_node(await node.read_data_type())
                assert (await ours.read_browse_name()).Name == data_type, f"{name} {path}"


async def test_node_opcua_knows_the_types_of_events() -> None:
    events = {line["name"]: line["supertype"] for line in await lines() if line["kind"] == "event"}
    assert events["PredictedFaultAlarmType"] == "OffNormalAlarmType"
    assert events["RecommendationEventType"] == "BaseEventType"
