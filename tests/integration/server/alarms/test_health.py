"""FailureAlarmType of DI for sources and models, over real sockets."""

from __future__ import annotations

from typing import Any

import pytest
from asyncua import Client, ua

from opcua_ai.core.ports import SourceState, SourceStats
from opcua_ai.core.types import ModelHealth, ModelState
from opcua_ai.server.advisory import DEVICES, AdvisoryServer

pytestmark = pytest.mark.asyncio(loop_scope="session")

MODEL = "AIAdvisory/Models/faults"
ALARM = f"{MODEL}/DeviceHealthAlarms/Failure"
RUNNING = ModelHealth(ModelState.RUNNING, coverage=100.0)
FAILED = ModelHealth(ModelState.FAILED, "model faults: ValueError: no")


async def failures(hmi: Any, node: Any = ua.ObjectIds.Server) -> Any:
    """Events of FailureAlarmType."""
    index = await hmi.client.get_namespace_index(DEVICES)
    events = hmi.events()
    await events.subscribe(node, hmi.client.get_node(f"ns={index};i=15292"))
    return events


async def test_a_failed_model(server: AdvisoryServer, hmi: Any) -> None:
    await server.publish_health("faults", RUNNING)
    assert await hmi.type_name(ALARM) == "FailureAlarmType"
    events = await failures(hmi)
    own = await failures(hmi, hmi.node(MODEL))
    await server.publish_health("faults", FAILED)
    event = await events.next()
    assert event.SourceNode == hmi.node(MODEL).nodeid
    assert (event.SourceName, event.Severity) == ("faults", 500)
    assert event.Message.Text == "model faults: ValueError: no"
    assert getattr(event, "ActiveState/Id") is True
    assert event.ConditionClassName.Text == "MaintenanceConditionClassType"
    assert (await own.next()).EventId == event.EventId
    await server.publish_health("faults", FAILED)
    assert await events.none(), "told once, not once a second"
    await hmi.node(ALARM).call_method(
        ua.NodeId(ua.ObjectIds.AcknowledgeableConditionType_Acknowledge),
        ua.Variant(event.EventId, ua.VariantType.ByteString),
        ua.LocalizedText("I go there"),
    )
    assert getattr(await events.next(), "AckedState/Id") is True
    await server.publish_health("faults", RUNNING)
    over = await events.next()
    assert getattr(over, "ActiveState/Id") is False
    assert over.Message.Text == "Model faults is running"


@pytest.mark.parametrize("after", [ModelState.RUNNING, ModelState.DISABLED])
async def test_a_model_that_runs_or_is_disabled_has_not_failed(
    server: AdvisoryServer, hmi: Any, after: ModelState
) -> None:
    await server.publish_health("faults", FAILED)
    assert await hmi.value(f"{ALARM}/ActiveState/Id") is True
    await server.publish_health("faults", ModelHealth(after))
    assert await hmi.value(f"{ALARM}/ActiveState/Id") is False


async def test_a_lost_source(server: AdvisoryServer, hmi: Any) -> None:
    alarm = "AIAdvisory/Sources/plant/DeviceHealthAlarms/Failure"
    for state, active in (
        (SourceState.RUNNING, False),
        (SourceState.LOST, True),
        (SourceState.CONNECTING, True),
        (SourceState.RUNNING, False),
    ):
        await server.publish_source("plant", state, SourceStats())
        assert await hmi.value(f"{alarm}/ActiveState/Id") is active, state


async def test_it_survives_a_restart(settings: Any, running: Any, look: Any) -> None:
    options = settings(allow_none=True, allow_anonymous=True)
    async with running(options) as server:
        await server.publish_health("faults", FAILED)
    async with running(options) as server, Client(server.endpoint, timeout=10) as client:
        hmi = await look(client)
        assert await hmi.value(f"{ALARM}/ActiveState/Id") is True, "nobody knows better yet"
        assert await hmi.value(f"{ALARM}/Retain") is True
        await server.publish_health("faults", RUNNING)
        assert await hmi.value(f"{ALARM}/ActiveState/Id") is False
