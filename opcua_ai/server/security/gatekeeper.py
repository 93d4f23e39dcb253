"""Decides who comes in: certificate of the channel, then user of the session."""

from __future__ import annotations

import asyncio
import logging
from ipaddress import ip_address, ip_network
from typing import Any

from asyncua import ua
from asyncua.ua import uaerrors
from cryptography import x509

from opcua_ai.core.config import Server as Settings
from opcua_ai.server.security.audit_file import AuditFile
from opcua_ai.server.security.auditor import Auditor
from opcua_ai.server.security.chain import RefusedError
from opcua_ai.server.security.lockout import Lockout
from opcua_ai.server.security.roles import AccessRules, Member
from opcua_ai.server.security.tokens import ANONYMOUS, Challenge, credentials
from opcua_ai.server.security.trust import TrustList
from opcua_ai.server.security.users import Credentials, Users

logger = logging.getLogger(__name__)

_FAILURES_OF_A_USER, _FAILURES_OF_A_HOST = 5, 25
_LONGEST_NAME = 300
"""Characters that are kept of a name; no user has a longer one."""
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
            if not self._by_host.locked(_neighbours(host)):  # one host cannot fill the disk
                self._by_host.failed(_neighbours(host))
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
        except uaerrors.UaStatusCodeError as error:
            claimed = getattr(token, "UserName", None) or "somebody"
            self._failed(claimed, (None, _neighbours(host)), host, type(error).__name__)
            raise
        if shown == ANONYMOUS:
            if self.settings.allow_anonymous:
                return Member.of(None, self.settings.anonymous_role)
            raise uaerrors.BadIdentityTokenRejected
        name = (shown.name or f"certificate {shown.thumbprint}")[:_LONGEST_NAME]
        key = name, _neighbours(host)
        try:
            await self._check_user_certificate(shown)
        except RefusedError as error:
            self._failed(name, key, host, error.reason)
            raise uaerrors.BadIdentityTokenRejected from error
        async with self._slots:
            locked = self._by_user.locked(key) or self._by_host.locked(_neighbours(host))
            found = await asyncio.to_thread(self.users.find, shown)
        if found is not None and not locked:
            self._by_user.succeeded(key)
            return Member.of(*found)
        if not locked:
            self._failed(name, key, host)
        raise uaerrors.BadUserAccessDenied

    async def _check_user_certificate(self, shown: Credentials) -> None:
        if shown.certificates:
            await asyncio.to_thread(self.trust.check_user, shown.certificates)

    def _failed(self, name: str, key: tuple[str | None, str], host: str, why: str = "") -> None:
        if self._by_host.locked(_neighbours(host)):
            return
        user_locked = self._by_user.failed(key)
        host_locked = self._by_host.failed(_neighbours(host))
        text = f"login refused: {why}" if why else "login refused"
        if user_locked or host_locked:
            text += "; locked after repeated failures"
        logger.warning("%s: %.64r from %s", text, name, host)
        self.auditor.record(
            ua.ObjectIds.AuditActivateSessionEventType, text, good=False, user=name, client=host
        )


def _neighbours(host: str) -> str:
    """Whose failures count together: one address, of IPv6 one network, for whoever has one has all
    of its 2^64 addresses."""
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if address.version == 4:
        return host
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ip_network((address, 64), strict=False))


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
