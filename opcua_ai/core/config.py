"""The configuration: one TOML file, read by models that forbid unknown keys.

Every mistake becomes one line (see ``core.strict``) after the name of the file. Secrets never stand
in the file: ``password_env`` names an environment variable, ``password_file`` a file.
Relative paths are relative to the configuration file.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, cast
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from opcua_ai.core import plugins
from opcua_ai.core.config_parts import (
    EndpointUrl,
    FilePath,
    Name,
    RoleName,
    Secret,
    Security,
    SourceOptions,
)
from opcua_ai.core.config_server import History, Metrics, Server, User
from opcua_ai.core.errors import ConfigError
from opcua_ai.core.strict import LocatedError, Strict, mistakes

__all__ = [
    "DEFAULT_PORT",
    "Application",
    "Asset",
    "Config",
    "EndpointUrl",
    "FilePath",
    "History",
    "Metrics",
    "Model",
    "Name",
    "RoleName",
    "Schedule",
    "Secret",
    "Security",
    "Server",
    "SourceOptions",
    "Strict",
    "User",
    "load",
    "server_as_source",
]

DEFAULT_PORT = 4840
"""OPC UA's registered port, where an endpoint names none."""
_LOOPBACK = ("localhost", "127.0.0.1", "::1", "0.0.0.0", "::")  # noqa: S104

Application = Literal["ProductionOptimisation", "FaultPrediction", "QualityControl", "SupplyChain"]


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
        if mistake := server_as_source(self.server, self.sources):
            raise LocatedError(mistake)
        return self


def server_as_source(server: Server, sources: Mapping[str, Any]) -> str | None:
    """The line that says which source stands where the server is to listen."""
    own = server.endpoint
    for name, options in sources.items():
        endpoints = cast("list[str]", getattr(options, "endpoints", []))
        if _address(own) in map(_address, endpoints):
            return f"server.endpoint = {own!r}: sources.{name} is there: choose another port"
    return None


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
