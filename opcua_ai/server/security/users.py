"""The users: a JSON file with hashes and certificates, and those of the configuration."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from pydantic import RootModel, ValidationError, model_validator

from opcua_ai.core.config import Name, RoleName
from opcua_ai.core.config import Server as Settings
from opcua_ai.core.errors import ConfigError
from opcua_ai.core.strict import Strict, mistakes
from opcua_ai.server.security import passwords

logger = logging.getLogger(__name__)


class Account(Strict):
    """How one user proves who it is: a password, or the private key of a certificate."""

    role: RoleName
    password: str | None = None
    """Argon2id hash in PHC form."""
    certificate: str | None = None
    """SHA-256 of the DER form, in hexadecimal."""

    @model_validator(mode="after")
    def _one(self) -> Account:
        if (self.password is None) == (self.certificate is None):
            raise ValueError("give either password (a hash) or certificate")
        if self.password is not None and not passwords.is_hash(self.password):
            raise ValueError("the password is no Argon2id hash: use 'opcua-ai users add'")
        return self


class _File(RootModel[dict[Name, Account]]):
    pass


def read(path: Path) -> dict[str, Account]:
    """The users of a file; none when it is not there. Raises ConfigError."""
    try:
        return dict(_File.model_validate_json(path.read_bytes()).root)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error
    except ValidationError as error:
        raise ConfigError("\n".join(f"{path}: {line}" for line in mistakes(error))) from error


def checked(path: Path, accounts: Mapping[str, Account]) -> dict[str, Account]:
    """The accounts, if their names are allowed. Raises ConfigError."""
    try:
        return dict(_File.model_validate(dict(accounts)).root)
    except ValidationError as error:
        raise ConfigError("\n".join(f"{path}: {line}" for line in mistakes(error))) from error


def write(path: Path, accounts: Mapping[str, Account]) -> None:
    """Replace the file in one step, readable by its owner alone. Raises ConfigError."""
    table = {name: a.model_dump(exclude_none=True) for name, a in sorted(accounts.items())}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, made = tempfile.mkstemp(dir=path.parent, prefix=path.name)  # mode 0600
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump(table, file, indent=2)
                file.write("\n")
                file.flush()
                os.fsync(file.fileno())
            os.replace(made, path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(made)
            raise
    except OSError as error:
        raise ConfigError(f"{path}: cannot write: {error.strerror}") from error


def configured(settings: Settings) -> dict[str, Account]:
    """The users of the configuration file. Raises ConfigError for a secret that is not there."""
    found: dict[str, Account] = {}
    for name, user in settings.users.items():
        password = user.password(f"server.users.{name}")
        if not password:
            raise ConfigError(f"server.users.{name}: the password is empty")
        if len(password.encode("utf-8")) > passwords.MAX_LENGTH:
            raise ConfigError(f"server.users.{name}: the password is longer than 1024 bytes")
        found[name] = Account(role=user.role, password=passwords.hashed(password))
    return found


@dataclass(frozen=True)
class Credentials:
    """What a client shows: a name with a password, or a certificate whose key it has."""

    name: str | None = None
    password: str | None = None
    thumbprint: str | None = None
    certificates: tuple[x509.Certificate, ...] = ()
    """The one with this thumbprint, then those of issuers that the client has sent along."""


class Users:
    """Looks users up. The file is read at each login, so a change needs no restart."""

    def __init__(self, settings: Settings) -> None:
        """Blocking. Raises ConfigError."""
        self._path = settings.users_file
        self._fixed = configured(settings)
        self._last = read(self._path)
        for name in self._fixed.keys() & self._last.keys():
            raise ConfigError(f"{self._path}: {name} also stands in server.users: remove one")

    def __bool__(self) -> bool:
        return bool(self._fixed or self._last)

    def find(self, shown: Credentials) -> tuple[str, RoleName] | None:
        """Blocking. Name and role of the user whose credentials these are; takes as long for an
        unknown name as for a wrong password."""
        accounts = self._current()
        if shown.thumbprint is not None:
            for name, account in accounts.items():
                if account.certificate == shown.thumbprint:
                    return name, account.role
            return None
        name = shown.name or ""
        account = accounts.get(name)
        phc = account.password if account else None
        if passwords.matches(shown.password or "", phc or passwords.NOBODY) and account and phc:
            return name, account.role
        return None

    def _current(self) -> dict[str, Account]:
        try:
            self._last = read(self._path)
        except ConfigError as error:
            logger.error("keeping the users as they were: %s", error)
        return self._last | self._fixed
