"""The configuration: one TOML file, read by models that forbid unknown keys.

Every mistake becomes one line (see ``core.strict``) after the name of the file. Secrets never stand
in the file: ``password_env`` names an environment variable, ``password_file`` a file.
Relative paths are relative to the configuration file.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Any, Literal, cast
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from opcua_ai.core import plugins
from opcua_ai.core.errors import ConfigError
from opcua_ai.core.listening import ListenAddress, ip_and_port
from opcua_ai.core.strict import LocatedError, Strict, mistakes

DEFAULT_PORT = 4840
"""OPC UA's registered port, where an endpoint names none."""
_LOOPBACK = ("localhost", "127.0.0.1", "::1", "0.0.0.0", "::")  # noqa: S104

RoleName = Literal["Observer", "Operator", "Engineer", "ConfigureAdmin"]
Application = Literal["ProductionOptimisation", "FaultPrediction", "QualityControl", "SupplyChain"]


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


class Schedule(Strict):
    """When a model runs: every ``interval_s`` seconds of wall time, or at ``cron`` (UTC)."""

    interval_s: float | None = Field(default=None, gt=0, le=86400)
    cron: str | None = None

    @model_validator(mode="after")
    def _one(self) -> Schedule:
        if (self.interval_s is None) == (self.cron is None):
            raise ValueError("give either interval_s or cron")
        if self.cron is not None:
            _check_cron(self.cron)
        return self

    def __str__(self) -> str:
        return f"cron {self.cron}" if self.interval_s is None else f"every {self.interval_s:g} s"


def _check_cron(text: str) -> None:
    # APScheduler 3 carries no types
    from apscheduler.triggers.cron import CronTrigger  # pyright: ignore

    fields = text.split()
    if len(fields) != 5:
        raise ValueError("cron has five fields: minute hour day month weekday")
    if any(character.isdigit() for character in fields[4]):
        # crontab counts from Sunday = 0, APScheduler from Monday = 0
        raise ValueError("cron: name the weekday: mon, tue, wed, thu, fri, sat, sun")
    try:
        CronTrigger.from_crontab(text)  # pyright: ignore[reportUnknownMemberType]
    except ValueError as error:
        raise ValueError(f"cron: {error}") from error


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

    @field_validator("bundle", mode="after")
    @classmethod
    def _beside_the_file(cls, value: str, info: ValidationInfo) -> str:
        context = cast("dict[str, Path]", info.context or {})
        folder = context.get("folder")
        if folder is not None and (folder / value / "manifest.json").is_file():
            return str(folder / value)
        return value


class User(Secret):
    """A user of the advisory server whose password comes from outside; it is kept as a hash."""

    role: RoleName = "Observer"

    @model_validator(mode="after")
    def _needs_secret(self) -> User:
        if self.password_env is None and self.password_file is None:
            raise ValueError("give password_env or password_file")
        return self


class Alarms(Strict):
    """What operators may do with predicted faults."""

    max_shelving_s: float = Field(default=8 * 3600, gt=0, le=7 * 86400)
    """Longest time that an alarm stays shelved (MaxTimeShelved of Part 9, 5.8.2): one shift."""


class Server(Strict):
    """The advisory OPC UA server."""

    endpoint: EndpointUrl = "opc.tcp://127.0.0.1:4841/opcua-ai"
    allow_none: bool = False
    """Open security policy None beside the encrypted ones; shown as a warning."""
    allow_anonymous: bool = False
    """Let anonymous clients in; shown as a warning."""
    anonymous_role: RoleName = "Observer"
    trust_all_clients: bool = False
    """Accept every client certificate; shown as a warning."""
    certificate: FilePath = Field(default=Path("pki/own/opcua-ai.der"), validate_default=True)
    private_key: FilePath = Field(default=Path("pki/own/opcua-ai.pem"), validate_default=True)
    """Made on first start when both files are missing."""
    pki: FilePath = Field(default=Path("pki"), validate_default=True)
    """Folder of ``trusted``, ``rejected``, ``ca`` and ``issuers`` (certificates of clients)."""
    users_file: FilePath = Field(default=Path("users.json"), validate_default=True)
    """Users with hashed passwords or certificates; ``opcua-ai users`` writes it."""
    audit_file: FilePath = Field(default=Path("state/audit.jsonl"), validate_default=True)
    state_dir: FilePath = Field(default=Path("state"), validate_default=True)
    """Folder of what survives a restart: alarm states, disabled models."""
    alarms: Alarms = Field(default_factory=Alarms)
    users: dict[Name, User] = Field(default_factory=dict[str, User])
    max_connections: int = Field(default=100, ge=1)
    max_sessions: int = Field(default=100, ge=1)
    max_subscriptions: int = Field(default=500, ge=1)
    """In all sessions together; so is ``max_monitored_items``."""
    max_monitored_items: int = Field(default=50_000, ge=1)
    max_message_size: int = Field(default=4 * 2**20, ge=65536)


