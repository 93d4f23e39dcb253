"""Predicted faults operated by node-opcua, a client that shares no code with ours."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from opcua_ai.core.config import User
from tests.integration.node_client import needs_node, start

pytestmark = [*needs_node, pytest.mark.asyncio(loop_scope="session")]

STEPS = {
    "comment": "Good",
    "shelve": "Good",
    "shelve again": "BadConditionAlreadyShelved",
    "unshelve": "Good",
    "one shot": "Good",
    "shelve too long": "BadShelvingTimeOutOfRange",
    "unshelve 2": "Good",
    "disable": "Good",
    "acknowledge disabled": "BadConditionDisabled",
    "enable": "Good",
    "refresh unknown": "BadSubscriptionIdInvalid",
    "acknowledge unknown": "BadEventIdUnknown",
    "acknowledge": "Good",
    "acknowledge again": "BadConditionBranchAlreadyAcked",
    "confirm": "Good",
    "confirm again": "BadConditionBranchAlreadyConfirmed",
}


async def test_an_operator_with_node_opcua(
    settings: Any, running: Any, fault: Any, pki: Path, tmp_path: Path
) -> None:
    """Its alarm list (installAlarmMonitoring, a filter for a base type) follows every step."""
    users = {"anna": User(password_file=pki / "secret", role="Engineer")}
    options = settings(users=users, trust_all_clients=True)
    async with running(options) as server:
        arguments = ("--asset", "line1", "--user", "anna", "--mode", "SignAndEncrypt")
        client = await start(
            tmp_path, server.endpoint, *arguments, password="right", script="alarms.js"
        )
        try:
            await client.until("ready")
            await server.publish_decision("alarm", "FaultPrediction", fault)
            await client.until("done")
        finally:
            await client.close()
    steps = {line["name"]: line["status"] for line in client.all("step")}
    assert steps == STEPS
    assert client.all("refreshed") == [{"kind": "refreshed", "count": 1, "acked": False}]
    states = client.all("alarm")
    assert states[0]["user"] is None or states[0]["user"] == ""
    assert states[-1]["user"] == "anna"
    assert (states[-1]["comment"], states[-1]["retain"]) == ("fixed", True), "it is still active"


async def test_an_operator_may_not_disable(
    settings: Any, running: Any, encrypted: Any, look: Any, pki: Path, fault: Any
) -> None:
    from asyncua import ua

    users = {"bob": User(password_file=pki / "secret", role="Operator")}
    async with (
        running(settings(users=users)) as server,
        await encrypted(server, "bob", "right") as client,
    ):
        hmi = await look(client)
        node = hmi.node("AIAdvisory/Applications/FaultPrediction/line1/PredictedFault")
        with pytest.raises(ua.UaStatusCodeError, match="BadUserAccessDenied"):
            await node.call_method(ua.NodeId(ua.ObjectIds.ConditionType_Disable))
        assert await hmi.value(f"{node.nodeid.Identifier}/EnabledState/Id") is True
