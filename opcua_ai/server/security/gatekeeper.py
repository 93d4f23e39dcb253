"""Decides who comes in: certificate of the channel, then user of the session."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from asyncua import ua
from asyncua.ua import uaerrors
from cryptography import x509

from opcua_ai.core.config import Server as Settings
from opcua_ai.server.security.audit_file import AuditFile
from opcua_ai.server.security.auditor import Auditor
from opcua_ai.server.security.lockout import Lockout
from opcua_ai.server.security.roles import AccessRules, Member
from opcua_ai.server.security.tokens import ANONYMOUS, Challenge, credentials
from opcua_ai.server.security.trust import RefusedError, TrustList
from opcua_ai.server.security.users import Users

logger = logging.getLogger(__name__)

_FAILURES_OF_A_USER, _FAILURES_OF_A_HOST = 5, 25
_AT_ONCE = 2
"""Password hashes that are computed at the same time; each takes 19 MiB."""


class Gatekeeper:
    """Everything about access that belongs to one running server."""

    def __init__(self, settings: Settings) -> None:
        """Blocking. Raises ConfigError: secrets, users file, audit file."""
        self.settings = settings
        self.users = Users(settings)
        self.trust = TrustList(settings.pki, settings.trust_all_clients)
        self.rules = AccessRules()
        self.auditor = Auditor(AuditFile(settings.audit_file))
        self._by_user = Lockout(_FAILURES_OF_A_USER)
        self._by_host = Lockout(_FAILURES_OF_A_HOST)
        self._slots = asyncio.Semaphore(_AT_ONCE)

    async def admit(self, der: bytes | None, host: str) -> x509.Certificate:
        """Check the certificate with which a channel is opened. Raises RefusedError."""
        try:
            return await asyncio.to_thread(self.trust.check, der or b"")
        except RefusedError as error:
            if not self._by_host.locked(host):  # one host cannot fill the disk
                self._by_host.failed(host)
                logger.warning("refused a secure channel from %s: %s", host, error.reason)
                event = ua.ObjectIds.AuditOpenSecureChannelEventType
                self.auditor.record(event, error.reason, good=False, client=host)
            raise

    async def login(
        self, token: Any, signature: ua.SignatureData, challenge: Challenge, host: str
    ) -> Member:
        """The user behind an identity token. Raises BadUserAccessDenied or BadIdentityToken...

        Unknown names, wrong passwords and locked users take the same time and get the same answer.
        """
        try:
            shown = credentials(token, signature, challenge)
        except uaerrors.UaStatusCodeError:
            self._failed("somebody", (None, host), host)
            raise
        if shown == ANONYMOUS:
            if self.settings.allow_anonymous:
                return Member.of(None, self.settings.anonymous_role)
            raise uaerrors.BadIdentityTokenRejected
        key = shown.name or shown.thumbprint, host
        async with self._slots:
            locked = self._by_user.locked(key) or self._by_host.locked(host)
            found = await asyncio.to_thread(self.users.find, shown)
        if found is not None and not locked:
            self._by_user.succeeded(key)
            return Member.of(*found)
        if not locked:
            self._failed(shown.name or f"certificate {shown.thumbprint}", key, host)
        raise uaerrors.BadUserAccessDenied

    def _failed(self, name: str, key: tuple[str | None, str], host: str) -> None:
        if self._by_host.locked(host):
            return
        user_locked, host_locked = self._by_user.failed(key), self._by_host.failed(host)
        text = "login refused"
        if user_locked or host_locked:
            text += "; locked after repeated failures"
        logger.warning("%s: %.64r from %s", text, name, host)
        self.auditor.record(
            ua.ObjectIds.AuditActivateSessionEventType, text, good=False, user=name, client=host
        )


def warning(settings: Settings) -> str:
    """Which doors the configuration leaves open, in one sentence; empty when none."""
    doors: list[str] = []
    if settings.allow_none:
        doors.append("unencrypted connections (security policy None)")
    if settings.allow_anonymous:
        doors.append(f"anonymous clients as {settings.anonymous_role}")
    if settings.trust_all_clients:
        doors.append("every client certificate")
    if not doors:
        return ""
    return f"This server accepts {', '.join(doors[:-1])}{' and ' * (len(doors) > 1)}{doors[-1]}."
