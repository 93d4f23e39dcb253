"""The configuration: one TOML file, read by models that forbid unknown keys.

Every mistake becomes one line that names file, key, value and what is allowed. Secrets never stand
in the file: ``password_env`` names an environment variable, ``password_file`` a file.
Relative paths are relative to the configuration file.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, cast

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import ErrorDetails

from opcua_ai.core import plugins
from opcua_ai.core.errors import ConfigError

Application = Literal["ProductionOptimisation", "FaultPrediction", "QualityControl", "SupplyChain"]


def _opc_tcp(url: str) -> str:
    if not url.startswith("opc.tcp://") or len(url) <= len("opc.tcp://"):
        raise ValueError("an endpoint looks like opc.tcp://host:4840/path")
    return url


EndpointUrl = Annotated[str, AfterValidator(_opc_tcp)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]*$", max_length=64)]


class _LocatedError(ValueError):
    """A mistake whose lines (``args``) already name their keys."""


class Strict(BaseModel):
    """Base of all configuration tables."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _path(value: Path, info: ValidationInfo) -> Path:
    base = info.context.get("folder") if info.context else None
    return value if base is None or value.is_absolute() else base / value


FilePath = Annotated[Path, AfterValidator(_path)]


class Secret(Strict):
    """A user and where its password is found; mix-in of the tables that need one."""

    password_env: str | None = None
    password_file: FilePath | None = None

    @model_validator(mode="before")
    @classmethod
    def _no_plain_password(cls, data: Any) -> Any:
        if isinstance(data, dict) and "password" in data:
            raise ValueError("no password in the file: use password_env or password_file")
        return cast("Any", data)

    def password(self) -> str | None:
        """The secret; None when none is configured. Raises ConfigError when it is missing."""
        if self.password_env is not None:
            value = os.environ.get(self.password_env)
            if value is None:
                raise ConfigError(
                    f"password_env: environment variable {self.password_env} is not set"
                )
            return value
        if self.password_file is not None:
            try:
                return self.password_file.read_text("utf-8").rstrip("\r\n")
            except OSError as error:
                reason = error.strerror
                raise ConfigError(f"password_file {self.password_file}: {reason}") from error
        return None


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


class Schedule(Strict):
    """When a model runs: every ``interval_s`` seconds of wall time, or at ``cron`` (UTC)."""

    interval_s: float | None = Field(default=None, gt=0, le=86400)
    cron: str | None = None

    @model_validator(mode="after")
    def _one(self) -> Schedule:
        if (self.interval_s is None) == (self.cron is None):
            raise ValueError("give either interval_s or cron")
        if self.cron is not None and len(self.cron.split()) != 5:
            raise ValueError("cron has five fields: minute hour day month weekday")
        return self

    def __str__(self) -> str:
        return f"cron {self.cron}" if self.interval_s is None else f"every {self.interval_s:g} s"


class Asset(Strict):
    """One machine or plant that a model watches."""

    source: Name
    inputs: str | list[str] = "*"
    """A pattern on browse paths (``Plant/*``; matched to the bundle's inputs by BrowseName), or the
    browse paths themselves in the order of the bundle's inputs."""


class Model(Strict):
    """One model bundle on a schedule, for one or more assets."""

    bundle: str
    """Name (``tep_faults``), name and version (``tep_faults/1.0.0``) or folder."""
    schedule: Schedule
    application: Application = "FaultPrediction"
    assets: dict[Name, Asset] = Field(min_length=1)


class User(Secret):
    """A user of the advisory server."""

    role: Literal["Observer", "Operator"] = "Observer"

    @model_validator(mode="after")
    def _needs_secret(self) -> User:
        if self.password_env is None and self.password_file is None:
            raise ValueError("give password_env or password_file")
        return self


class Server(Strict):
    """The advisory OPC UA server."""

    endpoint: EndpointUrl = "opc.tcp://127.0.0.1:4841/opcua-ai"
    allow_none: bool = False
    """Open security policy None beside the encrypted ones; shown as a warning."""
    allow_anonymous: bool = False
    """Let anonymous clients read; shown as a warning."""
    certificate: FilePath = Field(default=Path("pki/own/opcua-ai.der"), validate_default=True)
    private_key: FilePath = Field(default=Path("pki/own/opcua-ai.pem"), validate_default=True)
    """Made on first start when both files are missing."""
    users: dict[Name, User] = Field(default_factory=dict[str, User])
    max_connections: int = Field(default=100, ge=1)
    max_message_size: int = Field(default=16 * 2**20, ge=65536)


