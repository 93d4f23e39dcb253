"""Predicted faults as events and conditions (Part 9), over real sockets."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from typing import Any

import pytest
from asyncua import ua
from asyncua.ua.uaerrors import UaStatusCodeError

pytestmark = pytest.mark.asyncio(loop_scope="session")

FAULTS = "AIAdvisory/Applications/FaultPrediction"


@pytest.mark.parametrize("notifier", ["Server", "AIAdvisory", "asset"])
async def test_a_fault_reaches_every_notifier_once(asset: Any, hmi: Any, notifier: str) -> None:
    paths = {"Server": "i=2253", "AIAdvisory": "AIAdvisory", "asset": asset.path}
    events = hmi.events()
    subscription = await events.subscribe(hmi.node(paths[notifier]))
    await asset.say()
    event = await events.next()
    assert event.SourceNode == hmi.node(asset.path).nodeid
    assert event.SourceName == asset.name
    assert event.NodeId == hmi.node(asset.condition).nodeid
    assert event.Message.Text == "Fault 5 is coming"
    assert event.Severity == 700
    assert event.ConditionName == "alarm"
    assert getattr(event, "ActiveState/Id") is True
    assert getattr(event, "AckedState/Id") is False
    assert event.Retain is True
    assert event.Label == "fault 5"
    assert event.ContributionTags == ["T1"]
    assert event.Time == datetime.fromtimestamp(1_700_000_000, UTC)
    assert await hmi.value(f"{asset.condition}/ActiveState/Id") is True

    await asset.say(message="said already")
    assert await events.none()
    await asset.say(active=False)
    event = await events.next()
    assert getattr(event, "ActiveState/Id") is False
    assert event.Retain is True, "nobody has acknowledged it"
    assert await events.none()
    await subscription.delete()


async def test_another_asset_does_not_notify(asset: Any, hmi: Any) -> None:
    events = hmi.events()
    subscription = await events.subscribe(hmi.node(f"{FAULTS}/line60"))
    await asset.say()
    assert await events.none()
    await subscription.delete()


@pytest.mark.parametrize("base", ["BaseEventType", "ConditionType", "AlarmConditionType"])
async def test_a_filter_for_a_base_type_matches(asset: Any, hmi: Any, base: str) -> None:
    events = hmi.events()
    kind = hmi.client.get_node(getattr(ua.ObjectIds, base))
    subscription = await events.subscribe(hmi.node(asset.path), kind)
    await asset.say()
    assert (await events.next()).SourceName == asset.name
    await subscription.delete()


async def test_a_late_client_refreshes(asset: Any, hmi: Any) -> None:
    await asset.say()
    events = hmi.events()
    subscription = await events.subscribe(hmi.node(asset.path))
    await refresh(hmi, subscription.subscription_id)
    start, alarm, end = [await events.next() for _ in range(3)]
    assert start.EventType == ua.NodeId(ua.ObjectIds.RefreshStartEventType)
    assert alarm.SourceName == asset.name
    assert alarm.EventId == await hmi.value(f"{asset.condition}/EventId")
    assert end.EventType == ua.NodeId(ua.ObjectIds.RefreshEndEventType)
    assert await events.none()
    await subscription.delete()


async def refresh(hmi: Any, subscription: int) -> None:
    await hmi.client.get_node(ua.ObjectIds.ConditionType).call_method(
        ua.NodeId(ua.ObjectIds.ConditionType_ConditionRefresh),
        ua.Variant(subscription, ua.VariantType.UInt32),
    )


async def test_a_changed_filter_counts(asset: Any, hmi: Any) -> None:
    events = hmi.events()
    subscription = await events.subscribe(hmi.node(asset.path))
    (item,) = subscription._monitored_items.values()
    never = ua.ContentFilterElement(
        ua.FilterOperator.OfType,
        [ua.LiteralOperand(ua.Variant(ua.NodeId(ua.ObjectIds.AuditEventType)))],
    )
    wanted = dataclasses.replace(item.mfilter, WhereClause=ua.ContentFilter([never]))
    request = ua.MonitoredItemModifyRequest(
        MonitoredItemId=item.server_handle,
        RequestedParameters=ua.MonitoringParameters(
            ClientHandle=item.client_handle, QueueSize=10, Filter=wanted
        ),
    )
    await hmi.client.uaclient.modify_monitored_items(
        ua.ModifyMonitoredItemsParameters(
            SubscriptionId=subscription.subscription_id, ItemsToModify=[request]
        )
    )
    await asset.say()
    assert await events.none()
    await subscription.delete()


async def test_refresh_of_an_unknown_subscription(hmi: Any) -> None:
    with pytest.raises(UaStatusCodeError, match="BadSubscriptionIdInvalid"):
        await refresh(hmi, 987654)


async def test_two_policies_have_a_condition_each_and_one_alarm(asset: Any, hmi: Any) -> None:
    await asset.say("first")
    events = hmi.events()
    subscription = await events.subscribe(hmi.node(asset.path))
    await asset.say("second")
    event = await events.next()
    assert (event.ConditionName, event.SuppressedOrShelved) == ("second", True)
    assert getattr(event, "AckedState/Id") is True
    assert await hmi.value(f"{asset.condition}/ConditionName") == "first"
    assert await hmi.value(f"{asset.condition}/SuppressedOrShelved") is False
    second = f"{asset.condition}_second"
    assert await hmi.value(f"{second}/SuppressedState/Id") is True

    await asset.say("second", label="fault 7")
    event = await events.next()
    assert (event.Label, event.SuppressedOrShelved) == ("fault 7", False), "another cause"
    await asset.say("second")
    assert (await events.next()).SuppressedOrShelved is True
    await asset.say("first", active=False)
    gone, left = await events.next(), await events.next()
    assert (gone.ConditionName, left.ConditionName) == ("first", "second")
    assert left.SuppressedOrShelved is False
    assert getattr(left, "AckedState/Id") is False
    await subscription.delete()


async def test_a_condition_is_made_once(
    server: Any, asset: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []
    add = server._conditions.add

    def count(key: str, *arguments: Any) -> None:
        made.append(key)
        add(key, *arguments)

    monkeypatch.setattr(server._conditions, "add", count)
    await asset.say()
    await asset.say(active=False)
    await asset.say()
    assert made == [f"FaultPrediction/{asset.name}/alarm"]
