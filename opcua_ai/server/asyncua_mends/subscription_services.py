"""The Subscription services of all sessions (Part 4, 5.14).

asyncua takes any publishing interval, ignores ModifySubscription, lets a transferred subscription
go on with the Publish requests of its old connection, and accepts any acknowledgement.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from asyncua import ua
from asyncua.server.subscription_service import SubscriptionService
from asyncua.ua import uaerrors

from opcua_ai.server.asyncua_mends.operation_limits import (
    MAX_NOTIFICATIONS,
    MAX_PUBLISHING_INTERVAL,
    MIN_PUBLISHING_INTERVAL,
)
from opcua_ai.server.asyncua_mends.publishing import Subscription
from opcua_ai.server.asyncua_mends.status_changes import tell
from opcua_ai.server.values import code

if TYPE_CHECKING:
    from opcua_ai.server.asyncua_mends.services import InternalServer

_KEEP_ALIVE_COUNT = 10
"""For a client that leaves it to the server."""

Wishes = ua.CreateSubscriptionParameters | ua.ModifySubscriptionParameters


class SubscriptionServices(SubscriptionService):
    """Makes, changes and hands over subscriptions."""

    iserver: InternalServer  # type: ignore[assignment]
    subscriptions: dict[int, Subscription]  # type: ignore[assignment]

    async def create_subscription(
        self,
        params: ua.CreateSubscriptionParameters,
        callback: Callable[..., Any],
        session_id: ua.NodeId,
        request_callback: Callable[..., Any] | None = None,
        user: str | None = None,
    ) -> ua.CreateSubscriptionResult:
        if len(self.subscriptions) >= self.iserver.max_subscriptions:
            raise uaerrors.BadTooManySubscriptions
        self._sub_id_counter += 1
        number = self._sub_id_counter
        subscription = Subscription(
            ua.CreateSubscriptionResult(SubscriptionId=number),  # type: ignore[arg-type]
            self.aspace,
            callback,
            session_id,
            user=user,
            request_callback=request_callback,
            delete_callback=lambda: self._expired(subscription),
            no_acks_limit=self.iserver.max_unacked_messages_per_subscription,
            publishing_enabled=params.PublishingEnabled,
        )
        self._revise(subscription, params)
        self.subscriptions[number] = subscription
        await subscription.start()
        return subscription.data

    async def _expired(self, subscription: Subscription) -> None:
        self.subscriptions.pop(subscription.data.SubscriptionId, None)
        owner = self.iserver.session_of(subscription.session_id)
        await tell(owner, subscription, ua.StatusCodes.BadTimeout)

    def _revise(self, subscription: Subscription, wanted: Wishes) -> None:
        """Give a client what it asks for, within limits (Part 4, 5.14.2)."""
        data: Any = subscription.data
        interval = wanted.RequestedPublishingInterval
        if not interval >= MIN_PUBLISHING_INTERVAL:  # NaN is not either
            interval = MIN_PUBLISHING_INTERVAL
        keep_alive = wanted.RequestedMaxKeepAliveCount or _KEEP_ALIVE_COUNT
        keep_alive = min(keep_alive, self.iserver.max_keep_alive_count)
        lifetime = min(wanted.RequestedLifetimeCount, self.iserver.max_lifetime_count)
        data.RevisedPublishingInterval = min(float(interval), MAX_PUBLISHING_INTERVAL)
        data.RevisedMaxKeepAliveCount = keep_alive
        data.RevisedLifetimeCount = max(lifetime, 3 * keep_alive)
        subscription.figures.Priority = wanted.Priority
        most = wanted.MaxNotificationsPerPublish or MAX_NOTIFICATIONS
        subscription.max_notifications = min(most, MAX_NOTIFICATIONS)

    async def modify(self, params: ua.ModifySubscriptionParameters) -> ua.ModifySubscriptionResult:
        """ModifySubscription (Part 4, 5.14.3); raises BadSubscriptionIdInvalid."""
        subscription = self.find(params.SubscriptionId)
        data = subscription.data
        before = data.RevisedPublishingInterval
        self._revise(subscription, params)
        subscription.keep()
        subscription.figures.ModifyCount += 1
        if data.RevisedPublishingInterval != before:
            await subscription.restart()
        return ua.ModifySubscriptionResult(
            data.RevisedPublishingInterval,
            data.RevisedLifetimeCount,
            data.RevisedMaxKeepAliveCount,
        )

    def find(self, number: int) -> Subscription:
        """Raises BadSubscriptionIdInvalid."""
        subscription = self.subscriptions.get(number)
        if subscription is None:
            raise uaerrors.BadSubscriptionIdInvalid
        return subscription

    def of_session(self, session_id: ua.NodeId) -> list[Subscription]:
        return [s for s in self.subscriptions.values() if s.session_id == session_id]

    def acknowledge(
        self, session_id: ua.NodeId, acks: list[ua.SubscriptionAcknowledgement]
    ) -> tuple[int, list[ua.StatusCode]]:
        """What a Publish request acknowledges, and how many subscriptions its session has.

        With no subscription there is nothing to acknowledge (Part 4, 5.14.5).
        """
        own = {s.data.SubscriptionId: s for s in self.of_session(session_id)}
        for subscription in own.values():
            subscription.keep()
        unknown = ua.StatusCodes.BadSubscriptionIdInvalid
        results = [
            own[ack.SubscriptionId].acknowledge(ack.SequenceNumber)
            if ack.SubscriptionId in own
            else code(unknown)
            for ack in acks
        ]
        return len(own), results
