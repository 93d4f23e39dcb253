"""TransferSubscriptions (Part 4, 5.14.7) between sessions of the same user."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from asyncua import ua
from asyncua.ua import uaerrors

from opcua_ai.server.asyncua_mends.publishing import Subscription
from opcua_ai.server.asyncua_mends.status_changes import tell
from opcua_ai.server.values import code

if TYPE_CHECKING:
    from opcua_ai.server.asyncua_mends.session_services import SessionServices


async def transfer(
    session: SessionServices, channel: Any, params: ua.TransferSubscriptionsParameters
) -> list[ua.TransferResult]:
    """Make subscriptions the session's own; their messages go out on its channel (a Requests).

    asyncua gives them to anybody, and takes the Publish requests from the old connection.
    """
    results: list[ua.TransferResult] = []
    for number in params.SubscriptionIds:
        try:
            subscription = _taken(session, number)
        except uaerrors.UaStatusCodeError as error:
            results.append(ua.TransferResult(StatusCode=code(error.code)))
            continue
        old = session.iserver.session_of(subscription.session_id)
        await tell(old, subscription, ua.StatusCodes.GoodSubscriptionTransferred)
        same = subscription.client == session.diagnostics.client
        subscription.figures.TransferredToSameClientCount += same
        subscription.figures.TransferredToAltClientCount += not same
        subscription.attach(session.session_id, channel)
        subscription.keep()
        if params.SendInitialValues:
            subscription.monitored_item_srv.resend()
        results.append(ua.TransferResult(AvailableSequenceNumbers=subscription.available()))  # type: ignore[arg-type]
    return results


def _taken(session: SessionServices, number: int) -> Subscription:
    subscription = session.subscription_service.find(number)
    subscription.figures.TransferRequestCount += 1
    if subscription.session_id == session.session_id:
        raise uaerrors.BadNothingToDo
    user = session.user.name if session.user else None
    if user is None or subscription.user != user:
        raise uaerrors.BadUserAccessDenied
    return subscription
