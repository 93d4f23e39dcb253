"""Who gets in, and as what."""

from __future__ import annotations

from pathlib import Path

import pytest
from asyncua import ua
from asyncua.crypto.permission_rules import User, UserRole

from opcua_ai.core.config import Server
from opcua_ai.core.config import User as UserTable
from opcua_ai.core.errors import ConfigError
from opcua_ai.server.access import ReadOnly, Users, read_passwords, security_warning


def test_right_password_is_a_plain_user() -> None:
    user = Users({"admin": "s3cret"}, allow_anonymous=False).get_user(None, "admin", "s3cret")
    assert user is not None
    assert user.role is UserRole.User


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("op", "wrong"),
        ("op", ""),
        ("op", None),
        ("admin", "x"),
        ("Admin", "x"),
        ("", ""),
        ("", None),
    ],
)
def test_refused(name: str | None, password: str | None) -> None:
    assert Users({"op": "right"}, allow_anonymous=False).get_user(None, name, password) is None


def test_anonymous_only_when_allowed() -> None:
    assert Users({}, allow_anonymous=False).get_user(None) is None
    user = Users({}, allow_anonymous=True).get_user(None)
    assert user is not None
    assert user.role is UserRole.User


def test_a_wrong_password_is_not_anonymous() -> None:
    assert Users({}, allow_anonymous=True).get_user(None, "op", "x") is None


@pytest.mark.parametrize("service", ["Write", "AddNodes", "DeleteNodes", "HistoryUpdate"])
def test_no_service_that_changes_anything(service: str) -> None:
    request = getattr(ua.ObjectIds, f"{service}Request_Encoding_DefaultBinary")
    for role in UserRole:
        assert ReadOnly().check_validity(User(role), ua.NodeId(request), None) is False


@pytest.mark.parametrize("service", ["Read", "Browse", "CreateSubscription", "Publish", "Call"])
def test_services_to_look_and_listen(service: str) -> None:
    request = getattr(ua.ObjectIds, f"{service}Request_Encoding_DefaultBinary")
    assert ReadOnly().check_validity(User(UserRole.User), ua.NodeId(request), None)


def test_warning_names_the_open_doors() -> None:
    assert security_warning(Server()) == ""
    warning = security_warning(Server(allow_none=True, allow_anonymous=True))
    assert "None" in warning
    assert "anonymous" in warning


def test_an_empty_password_is_a_mistake(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("\n")
    with pytest.raises(ConfigError, match="users.op"):
        read_passwords(Server(users={"op": UserTable(password_file=secret)}))
