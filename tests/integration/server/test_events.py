"""Predicted faults as events and conditions (Part 9), over real sockets."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from typing import Any

import pytest
from asyncua import ua
from asyncua.ua.uaerrors import UaStatusCodeError

from opcua_ai.core.types import FaultVerdict
from opcua_ai.server import AdvisoryServer

pytestmark = pytest.mark.asyncio(loop_scope="session")

FAULTS = "AIAdvisory/Applications/FaultPrediction/line1"


@pytest.mark.parametrize("notifier", ["i=2253", "AIAdvisory", FAULTS])
async def test_a_fault_reaches_every_notifier_once(
    opened: AdvisoryServer, hmi: Any, fault: FaultVerdict, notifier: str
) -> None:
    events = hmi.events()
    subscription = await events.subscribe(hmi.node(notifier))
    await opened.publish_decision("alarm", "FaultPrediction", fault)
    event = await events.next()
    assert event.SourceNode == hmi.node(FAULTS).nodeid
    assert event.SourceName == "line1"
    assert event.NodeId == hmi.node(f"{FAULTS}/PredictedFault").nodeid
    assert event.Message.Text == "Fault 5 is coming"
    assert event.Severity == 700
    assert event.ConditionName == "alarm"
    assert getattr(event, "ActiveState/Id") is True
    assert event.Retain is True
    assert event.Label == "fault 5"
    assert event.ContributionTags == ["T1"]
    assert event.Time == datetime.fromtimestamp(1_700_000_000, UTC)
    assert await hmi.value(f"{FAULTS}/PredictedFault/ActiveState/Id") is True

    await opened.publish_decision(
        "alarm", "FaultPrediction", dataclasses.replace(fault, changed=False)
    )
    assert await events.none()
    await opened.publish_decision(
        "alarm", "FaultPrediction", dataclasses.replace(fault, active=False)
    )
    event = await events.next()
    assert getattr(event, "ActiveState/Id") is False
    assert event.Retain is False
    assert await events.none()
    await subscription.delete()


async def test_another_asset_does_not_notify(
    opened: AdvisoryServer, hmi: Any, fault: FaultVerdict
) -> None:
    events = hmi.events()
    subscription = await events.subscribe(hmi.node("AIAdvisory/Applications/FaultPrediction/line2"))
    await opened.publish_decision("alarm", "FaultPrediction", fault)
    assert await events.none()
    await subscription.delete()


async def test_a_late_client_refreshes(
    opened: AdvisoryServer, hmi: Any, fault: FaultVerdict
) -> None:
    await opened.publish_decision("alarm", "FaultPrediction", fault)
    events = hmi.events()
    subscription = await events.subscribe()
    await hmi.client.get_node(ua.ObjectIds.ConditionType).call_method(
        ua.NodeId(ua.ObjectIds.ConditionType_ConditionRefresh),
        ua.Variant(subscription.subscription_id, ua.VariantType.UInt32),
    )
    start, alarm, end = [await events.next() for _ in range(3)]
    assert start.EventType == ua.NodeId(ua.ObjectIds.RefreshStartEventType)
    assert alarm.SourceName == "line1"
    assert alarm.EventId == await hmi.value(f"{FAULTS}/PredictedFault/EventId")
    assert end.EventType == ua.NodeId(ua.ObjectIds.RefreshEndEventType)
    assert await events.none()
    await subscription.delete()


async def test_refresh_of_an_unknown_subscription(hmi: Any) -> None:
    with pytest.raises(UaStatusCodeError, match="BadSubscriptionIdInvalid"):
        await hmi.client.get_node(ua.ObjectIds.ConditionType).call_method(
            ua.NodeId(ua.ObjectIds.ConditionType_ConditionRefresh),
            ua.Variant(987654, ua.VariantType.UInt32),
        )


async def test_two_policies_have_a_condition_each(
    opened: AdvisoryServer, hmi: Any, fault: FaultVerdict
) -> None:
    await opened.publish_decision("alarm", "FaultPrediction", fault)
    await opened.publish_decision("second", "FaultPrediction", fault)
    assert await hmi.value(f"{FAULTS}/PredictedFault/ConditionName") == "alarm"
    assert await hmi.value(f"{FAULTS}/PredictedFault_second/ConditionName") == "second"
