"""GetMonitoredItems and ResendData of the Server object (Part 5, 9.1 and 9.2): asyncua shows both
and can do neither."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from asyncua import ua
from asyncua.ua import uaerrors

from opcua_ai.server import methods
from opcua_ai.server.asyncua_mends.publishing import Subscription
from opcua_ai.server.security.caller import caller
from opcua_ai.server.values import VT, code, node_id

if TYPE_CHECKING:
    from opcua_ai.server.asyncua_mends.services import InternalServer

Act = Callable[[Subscription], list[ua.Variant]]


def offer(services: InternalServer) -> None:
    """Let clients call them for their own subscriptions."""
    for method, act in (
        (ua.ObjectIds.Server_GetMonitoredItems, _monitored_items),
        (ua.ObjectIds.Server_ResendData, _resend),
    ):
        _bind(services, method, act)


def _monitored_items(subscription: Subscription) -> list[ua.Variant]:
    items = subscription.monitored_item_srv._monitored_items  # noqa: SLF001
    handles = [item.client_handle or 0 for item in items.values()]
    return [ua.Variant(found, VT.UInt32, is_array=True) for found in (list(items), handles)]


def _resend(subscription: Subscription) -> list[ua.Variant]:
    subscription.monitored_item_srv.resend()
    return []


def _bind(services: InternalServer, method: int, act: Act) -> None:
    async def call(_parent: ua.NodeId, number: ua.Variant) -> ua.CallMethodResult:
        try:
            subscription = services.events.find(number.Value)
        except uaerrors.BadSubscriptionIdInvalid as error:
            return ua.CallMethodResult(StatusCode=code(error.code))
        who = caller()
        if who is not None and who.session_id != subscription.session_id:
            return ua.CallMethodResult(StatusCode=code(ua.StatusCodes.BadUserAccessDenied))
        return ua.CallMethodResult(OutputArguments=act(subscription))

    services.isession.add_method_callback(node_id(method), methods.checked((VT.UInt32,), call))
