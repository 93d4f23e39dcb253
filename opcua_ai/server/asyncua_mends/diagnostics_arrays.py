"""The arrays of ServerDiagnostics: single sessions and subscriptions (Part 5, 6.3.3 and 6.3.4).

asyncua leaves them empty. Nobody reads them most of the time, so they are made when they are read;
who monitors them gets them once a second.
"""
# ruff: noqa: SLF001

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from asyncua import ua

from opcua_ai.server.asyncua_mends.publishing import Subscription
from opcua_ai.server.values import Stamp, extensions, node_id

if TYPE_CHECKING:
    from opcua_ai.server.asyncua_mends.permissions import PermittedSession
    from opcua_ai.server.asyncua_mends.services import InternalServer

SESSIONS = node_id(
    ua.ObjectIds.Server_ServerDiagnostics_SessionsDiagnosticsSummary_SessionDiagnosticsArray
)
SECURITY = node_id(
    ua.ObjectIds.Server_ServerDiagnostics_SessionsDiagnosticsSummary_SessionSecurityDiagnosticsArray
)
SUBSCRIPTIONS = node_id(ua.ObjectIds.Server_ServerDiagnostics_SubscriptionDiagnosticsArray)


class DiagnosticsArrays:
    """Makes the rows from what sessions and subscriptions count."""

    def __init__(self, services: InternalServer) -> None:
        self._services = services
        self._rows: dict[ua.NodeId, Callable[[], Sequence[Any]]] = {
            SESSIONS: self._sessions,
            SECURITY: self._security,
            SUBSCRIPTIONS: self._subscriptions,
        }

    def enable(self) -> None:
        """Have reads answered from here."""
        for node in self._rows:
            self._services.set_attribute_value_callback(node, self._read)

    async def notify(self) -> None:
        """Tell those who monitor an array."""
        for node in self._rows:
            attribute = self._services.aspace[node].attributes[ua.AttributeIds.Value]
            watchers = list(attribute.datachange_callbacks.items())
            value = self._read(node) if watchers else None
            for handle, changed in watchers:
                await changed(handle, value)

    def _read(self, node: ua.NodeId, _attribute: int = ua.AttributeIds.Value) -> ua.DataValue:
        return Stamp.now()(extensions(self._rows[node]()))

    def _clients(self) -> list[PermittedSession]:
        sessions: dict[Any, Any] = self._services._external_sessions
        return list(sessions.values())

    def _sessions(self) -> list[ua.SessionDiagnosticsDataType]:
        of_session = self._services.events.of_session
        return [s.diagnostics.shown(s, of_session(s.session_id)) for s in self._clients()]

    def _security(self) -> list[ua.ExtensionObject]:
        return [s.diagnostics.shown_security(s) for s in self._clients() if s.is_activated()]

    def _subscriptions(self) -> list[ua.SubscriptionDiagnosticsDataType]:
        return [shown(s) for s in self._services.events.subscriptions.values()]


def shown(subscription: Subscription) -> ua.SubscriptionDiagnosticsDataType:
    """How a subscription stands now (Part 5, 12.15)."""
    data = subscription.data
    modes = [item.mode for item in subscription.monitored_item_srv._monitored_items.values()]
    return dataclasses.replace(
        subscription.figures,
        SessionId=subscription.session_id,
        SubscriptionId=data.SubscriptionId,
        PublishingInterval=data.RevisedPublishingInterval,
        MaxKeepAliveCount=data.RevisedMaxKeepAliveCount,
        MaxLifetimeCount=data.RevisedLifetimeCount,
        MaxNotificationsPerPublish=subscription.max_notifications,
        PublishingEnabled=subscription._publishing_enabled,
        CurrentKeepAliveCount=subscription._keep_alive_count,
        CurrentLifetimeCount=subscription._publish_cycles_count,
        UnacknowledgedMessageCount=len(subscription.available()),
        MonitoredItemCount=len(modes),
        DisabledMonitoredItemCount=modes.count(ua.MonitoringMode.Disabled),
        NextSequenceNumber=subscription._notification_seq,
    )
