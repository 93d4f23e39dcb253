"""Events on their way to monitored items, and who may ask for them again."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest
from asyncua import ua
from asyncua.common.event_objects import BaseEvent
from asyncua.server.address_space import AddressSpace, AttributeValue, NodeData
from asyncua.server.subscription_service import SubscriptionService

from opcua_ai.server.asyncua_mends.subscriptions import Subscriptions
from opcua_ai.server.occurrence import SERVER, Occurrence
from opcua_ai.server.security.caller import CURRENT, Caller
from opcua_ai.server.security.roles import Role
from opcua_ai.server.values import node_id
from tests.unit.server.asyncua_mends.conftest import LIMITS

PLANT, OWNER, STRANGER, KIND = (node_id(n, 2) for n in ("plant", "owner", "stranger", "kind"))


class Subscriber:
    """One item for the events of a node, and what it has received."""

    def __init__(self, plain: bool) -> None:
        aspace = AddressSpace()
        for node in (PLANT, SERVER):
            aspace[node] = NodeData(node)
            notifier = ua.DataValue(ua.Variant(1, ua.VariantType.Byte))
            aspace[node].attributes[ua.AttributeIds.EventNotifier] = AttributeValue(notifier)
        everybody = SimpleNamespace(rules=SimpleNamespace(allowed=lambda *_: True))
        server = SimpleNamespace(**vars(LIMITS), _external_sessions={}, gatekeeper=everybody)
        self.service: Any = (SubscriptionService if plain else Subscriptions)(aspace, server)
        self.received: list[Any] = []

    async def open(self) -> None:
        params = ua.CreateSubscriptionParameters(RequestedPublishingInterval=60_000.0)
        created = await self.service.create_subscription(params, self._seen, OWNER)
        self.id = created.SubscriptionId

    async def _seen(self, result: ua.PublishResult, _request: object = None) -> None:
        for notification in result.NotificationMessage.NotificationData:
            self.received += [event.EventFields[0].Value for event in notification.Events]

    async def monitor(self, node: ua.NodeId, where: ua.ContentFilter | None = None) -> int:
        request = ua.MonitoredItemCreateRequest(
            ua.ReadValueId(node, ua.AttributeIds.EventNotifier),
            ua.MonitoringMode.Reporting,
            ua.MonitoringParameters(QueueSize=10, Filter=_filter(where)),
        )
        params = ua.CreateMonitoredItemsParameters(self.id, ua.TimestampsToReturn.Both, [request])
        (result,) = await self.service.create_monitored_items(params)
        return result.MonitoredItemId

    async def modify(self, item: int, where: ua.ContentFilter) -> None:
        wanted = ua.MonitoringParameters(QueueSize=10, Filter=_filter(where))
        request = ua.MonitoredItemModifyRequest(item, wanted)
        self.service.modify_monitored_items(
            ua.ModifyMonitoredItemsParameters(self.id, ua.TimestampsToReturn.Both, [request])
        )

    async def happen(self, *names: str) -> None:
        """Events of the plant, whose notifiers are the plant and the server."""
        for name in names:
            if isinstance(self.service, Subscriptions):
                await self.service.emit(occurrence(name))
            else:
                event = BaseEvent()
                event.emitting_node, event.EventType, event.SourceName = PLANT, KIND, name
                await self.service.trigger_event(event)
        await self.service.subscriptions[self.id].publish_results()

    async def refresh(self) -> ua.StatusCode:
        number = ua.Variant(self.id, ua.VariantType.UInt32)
        if isinstance(self.service, Subscriptions):
            return await self.service.refresh(node_id(0), number)
        return ua.StatusCode() if not await self.service.condition_refresh(None, number) else None


def occurrence(name: str, **fields: ua.Variant) -> Occurrence:
    known = {
        "EventType": ua.Variant(KIND, ua.VariantType.NodeId),
        "SourceNode": ua.Variant(PLANT, ua.VariantType.NodeId),
        "SourceName": ua.Variant(name, ua.VariantType.String),
    }
    return Occurrence(known | fields, frozenset({PLANT, SERVER}))


def _filter(where: ua.ContentFilter | None) -> ua.EventFilter:
    name = ua.SimpleAttributeOperand(
        BrowsePath=[ua.QualifiedName("SourceName")], AttributeId=ua.AttributeIds.Value
    )
    return ua.EventFilter([name], where or ua.ContentFilter())


def only(name: str) -> ua.ContentFilter:
    operands = [_filter(None).SelectClauses[0], ua.LiteralOperand(ua.Variant(name))]
    return ua.ContentFilter([ua.ContentFilterElement(ua.FilterOperator.Equals, operands)])


@pytest.fixture
async def mended() -> AsyncIterator[Subscriber]:
    async for subscriber in _opened(plain=False):
        yield subscriber


@pytest.fixture
async def plain() -> AsyncIterator[Subscriber]:
    async for subscriber in _opened(plain=True):
        yield subscriber


async def _opened(plain: bool) -> AsyncIterator[Subscriber]:
    subscriber = Subscriber(plain)
    await subscriber.open()
    yield subscriber
    await subscriber.service.delete_subscriptions([subscriber.id])


async def test_events_climb_to_the_server(mended: Subscriber, plain: Subscriber) -> None:
    for subscriber in (mended, plain):
        await subscriber.monitor(SERVER)
        await subscriber.happen("alarm")
    assert mended.received == ["alarm"]
    assert plain.received == []


async def test_plain_loses_events_unsaid(mended: Subscriber, plain: Subscriber) -> None:
    for subscriber in (mended, plain):
        await subscriber.monitor(PLANT)  # a queue of ten
        await subscriber.happen(*(f"e{number}" for number in range(12)))
    kept = [f"e{number}" for number in range(2, 12)]
    assert mended.received == ["Server", *kept]
    assert plain.received == kept


async def test_a_filter_that_is_replaced_counts(mended: Subscriber, plain: Subscriber) -> None:
    for subscriber in (mended, plain):
        item = await subscriber.monitor(PLANT, only("first"))
        await subscriber.modify(item, only("second"))
        await subscriber.happen("first")
        await subscriber.happen("second")
    assert mended.received == ["second"]
    assert plain.received == ["first"]


def called_by(session: ua.NodeId) -> None:
    """From here on, in this test's context only."""
    CURRENT.set(Caller("anna", Role.Operator, session, "127.0.0.1"))


async def test_refresh_is_for_the_owner(mended: Subscriber, plain: Subscriber) -> None:
    called_by(STRANGER)
    assert (await mended.refresh()).value == ua.StatusCodes.BadUserAccessDenied
    assert (await plain.refresh()).is_good(), "plain asyncua refreshes the subscription of anybody"
    called_by(OWNER)
    assert (await mended.refresh()).is_good()


async def test_refresh_sends_what_is_retained(mended: Subscriber) -> None:
    def condition(name: str, retain: bool) -> Occurrence:
        return occurrence(
            name,
            ConditionId=ua.Variant(node_id(name, 2), ua.VariantType.NodeId),
            EventId=ua.Variant(uuid.uuid4().bytes, ua.VariantType.ByteString),
            Retain=ua.Variant(retain, ua.VariantType.Boolean),
        )

    for event in (condition("a", True), condition("b", True), condition("b", False)):
        mended.service.retain(event)
    await mended.monitor(SERVER, only("a"))
    await mended.refresh()
    await mended.service.subscriptions[mended.id].publish_results()
    assert mended.received == ["Server", "a", "Server"], "the brackets pass every filter"