class Config(Strict):
    """The whole file."""

    sources: dict[Name, Any] = Field(min_length=1)
    """Name -> options of the source's kind (a plug-in of ``sources/``)."""
    models: dict[Name, Model] = Field(default_factory=dict[str, Model])
    decisions: dict[Name, Any] = Field(default_factory=dict[str, Any])
    """Name -> options of the policy (a plug-in of ``decisions/``)."""
    server: Server

    @model_validator(mode="before")
    @classmethod
    def _default_server(cls, data: dict[str, Any]) -> dict[str, Any]:
        # Not a default_factory: the default paths too are relative to the file (see _path).
        return {"server": {}, **data}

    @field_validator("sources", mode="after")
    @classmethod
    def _sources(cls, value: dict[str, Any], info: ValidationInfo) -> dict[str, Any]:
        return _plugin_tables("sources", "kind", value, info)

    @field_validator("decisions", mode="after")
    @classmethod
    def _decisions(cls, value: dict[str, Any], info: ValidationInfo) -> dict[str, Any]:
        return _plugin_tables("decisions", "policy", value, info)

    @model_validator(mode="after")
    def _references(self) -> Config:
        for name, model in self.models.items():
            for asset, options in model.assets.items():
                if options.source not in self.sources:
                    known = ", ".join(self.sources)
                    raise _LocatedError(
                        f"models.{name}.assets.{asset}.source = {options.source!r}: known: {known}"
                    )
        for name, policy in self.decisions.items():
            if policy.model not in self.models:
                known = ", ".join(self.models) or "none"
                raise _LocatedError(f"decisions.{name}.model = {policy.model!r}: known: {known}")
        return self


def _plugin_tables(
    folder: str, key: str, value: Mapping[str, Any], info: ValidationInfo
) -> dict[str, Any]:
    """Validate each table with the Options of the plug-in that its ``kind`` or ``policy`` names."""
    parsed: dict[str, Any] = {}
    known = ", ".join(plugins.names(folder))
    for name, table in value.items():
        if not isinstance(table, dict):
            raise _LocatedError(f"{folder}.{name} = {table!r}: must be a table")
        chosen = cast("dict[str, Any]", table).get(key)
        if chosen not in plugins.names(folder):
            raise _LocatedError(f"{folder}.{name}.{key} = {chosen!r}: known: {known}")
        options: type[BaseModel] = plugins.load(folder, chosen).Options
        try:
            parsed[name] = options.model_validate(table, context=info.context)
        except ValidationError as error:
            raise _LocatedError(*_lines(error, (folder, name))) from error
    return parsed


def load(path: Path) -> Config:
    """Read and check a configuration file. Raises ConfigError with one line for each mistake."""
    try:
        data = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError as error:
        raise ConfigError(
            f"{path}: no such file; 'opcua-ai init ENDPOINT -o {path}' writes one"
        ) from error
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not a TOML file: {error}") from error
    try:
        return Config.model_validate(data, context={"folder": path.resolve().parent})
    except ValidationError as error:
        raise ConfigError("\n".join(f"{path}: {line}" for line in _lines(error))) from error


def _lines(error: ValidationError, prefix: tuple[str, ...] = ()) -> list[str]:
    """One line for each mistake: key, value, what is allowed."""
    lines: list[str] = []
    for item in error.errors():
        cause = item.get("ctx", {}).get("error")
        if isinstance(cause, _LocatedError):
            lines += cause.args
        elif isinstance(cause, ValueError):
            lines.append(f"{_key(item, prefix)}{_shown(item)}: {cause}")
        else:
            lines.append(_line(item, prefix))
    return lines


def _key(item: ErrorDetails, prefix: tuple[str, ...]) -> str:
    return ".".join((*prefix, *(str(part) for part in item["loc"] if part != "[key]")))


def _line(item: ErrorDetails, prefix: tuple[str, ...]) -> str:
    key = _key(item, prefix)
    if item["type"] == "extra_forbidden":
        return f"{key}: unknown key; remove it or correct its spelling"
    if item["type"] == "missing":
        return f"{key}: required key is missing"
    return f"{key}{_shown(item)}: {item['msg'][0].lower()}{item['msg'][1:]}"


def _shown(item: ErrorDetails) -> str:
    value = item["input"]
    return f" = {value!r}" if isinstance(value, (str, int, float, bool, list)) else ""
