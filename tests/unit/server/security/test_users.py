"""Users, their hashes and the file that holds them."""

from __future__ import annotations

import json
import stat
import time
from pathlib import Path
from typing import Any

import pytest

from opcua_ai.core.config import Server
from opcua_ai.core.config import User as UserTable
from opcua_ai.core.errors import ConfigError
from opcua_ai.server.security import passwords, users
from opcua_ai.server.security.users import Account, Credentials, Users


@pytest.fixture
def settings(tmp_path: Path) -> Any:
    def make(**options: Any) -> Server:
        return Server(users_file=tmp_path / "users.json", **options)

    return make


def test_a_hash_fits_its_password_alone() -> None:
    first, second = passwords.hashed("right"), passwords.hashed("right")
    assert first.startswith("$argon2id$")
    assert first != second
    assert passwords.matches("right", first)
    assert passwords.matches("right", second)
    assert not passwords.matches("wrong", first)
    assert not passwords.matches("", first)


def test_users_of_the_file(settings: Any) -> None:
    server = settings()
    anna = Account(role="Operator", password=passwords.hashed("right"))
    users.write(
        server.users_file, {"anna": anna, "station": Account(role="Observer", certificate="ab")}
    )
    found = Users(server)
    assert found.find(Credentials(name="anna", password="right")) == ("anna", "Operator")
    assert found.find(Credentials(thumbprint="ab")) == ("station", "Observer")


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("op", "wrong"),
        ("op", ""),
        ("op", None),
        ("admin", "x"),
        ("Admin", ""),
        ("", ""),
        ("key", ""),
    ],
)
def test_refused(settings: Any, tmp_path: Path, name: str, password: str | None) -> None:
    (tmp_path / "secret").write_text("right\n")
    server = settings(users={"op": UserTable(password_file=tmp_path / "secret")})
    users.write(server.users_file, {"key": Account(role="ConfigureAdmin", certificate="ab")})
    assert Users(server).find(Credentials(name=name, password=password)) is None
    assert Users(server).find(Credentials(thumbprint="cd")) is None


def test_an_unknown_name_takes_as_long_as_a_wrong_password(settings: Any) -> None:
    server = settings()
    users.write(server.users_file, {"op": Account(role="Observer", password=passwords.hashed("x"))})
    found = Users(server)

    def fastest(name: str) -> float:
        times = []
        for _ in range(5):
            start = time.perf_counter()
            found.find(Credentials(name=name, password="wrong"))
            times.append(time.perf_counter() - start)
        return min(times)

    known, unknown = fastest("op"), fastest("nobody")
    assert 0.5 < known / unknown < 2


def test_the_file_is_private_and_takes_effect_at_once(settings: Any) -> None:
    server = settings()
    found = Users(server)
    assert found.find(Credentials(name="op", password="x")) is None
    users.write(server.users_file, {"op": Account(role="Engineer", password=passwords.hashed("x"))})
    assert stat.S_IMODE(server.users_file.stat().st_mode) == 0o600
    assert found.find(Credentials(name="op", password="x")) is not None
    server.users_file.write_text("{")  # half written by hand: the users stay as they were
    assert found.find(Credentials(name="op", password="x")) is not None
    users.write(server.users_file, {})
    assert found.find(Credentials(name="op", password="x")) is None


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "users.json"),
        ('{"op": {"role": "Boss", "password": "x"}}', "op.role"),
        ('{"op": {"role": "Observer"}}', "either password"),
        ('{"op": {"role": "Observer", "password": "clear"}}', "no Argon2id hash"),
        ('{"1": {"role": "Observer", "certificate": "ab"}}', "users.json"),
    ],
)
def test_a_wrong_file_is_a_mistake(settings: Any, content: str, message: str) -> None:
    server = settings()
    server.users_file.write_text(content)
    with pytest.raises(ConfigError, match=message):
        Users(server)


def test_a_user_stands_in_one_place(settings: Any, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("right\n")
    server = settings(users={"op": UserTable(password_file=tmp_path / "secret")})
    users.write(server.users_file, {"op": Account(role="Observer", certificate="ab")})
    with pytest.raises(ConfigError, match=r"op also stands in server\.users"):
        Users(server)


def test_an_empty_password_is_a_mistake(settings: Any, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("\n")
    with pytest.raises(ConfigError, match=r"users\.op: the password is empty"):
        Users(settings(users={"op": UserTable(password_file=tmp_path / "secret")}))


def test_no_password_stands_in_the_file(settings: Any) -> None:
    server = settings()
    account = Account(role="Observer", password=passwords.hashed("secret"))
    users.write(server.users_file, {"op": account})
    assert "secret" not in server.users_file.read_text()
    assert json.loads(server.users_file.read_text())["op"]["role"] == "Observer"
