"""The tables of what the product serves: ``[server]``, ``[history]`` and ``[metrics]``."""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import Path

from pydantic import Field, model_validator

from opcua_ai.core.config_parts import EndpointUrl, FilePath, Name, RoleName, Secret
from opcua_ai.core.listening import ListenAddress, ip_and_port
from opcua_ai.core.strict import Strict


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
