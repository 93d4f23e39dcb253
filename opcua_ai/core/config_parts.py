"""What the tables of the configuration are made of, those of plug-ins too."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, Literal, cast

from pydantic import AfterValidator, Field, ValidationInfo, model_validator

from opcua_ai.core.errors import ConfigError
from opcua_ai.core.strict import Strict

RoleName = Literal["Observer", "Operator", "Engineer", "ConfigureAdmin"]


def _opc_tcp(url: str) -> str:
    if not url.startswith("opc.tcp://") or len(url) <= len("opc.tcp://"):
        raise ValueError("an endpoint looks like opc.tcp://host:4840/path")
    return url


EndpointUrl = Annotated[str, AfterValidator(_opc_tcp)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]*$", max_length=64)]


def _path(value: Path, info: ValidationInfo) -> Path:
    base = info.context.get("folder") if info.context else None
    return value if base is None or value.is_absolute() else base / value


FilePath = Annotated[Path, AfterValidator(_path)]


class Secret(Strict):
    """Where a password is found; mix-in of the tables that need one."""

    password_env: str | None = None
    password_file: FilePath | None = None

    @model_validator(mode="before")
    @classmethod
    def _no_plain_password(cls, data: Any) -> Any:
        if isinstance(data, dict) and "password" in data:
            raise ValueError("no password in the file: use password_env or password_file")
        return cast("Any", data)

    def password(self, owner: str) -> str | None:
        """The secret; None when none is configured. Raises ConfigError, naming the ``owner`` (such
        as ``server.users.anna``), when it is missing."""
        if self.password_env is not None:
            value = os.environ.get(self.password_env)
            if value is None:
                where = f"{owner}.password_env"
                raise ConfigError(f"{where}: environment variable {self.password_env} is not set")
            return value
        if self.password_file is not None:
            try:
                return self.password_file.read_text("utf-8").rstrip("\r\n")
            except OSError as error:
                where = f"{owner}.password_file = {str(self.password_file)!r}"
                raise ConfigError(f"{where}: {error.strerror}") from error
        return None


class SourceOptions(Strict):
    """What every source may say, whatever its kind; mix-in of their tables."""

    process: Name | None = None
    """Name of the collector process that runs it, which sources may share; None: the main one."""


class Security(Strict):
    """OPC UA secure channel of a client (Part 4, 5.6)."""

    policy: Literal["None", "Basic256Sha256", "Aes128Sha256RsaOaep", "Aes256Sha256RsaPss"]
    mode: Literal["None", "Sign", "SignAndEncrypt"] = "SignAndEncrypt"
    certificate: FilePath | None = None
    """Own certificate and key; made on first use when both files are missing."""
    private_key: FilePath | None = None
    server_certificate: FilePath | None = None
    """When given, only this server is accepted."""

    @model_validator(mode="after")
    def _files(self) -> Security:
        if (self.policy == "None") != (self.mode == "None"):
            raise ValueError('policy "None" and mode "None" go together')
        if self.policy != "None" and not (self.certificate and self.private_key):
            raise ValueError(f'policy "{self.policy}" needs certificate and private_key')
        return self
