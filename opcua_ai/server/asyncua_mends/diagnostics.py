"""ServerDiagnosticsSummary (Part 5, 6.3.5): asyncua leaves all counters at their first value."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Any

from asyncua import ua
from asyncua.server.address_space import AddressSpace

from opcua_ai.server.values import VT, extension, node_id

_SUMMARY = "Server_ServerDiagnostics_ServerDiagnosticsSummary"
SECURITY = frozenset((
    ua.StatusCodes.BadSecurityChecksFailed,
    ua.StatusCodes.BadSecurityPolicyRejected,
    ua.StatusCodes.BadSecurityModeInsufficient,
    ua.StatusCodes.BadSessionIdInvalid,
    ua.StatusCodes.BadSecureChannelIdInvalid,
    ua.StatusCodes.BadIdentityTokenInvalid,
    ua.StatusCodes.BadIdentityTokenRejected,
    ua.StatusCodes.BadUserAccessDenied,
    ua.StatusCodes.BadUserSignatureInvalid,
    ua.StatusCodes.BadApplicationSignatureInvalid,
    ua.StatusCodes.BadCertificateInvalid,
    ua.StatusCodes.BadCertificateUntrusted,
))  # fmt: skip
"""Why somebody is refused who may not, rather than cannot."""


class End(StrEnum):
    """How a session ends, as the SourceName of its audit event (Part 4, 6.5.6)."""

    CLOSED = "Session/CloseSession"
    TIMEOUT = "Session/Timeout"
    TERMINATED = "Session/Terminated"
    """Its connection broke, it had to give way, or the server stops."""


class Diagnostics:
    """Counts sessions, subscriptions and refusals since the start of the server."""

    def __init__(self) -> None:
        self._summary: Any = ua.ServerDiagnosticsSummaryDataType()
        self._shown: list[int] = []

    def session_opened(self) -> None:
        self._summary.CumulatedSessionCount += 1

    def session_ended(self, end: End) -> None:
        self._summary.SessionTimeoutCount += end is End.TIMEOUT
        self._summary.SessionAbortCount += end is End.TERMINATED

    def session_rejected(self, status: int) -> None:
        self._summary.RejectedSessionCount += 1
        self._summary.SecurityRejectedSessionCount += status in SECURITY

    def request_rejected(self, status: int) -> None:
        self._summary.RejectedRequestsCount += 1
        self._summary.SecurityRejectedRequestsCount += status in SECURITY

    def subscription_opened(self) -> None:
        self._summary.CumulatedSubscriptionCount += 1

    async def enable(self, aspace: AddressSpace) -> None:
        """Say that the counters count."""
        flag = node_id(ua.ObjectIds.Server_ServerDiagnostics_EnabledFlag)
        value = ua.DataValue(ua.Variant(True, VT.Boolean))
        await aspace.write_attribute_value(flag, ua.AttributeIds.Value, value)

    async def show(self, aspace: AddressSpace, sessions: int, intervals: Iterable[float]) -> None:
        """Write what has changed to the address space. ``intervals``: of each subscription."""
        summary, publishing = self._summary, list(intervals)
        summary.CurrentSessionCount = sessions
        summary.CurrentSubscriptionCount = len(publishing)
        summary.PublishingIntervalCount = len(set(publishing))
        names = [name for name in type(summary).__dataclass_fields__ if name != "data_type"]
        figures = [int(getattr(summary, name)) for name in names]
        if figures == self._shown:
            return
        self._shown = figures
        copy: Any = ua.ServerDiagnosticsSummaryDataType(*figures)
        await _write(aspace, _SUMMARY, extension(copy))
        for name, figure in zip(names, figures, strict=True):
            await _write(aspace, f"{_SUMMARY}_{name}", ua.Variant(figure, VT.UInt32))


async def _write(aspace: AddressSpace, name: str, variant: ua.Variant) -> None:
    node = node_id(getattr(ua.ObjectIds, name))
    await aspace.write_attribute_value(node, ua.AttributeIds.Value, ua.DataValue(variant))
