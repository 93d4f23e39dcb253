"""Events and conditions."""
# ruff: noqa: SLF001

from __future__ import annotations

import logging

from asyncua import ua
from asyncua.server.address_space import AddressSpace
from asyncua.server.internal_server import InternalServer
from asyncua.server.internal_subscription import InternalSubscription
from asyncua.server.monitored_item_service import MonitoredItemData
from asyncua.server.subscription_service import SubscriptionService

from opcua_ai.server.asyncua_mends.filters import SharedValues, TypeAwareWhereClause
from opcua_ai.server.occurrence import Occurrence, refresh_bracket
from opcua_ai.server.values import code

logger = logging.getLogger(__name__)


class Subscriptions(SubscriptionService):
    """Subscriptions whose events reach every notifier, and whose conditions can be refreshed."""

    def __init__(self, aspace: AddressSpace, iserver: InternalServer) -> None:
        super().__init__(aspace, iserver)
        self._retained: dict[ua.NodeId, Occurrence] = {}

    async def create_monitored_items(
        self, params: ua.CreateMonitoredItemsParameters
    ) -> list[ua.MonitoredItemCreateResult]:
        results = await super().create_monitored_items(params)
        items = self.subscriptions[params.SubscriptionId].monitored_item_srv._monitored_items
        for result in results:
            if item := items.get(result.MonitoredItemId):
                self._mend(item)
        return results

    def _mend(self, item: MonitoredItemData) -> None:
        if item.where_clause_evaluator is not None:
            item.where_clause_evaluator = TypeAwareWhereClause(
                logger, self.aspace, item.filter.WhereClause
            )
        values = SharedValues()
        values.old_dvalue, values.current_dvalue = (
            item.mvalue.old_dvalue,
            item.mvalue.current_dvalue,
        )
        item.mvalue = values

    async def emit(self, event: Occurrence) -> None:
        """Deliver an event once to each monitored item on its notifiers whose filter fits."""
        condition = event.fields.get("ConditionId")
        if condition is not None:
            if event.fields["Retain"].Value:
                self._retained[condition.Value] = event
            else:
                self._retained.pop(condition.Value, None)
        for subscription in list(self.subscriptions.values()):
            for mid in self._event_items(subscription, event.notifiers):
                await subscription.monitored_item_srv._trigger_event(event, mid)

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
        items = self._event_items(subscription)
        if item_id is not None:
            if item_id.Value not in items:
                return code(ua.StatusCodes.BadMonitoredItemIdInvalid)
            items = [item_id.Value]
        start = refresh_bracket(ua.ObjectIds.RefreshStartEventType, "Refresh starts")
        end = refresh_bracket(ua.ObjectIds.RefreshEndEventType, "Refresh ends")
        for mid in items:
            await self._send(subscription, mid, start)
            for event in list(self._retained.values()):
                if mid in self._event_items(subscription, event.notifiers):
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
