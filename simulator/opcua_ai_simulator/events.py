"""Events of conditions: to every notifier above them, by type, again on demand (Part 9).

asyncua delivers an event to one notifier only, takes ``OfType`` to mean that very type, and drops
the bracketing events of a ConditionRefresh that the client's filter does not name.
"""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from asyncua import Node, Server, ua
from asyncua.common.event_objects import RefreshEndEvent, RefreshStartEvent
from asyncua.common.events import Event
from asyncua.common.ua_utils import get_node_subtypes
from asyncua.server.subscription_service import SubscriptionService

from opcua_ai_simulator.nodes import status_code

Fields = Mapping[str, ua.Variant]  # by browse path; NodeId is the condition's
Acknowledge = Callable[[bytes, ua.LocalizedText], Awaitable[int]]

_make: Any = ua  # see nodes.py
SERVER: ua.NodeId = _make.NodeId(ua.ObjectIds.Server)
_BRACKETS = (
    _make.NodeId(ua.ObjectIds.RefreshStartEventType),
    _make.NodeId(ua.ObjectIds.RefreshEndEventType),
)


class Events(SubscriptionService):
    """The subscriptions of one server, and what its conditions tell and are told."""

    def __init__(self, server: Server) -> None:
        """Take the place of asyncua's own subscription service, in an initialised server."""
        super().__init__(server.iserver.aspace, server.iserver)
        self._session = server.iserver.isession
        self._retained: dict[ua.NodeId, tuple[Fields, Sequence[ua.NodeId]]] = {}
        self._acknowledge: dict[ua.NodeId, Acknowledge] = {}
        self._notifiers = [SERVER]  # that a refresh has to tell of its start and end
        server.iserver.subscription_service = self._session.subscription_service = self
        for method, call in (
            (ua.ObjectIds.ConditionType_ConditionRefresh, self._refresh),
            (ua.ObjectIds.ConditionType_ConditionRefresh2, self._refresh),
            (ua.ObjectIds.AcknowledgeableConditionType_Acknowledge, self._acknowledged),
        ):
            self._session.add_method_callback(_make.NodeId(method), call)

    def node(self, node_id: ua.NodeId) -> Node:
        return Node(self._session, node_id)

    async def add_notifier(self, node_id: ua.NodeId, above: ua.NodeId) -> None:
        """Let clients subscribe to the events of an object; ``above`` is its next notifier."""
        node = self.node(node_id)
        await node.set_event_notifier([ua.EventNotifier.SubscribeToEvents])
        await self.node(above).add_reference(node, ua.ObjectIds.HasNotifier)
        self._notifiers.append(node_id)

    def accept_acknowledge(self, condition: ua.NodeId, acknowledge: Acknowledge) -> None:
        """Clients' calls of Acknowledge for the condition go there, for the status of the call."""
        self._acknowledge[condition] = acknowledge

    async def emit(self, fields: Fields, notifiers: Sequence[ua.NodeId]) -> None:
        """Deliver a condition's event; ``fields`` must not change any more."""
        condition = fields["NodeId"].Value
        if fields["Retain"].Value:
            self._retained[condition] = (fields, notifiers)
        else:
            self._retained.pop(condition, None)
        for subscription in list(self.subscriptions):
            await self._send(Event.from_field_dict(dict(fields)), notifiers, subscription)

    async def create_monitored_items(
        self, params: ua.CreateMonitoredItemsParameters
    ) -> list[ua.MonitoredItemCreateResult]:
        for item in params.ItemsToCreate:
            if isinstance(item.RequestedParameters.Filter, ua.EventFilter):
                await self._mend(item.RequestedParameters.Filter.WhereClause.Elements or [])
        return await super().create_monitored_items(params)

    async def _mend(self, elements: list[ua.ContentFilterElement]) -> None:
        """Say a client's filter in words that asyncua takes as the specification means them."""
        for element in elements:
            if element.FilterOperator == ua.FilterOperator.OfType:
                wanted = self.node(element.FilterOperands[0].Value.Value)
                kinds = [kind.nodeid for kind in await get_node_subtypes(wanted)]
                element.FilterOperator, element.FilterOperands = _type_among(kinds)
        if elements:
            root, brackets = len(elements), len(elements) + 1
            either = [_make.ElementOperand(brackets), _make.ElementOperand(root)]
            elements += [elements[0], _make.ContentFilterElement(*_type_among(_BRACKETS))]
            elements[0] = _make.ContentFilterElement(ua.FilterOperator.Or, either)

    async def _send(self, event: Any, notifiers: Iterable[ua.NodeId], subscription: int) -> None:
        for notifier in notifiers:
            event.emitting_node = notifier
            await self.trigger_event(event, subscription)

    async def _refresh(
        self, _condition: ua.NodeId, subscription: ua.Variant, *_item: ua.Variant
    ) -> ua.StatusCode:
        """Both ConditionRefresh methods: all items of the subscription (Part 9, 5.5.7)."""
        if subscription.Value not in self.subscriptions:
            return status_code(ua.StatusCodes.BadSubscriptionIdInvalid)
        await self._send(_stamped(RefreshStartEvent()), self._notifiers, subscription.Value)
        for fields, notifiers in list(self._retained.values()):
            event = Event.from_field_dict(dict(fields))
            await self._send(event, notifiers, subscription.Value)
        await self._send(_stamped(RefreshEndEvent()), self._notifiers, subscription.Value)
        return status_code(ua.StatusCodes.Good)

    async def _acknowledged(
        self, condition: ua.NodeId, event_id: ua.Variant, comment: ua.Variant
    ) -> ua.StatusCode:
        acknowledge = self._acknowledge.get(condition)
        if acknowledge is None:
            return status_code(ua.StatusCodes.BadNodeIdInvalid)
        text = comment.Value or _make.LocalizedText()
        return status_code(await acknowledge(event_id.Value, text))


def _stamped(event: Any) -> Any:
    event.EventId = uuid.uuid4().bytes
    event.SourceNode, event.SourceName = SERVER, "Server"
    event.Time = event.ReceiveTime = datetime.now(UTC)
    return event


def _type_among(kinds: Iterable[ua.NodeId]) -> tuple[ua.FilterOperator, list[Any]]:
    event_type = _make.SimpleAttributeOperand(
        BrowsePath=[_make.QualifiedName("EventType")], AttributeId=ua.AttributeIds.Value
    )
    literals = [_make.LiteralOperand(ua.Variant(kind)) for kind in kinds]
    return ua.FilterOperator.InList, [event_type, *literals]
