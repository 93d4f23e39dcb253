"""What one session is and how often it asked for what (Part 5, 12.11 to 12.13).

asyncua counts nothing, and cannot encode SessionSecurityDiagnosticsDataType: it takes the field
Encoding for a mask of optional fields.
"""
# ruff: noqa: SLF001

from __future__ import annotations

import copy
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from asyncua import ua
from asyncua.ua.ua_binary import struct_to_binary

from opcua_ai.server.asyncua_mends.diagnostics import SECURITY
from opcua_ai.server.values import node_id

if TYPE_CHECKING:
    from opcua_ai.server.asyncua_mends.permissions import PermittedSession
    from opcua_ai.server.asyncua_mends.publishing import Subscription

_MOST_USERS = 10
"""Names that ClientUserIdHistory keeps."""


def _request(counter: str) -> ua.NodeId:
    service = counter.removesuffix("Count")
    return node_id(getattr(ua.ObjectIds, f"{service}Request_Encoding_DefaultBinary"))


_COUNTERS = {
    _request(name): name
    for name, member in ua.SessionDiagnosticsDataType.__dataclass_fields__.items()
    if "ServiceCounter" in str(member.type) and name != "TotalRequestCount"
}
"""Type of a request -> the counter of its service."""
_MECHANISMS = {ua.UserNameIdentityToken: "UserName", ua.X509IdentityToken: "Certificate"}
"""Names of UserTokenType (Part 4, 7.42)."""
_SECURITY_ENCODING = node_id(ua.ObjectIds.SessionSecurityDiagnosticsDataType_Encoding_DefaultBinary)


@dataclass
class _Security:
    """SessionSecurityDiagnosticsDataType; WireEncoding is its field Encoding."""

    SessionId: ua.NodeId
    ClientUserIdOfSession: ua.String
    ClientUserIdHistory: list[ua.String]
    AuthenticationMechanism: ua.String
    WireEncoding: ua.String
    TransportProtocol: ua.String
    SecurityMode: ua.MessageSecurityMode
    SecurityPolicyUri: ua.String
    ClientCertificate: ua.ByteString


@dataclass
class SessionDiagnostics:
    """Counts the requests of a session. Its authentication token is nowhere in it."""

    client: str = ""
    """ApplicationUri."""
    _figures: Any = field(default_factory=ua.SessionDiagnosticsDataType)
    _first_user: str | None = None
    _users: list[str] = field(default_factory=list[str])
    _mechanism: str = "Anonymous"

    def opened(self, params: ua.CreateSessionParameters, timeout_ms: float) -> None:
        figures = self._figures
        figures.SessionName = params.SessionName
        figures.ClientDescription = params.ClientDescription
        figures.ServerUri = params.ServerUri
        figures.EndpointUrl = params.EndpointUrl
        figures.ActualSessionTimeout = timeout_ms
        figures.MaxResponseMessageSize = params.MaxResponseMessageSize
        figures.ClientConnectionTime = datetime.now(UTC)
        self.client = params.ClientDescription.ApplicationUri or ""

    def activated(self, user: str, params: ua.ActivateSessionParameters) -> None:
        if params.LocaleIds:  # else those of the last time (Part 4, 5.7.3)
            self._figures.LocaleIds = list(params.LocaleIds)
        self._mechanism = _MECHANISMS.get(type(params.UserIdentityToken), "Anonymous")
        if self._first_user is None:
            self._first_user = user
        if not self._users or self._users[-1] != user:
            self._users = [*self._users, user][-_MOST_USERS:]

    def requested(self, service: ua.NodeId | None) -> None:
        for counter in self._counters(service):
            counter.TotalCount += 1

    def rejected(self, service: ua.NodeId | None, status: int) -> None:
        self._figures.UnauthorizedRequestCount += status in SECURITY
        for counter in self._counters(service):
            counter.ErrorCount += 1

    def _counters(self, service: ua.NodeId | None) -> list[Any]:
        name = _COUNTERS.get(service) if service is not None else None
        names = ["TotalRequestCount"] if name is None else ["TotalRequestCount", name]
        return [getattr(self._figures, name) for name in names]

    def shown(
        self, session: PermittedSession, subscriptions: Sequence[Subscription]
    ) -> ua.SessionDiagnosticsDataType:
        """How it stands now (Part 5, 12.11)."""
        figures = copy.deepcopy(self._figures)
        channel = session.channel
        idle = timedelta(seconds=time.monotonic() - session._last_activity)
        figures.SessionId = session.session_id
        figures.ClientLastContactTime = datetime.now(UTC) - idle
        figures.CurrentSubscriptionsCount = len(subscriptions)
        figures.CurrentMonitoredItemsCount = sum(
            len(subscription.monitored_item_srv._monitored_items) for subscription in subscriptions
        )
        figures.CurrentPublishRequestsInQueue = len(channel._publish_requests) if channel else 0
        return figures

    def shown_security(self, session: PermittedSession) -> ua.ExtensionObject:
        """Who it is (Part 5, 12.12)."""
        row: Any = _Security(
            SessionId=session.session_id,
            ClientUserIdOfSession=self._first_user or "",  # type: ignore[arg-type]
            ClientUserIdHistory=self._users,  # type: ignore[arg-type]
            AuthenticationMechanism=self._mechanism,  # type: ignore[arg-type]
            WireEncoding="UA Binary",  # type: ignore[arg-type]
            TransportProtocol="opc.tcp",  # type: ignore[arg-type]
            SecurityMode=ua.MessageSecurityMode.Invalid,
            SecurityPolicyUri="",  # type: ignore[arg-type]
            ClientCertificate=session.certificate or b"",  # type: ignore[arg-type]
        )
        if session.channel is not None:
            policy = session.channel._connection.security_policy
            row.SecurityMode, row.SecurityPolicyUri = policy.Mode, policy.URI
        body: Any = struct_to_binary(row)
        return ua.ExtensionObject(_SECURITY_ENCODING, body)