class History(Strict):
    """What the server remembers; without this table nothing is kept."""

    folder: FilePath = Field(default=Path("history"), validate_default=True)
    max_age_days: float = Field(default=90.0, gt=0)
    max_size_mb: int = Field(default=2048, ge=16)
    """The oldest values go first when the file would become larger."""
    inputs: list[str] = ["*"]
    """Patterns on ``source/browse path``: the input tags that are kept, for training."""

    def keeps(self, source: str, path: str) -> bool:
        """Whether the tag of a source is among the inputs that are kept."""
        return any(fnmatchcase(f"{source}/{path}", pattern) for pattern in self.inputs)


class Metrics(Strict):
    """Figures about the product itself, for Prometheus; without this table nothing listens."""

    listen: ListenAddress = "127.0.0.1:9464"

    @property
    def address(self) -> tuple[str, int]:
        ip, port = ip_and_port(self.listen)
        return str(ip), port

    @property
    def loopback(self) -> bool:
        """Whether only this machine reaches it."""
        return ip_and_port(self.listen)[0].is_loopback


class Config(Strict):
    """The whole file."""

    sources: dict[Name, Any] = Field(min_length=1)
    """Name -> options of the source's kind (a plug-in of ``sources/``)."""
    models: dict[Name, Model] = Field(default_factory=dict[str, Model])
    decisions: dict[Name, Any] = Field(default_factory=dict[str, Any])
    """Name -> options of the policy (a plug-in of ``decisions/``)."""
    server: Server
    history: History | None = None
    metrics: Metrics | None = None

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
                    raise LocatedError(
                        f"models.{name}.assets.{asset}.source = {options.source!r}: known: {known}"
                    )
        for name, policy in self.decisions.items():
            if policy.model not in self.models:
                known = ", ".join(self.models) or "none"
                raise LocatedError(f"decisions.{name}.model = {policy.model!r}: known: {known}")
        return self

    @model_validator(mode="after")
    def _not_its_own_source(self) -> Config:
        """While the plant is away the server would take its port and subscribe to itself."""
        own = self.server.endpoint
        for name, options in self.sources.items():
            endpoints = cast("list[str]", getattr(options, "endpoints", []))
            if _address(own) in map(_address, endpoints):
                raise LocatedError(
                    f"server.endpoint = {own!r}: sources.{name} is there: choose another port"
                )
        return self


def _address(endpoint: str) -> tuple[str, int]:
    """Host and port; every name of this machine alone counts as the same host."""
    url = urlsplit(endpoint)
    host = url.hostname or ""
    port = DEFAULT_PORT if url.port is None else url.port
    return ("loopback" if host in _LOOPBACK else host), port


def _plugin_tables(
    folder: str, key: str, value: Mapping[str, Any], info: ValidationInfo
) -> dict[str, Any]:
    """Validate each table with the Options of the plug-in that its ``kind`` or ``policy`` names."""
    parsed: dict[str, Any] = {}
    known = ", ".join(plugins.names(folder))
    for name, table in value.items():
        if not isinstance(table, dict):
            raise LocatedError(f"{folder}.{name} = {table!r}: must be a table")
        chosen = cast("dict[str, Any]", table).get(key)
        if chosen not in plugins.names(folder):
            raise LocatedError(f"{folder}.{name}.{key} = {chosen!r}: known: {known}")
        options: type[BaseModel] = plugins.load(folder, chosen).Options
        try:
            parsed[name] = options.model_validate(table, context=info.context)
        except ValidationError as error:
            raise LocatedError(*mistakes(error, (folder, name))) from error
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
        raise ConfigError("\n".join(f"{path}: {line}" for line in mistakes(error))) from error
