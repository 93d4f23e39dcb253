"""A session that reaches its own subscriptions only (Part 4, 5.13 and 5.14)."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable
from typing import Any

from asyncua import ua
from asyncua.common.utils import ServiceError
from asyncua.server.internal_session import InternalSession

from opcua_ai.server.values import node_id


class Session(InternalSession):
    """asyncua counts tokens and subscription ids, and lets each session use those of others."""

    def __init__(self, *args: Any, external: bool = False, **options: Any) -> None:
        super().__init__(*args, external=external, **options)
        if external:
            self.iserver.unregister_external_session(self)
            self.auth_token = node_id(secrets.token_bytes(32))
            self.iserver.register_external_session(self)

    def _owns(self, subscription_id: int) -> bool:
        subscription = self.subscription_service.subscriptions.get(subscription_id)
        return subscription is not None and subscription.session_id == self.session_id

    def _check(self, subscription_id: int) -> None:
        if not self._owns(subscription_id):
            raise ServiceError(ua.StatusCodes.BadSubscriptionIdInvalid)

    async def create_monitored_items(
        self, params: ua.CreateMonitoredItemsParameters
    ) -> list[ua.MonitoredItemCreateResult]:
        self._check(params.SubscriptionId)
        return await super().create_monitored_items(params)

    async def modify_monitored_items(
        self, params: ua.ModifyMonitoredItemsParameters
    ) -> list[ua.MonitoredItemModifyResult]:
        self._check(params.SubscriptionId)
        return await super().modify_monitored_items(params)

    async def delete_monitored_items(
        self, params: ua.DeleteMonitoredItemsParameters
    ) -> list[ua.StatusCode]:
        self._check(params.SubscriptionId)
        return await super().delete_monitored_items(params)

    async def set_monitoring_mode(
        self, params: ua.SetMonitoringModeParameters
    ) -> list[ua.StatusCode]:
        self._check(params.SubscriptionId)
        return await super().set_monitoring_mode(params)

    async def set_publishing_mode(
        self, params: ua.SetPublishingModeParameters
    ) -> list[ua.StatusCode]:
        for subscription_id in params.SubscriptionIds:
            self._check(subscription_id)
        return await super().set_publishing_mode(params)

    async def delete_subscriptions(self, ids: list[int]) -> list[ua.StatusCode]:
        # Foreign ids become 0, which no subscription has: one result for each, in order.
        return await super().delete_subscriptions([i if self._owns(i) else 0 for i in ids])

    def republish(self, params: ua.RepublishParameters) -> ua.NotificationMessage:
        self._check(params.SubscriptionId)
        return super().republish(params)

    def publish(
        self, acks: Iterable[ua.SubscriptionAcknowledgement] | None = None
    ) -> tuple[int, list[ua.StatusCode]]:
        for ack in acks or ():
            if not self._owns(ack.SubscriptionId):
                ack.SubscriptionId = 0  # type: ignore[assignment]
        return super().publish(acks)

    async def transfer_subscriptions(
        self, params: ua.TransferSubscriptionsParameters, callback: Callable[..., Any]
    ) -> list[ua.TransferResult]:
        """Only between sessions of the same named user (Part 4, 5.14.7)."""
        wanted = params.SubscriptionIds
        params.SubscriptionIds = [i if self._may_take(i) else 0 for i in wanted]  # type: ignore[misc]
        return await super().transfer_subscriptions(params, callback)

    def _may_take(self, subscription_id: int) -> bool:
        subscription = self.subscription_service.subscriptions.get(subscription_id)
        if subscription is None or self.user is None or self.user.name is None:
            return False
        sessions = self.iserver._external_sessions.values()  # noqa: SLF001
        owner = next((s for s in sessions if s.session_id == subscription.session_id), None)
        return owner is not None and owner.user.name == self.user.name
