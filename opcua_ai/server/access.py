"""Who may connect, and what they may do: read. Nobody is Admin over the network.

asyncua's own user manager makes a user named ``admin`` Admin with any password, and its rules let
every user call the Write service; both are replaced here.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import secrets
from collections.abc import Mapping
from typing import Any

from asyncua import ua
from asyncua.crypto.permission_rules import USER_TYPES, PermissionRuleset, User, UserRole
from asyncua.server.user_managers import UserManager

from opcua_ai.core.config import Server as Settings
from opcua_ai.core.errors import ConfigError
from opcua_ai.server.values import node_id

logger = logging.getLogger(__name__)

_SALT = secrets.token_bytes(16)


def _digest(password: str) -> bytes:
    return hashlib.sha256(_SALT + password.encode("utf-8")).digest()


_NOBODY = secrets.token_bytes(32)


def read_passwords(settings: Settings) -> dict[str, str]:
    """User -> password. Raises ConfigError when a secret is missing or empty."""
    passwords: dict[str, str] = {}
    for name, user in settings.users.items():
        password = user.password(f"server.users.{name}")
        if not password:
            raise ConfigError(f"server.users.{name}: the password is empty")
        passwords[name] = password
    return passwords


class Users(UserManager):
    """Checks user name and password; every accepted session is a plain reader."""

    def __init__(self, passwords: Mapping[str, str], allow_anonymous: bool) -> None:
        self._digests = {name: _digest(password) for name, password in passwords.items()}
        self._allow_anonymous = allow_anonymous

    def get_user(
        self,
        iserver: Any,
        username: str | None = None,
        password: str | None = None,
        certificate: Any = None,
    ) -> User | None:
        """The session's user, or None to refuse it (Part 4, 5.6.3: BadUserAccessDenied).

        Takes as long for an unknown name as for a wrong password.
        """
        if username is None and password is None:
            return User(role=UserRole.User, name=None) if self._allow_anonymous else None
        expected = self._digests.get(username or "", _NOBODY)
        if hmac.compare_digest(expected, _digest(password or "")):
            return User(role=UserRole.User, name=username)
        logger.warning("refused a login as %.64r", username)
        return None


class ReadOnly(PermissionRuleset):
    """Every service that a client needs to look and listen; no Write, no node management."""

    _ALLOWED = frozenset(
        node_id(service)
        for service in USER_TYPES
        if service != ua.ObjectIds.WriteRequest_Encoding_DefaultBinary
    )

    def check_validity(self, user: User | None, action_type: ua.NodeId, body: Any) -> bool:
        """False makes asyncua answer BadUserAccessDenied."""
        return action_type in self._ALLOWED


def security_warning(settings: Settings) -> str:
    """Which doors the configuration leaves open, in one sentence; empty when none."""
    doors = []
    if settings.allow_none:
        doors.append("unencrypted connections (security policy None)")
    if settings.allow_anonymous:
        doors.append("anonymous clients")
    return f"This server accepts {' and '.join(doors)}." if doors else ""
