"""Events and conditions."""
# ruff: noqa: SLF001

from __future__ import annotations

import logging
from collections.abc import Callable

from asyncua import ua
from asyncua.server.address_space import AddressSpace
from asyncua.server.internal_server import InternalServer
from asyncua.server.internal_subscription import InternalSubscription
from asyncua.server.monitored_item_service import MonitoredItemData

from opcua_ai.server.asyncua_mends.filters import TypeAwareWhereClause
from opcua_ai.server.asyncua_mends.subscription_services import SubscriptionServices
from opcua_ai.server.occurrence import Occurrence, server_event
from opcua_ai.server.security.caller import caller
from opcua_ai.server.security.roles import Member, Permission
from opcua_ai.server.values import code

logger = logging.getLogger(__name__)


class Subscriptions(SubscriptionServices):
    """Subscriptions whose events reach every notifier, and whose conditions can be refreshed."""

    def __init__(self, aspace: AddressSpace, iserver: InternalServer) -> None:
        super().__init__(aspace, iserver)
        self._retained: dict[ua.NodeId, Occurrence] = {}
        self.listeners: list[Callable[[Occurrence], None]] = []
        """Who else hears of every event, before the subscribers."""

    async def create_monitored_items(
        self, params: ua.CreateMonitoredItemsParameters
    ) -> list[ua.MonitoredItemCreateResult]:
        results = await super().create_monitored_items(params)
        items = self.subscriptions[params.SubscriptionId].monitored_item_srv._monitored_items
        for result in results:
            if item := items.get(result.MonitoredItemId):
                self._mend(item)
        return results

    def modify_monitored_items(
        self, params: ua.ModifyMonitoredItemsParameters
    ) -> list[ua.MonitoredItemModifyResult]:
        """asyncua keeps the where clause of an event filter that is replaced."""
        results = super().modify_monitored_items(params)
        items = self.subscriptions[params.SubscriptionId].monitored_item_srv._monitored_items
        for request in params.ItemsToModify:
            if item := items.get(request.MonitoredItemId):
                self._mend(item)
        return results

    def _mend(self, item: MonitoredItemData) -> None:
        if item.where_clause_evaluator is not None:
            item.where_clause_evaluator = TypeAwareWhereClause(
                logger, self.aspace, item.filter.WhereClause
            )

    def retain(self, event: Occurrence) -> None:
        """Keep the newest event of a condition for ConditionRefresh while it asks for that."""
        condition = event.fields.get("ConditionId")
        if condition is None:
            return
        if event.fields["Retain"].Value:
            self._retained[condition.Value] = event
        else:
            self._retained.pop(condition.Value, None)

    async def emit(self, event: Occurrence) -> None:
        """Deliver an event once to each monitored item on its notifiers whose filter fits."""
        self.retain(event)
        for listener in self.listeners:
            listener(event)
        for subscription in list(self.subscriptions.values()):
            if not self._may_receive(subscription, event):
                continue
            for mid in self._event_items(subscription, event.notifiers):
                await subscription.monitored_item_srv._trigger_event(event, mid)

    def _may_receive(self, subscription: InternalSubscription, event: Occurrence) -> bool:
        """Both the type and the source of the event must allow it (Part 3, 8.55)."""
        sessions = self.iserver._external_sessions.values()
        owner = next((s for s in sessions if s.session_id == subscription.session_id), None)
        # One that waits for its owner to come back gets what everybody gets.
        user = owner.user if owner is not None else Member()
        allowed, needed = self.iserver.gatekeeper.rules.allowed, Permission.ReceiveEvents
        source = event.fields["SourceNode"].Value
        return allowed(user, event.event_type, needed) and allowed(user, source, needed)

    @staticmethod
    def _event_items(
        subscription: InternalSubscription, notifiers: frozenset[ua.NodeId] | None = None
    ) -> list[int]:
        watched = subscription.monitored_item_srv._monitored_events
        return [
            mid
            for node, mids in watched.items()
            if notifiers is None or node in notifiers
            for mid in mids
        ]

    async def refresh(
        self, parent: ua.NodeId, subscription_id: ua.Variant, item_id: ua.Variant | None = None
    ) -> ua.StatusCode:
        """ConditionRefresh, and ConditionRefresh2 with one item (Part 9, 5.5.7 and 5.5.8).

        The two bracketing events pass every filter; the conditions keep their EventId.
        """
        subscription = self.subscriptions.get(subscription_id.Value)
        if subscription is None:
            return code(ua.StatusCodes.BadSubscriptionIdInvalid)
        who = caller()
        if who is not None and who.session_id != subscription.session_id:
            return code(ua.StatusCodes.BadUserAccessDenied)
        items = self._event_items(subscription)
        if item_id is not None:
            if item_id.Value not in items:
                return code(ua.StatusCodes.BadMonitoredItemIdInvalid)
            items = [item_id.Value]
        start = server_event(ua.ObjectIds.RefreshStartEventType, "Refresh starts")
        end = server_event(ua.ObjectIds.RefreshEndEventType, "Refresh ends")
        for mid in items:
            await self._send(subscription, mid, start)
            for event in list(self._retained.values()):
                notified = mid in self._event_items(subscription, event.notifiers)
                if notified and self._may_receive(subscription, event):
                    await subscription.monitored_item_srv._trigger_event(event, mid)
            await self._send(subscription, mid, end)
        return ua.StatusCode()

    @staticmethod
    async def _send(subscription: InternalSubscription, mid: int, event: Occurrence) -> None:
        item = subscription.monitored_item_srv._monitored_items[mid]
        fields = ua.EventFieldList(
            ClientHandle=item.client_handle or 0,
            EventFields=event.to_event_fields(item.filter.SelectClauses),
        )
        await subscription.enqueue_event(mid, fields, item.queue_size)
