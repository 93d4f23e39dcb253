"""StatusChangeNotification (Part 4, 7.25.4): asyncua writes that one can never be sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asyncua import ua

from opcua_ai.server.values import code

if TYPE_CHECKING:
    from opcua_ai.server.asyncua_mends.permissions import PermittedSession
    from opcua_ai.server.asyncua_mends.publishing import Subscription


async def tell(session: PermittedSession | None, subscription: Subscription, status: int) -> None:
    """Tell a session what became of the subscription that it had: with a Publish request that
    waits, else with its next one."""
    if session is None:
        return
    number = subscription.data.SubscriptionId
    message = ua.NotificationMessage(
        NotificationData=[ua.StatusChangeNotification(Status=code(status))]
    )
    result = ua.PublishResult(
        SubscriptionId=number,
        MoreNotifications=False,  # type: ignore[arg-type]
        NotificationMessage=message,
    )
    channel = session.channel
    request = channel.take_publish_request(number) if channel is not None else None
    if channel is None or request is None:
        session.notices.append(result)
    else:
        await channel.forward_publish_response(result, request)
