"""What a configuration says of an OPC UA source."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Literal
from urllib.parse import urlparse

from pydantic import Field, model_validator

from opcua_ai.core.config import EndpointUrl, Secret, Security, SourceOptions


class Options(Secret, SourceOptions):
    """A table ``[sources.<name>]`` with ``kind = "opcua"``."""

    kind: Literal["opcua"] = "opcua"
    endpoint: EndpointUrl
    failover: list[EndpointUrl] = []
    """Endpoints of redundant servers with the same tags, tried in this order after ``endpoint``."""
    security: Security | None = None
    """None: policy None, neither signed nor encrypted."""
    user: str | None = None
    simulated: bool = False
    """The server is a simulator: predictions from it say so by ``IsSimulated``."""
    browse_root: str = "Objects"
    """Where to look for tags: a browse path of BrowseNames below Objects (``Line1/Press``), or a
    node id with its namespace URI (``nsu=urn:plant;s=Line1``)."""
    include: list[str] = ["*"]
    """Glob patterns on whole browse paths; ``*`` also matches ``/``."""
    exclude: list[str] = []
    sampling_interval_ms: float = Field(default=250, ge=0, le=3_600_000)
    publishing_interval_ms: float = Field(default=250, ge=10, le=3_600_000)
    outage_s: float = Field(default=60, ge=1, le=86_400)
    """Loss of the network that the server is asked to bridge: it keeps subscription, session and
    queued values of each tag for so long."""
    queue_size: int | None = Field(default=None, ge=2, le=10_000)
    """Values that the server keeps per tag; None: as many as ``outage_s`` needs."""
    keep_alive_s: float = Field(default=1, ge=0.5, le=600)
    """The server speaks at least this often, also when nothing changes; longer silence means that
    it is lost."""
    max_nodes: int = Field(default=20_000, ge=1)
    max_depth: int = Field(default=12, ge=1)
    timeout_s: float = Field(default=5, gt=0, le=600)
    """Longest wait for one answer."""
    reconnect_min_s: float = Field(default=1, gt=0)
    reconnect_max_s: float = Field(default=30, gt=0)

    @model_validator(mode="after")
    def _consistent(self) -> Options:
        for key, urls in (("endpoint", [self.endpoint]), ("failover", self.failover)):
            if any("@" in urlparse(url).netloc for url in urls):
                raise ValueError(f"{key} must not hold a user or password: use user, password_env")
        if self.user is None and (self.password_env or self.password_file):
            raise ValueError("a password needs a user")
        if self.reconnect_min_s > self.reconnect_max_s:
            raise ValueError("reconnect_min_s must not exceed reconnect_max_s")
        return self

    @property
    def endpoints(self) -> list[str]:
        """All of them, best first."""
        return [self.endpoint, *self.failover]

    def selects(self, path: str) -> bool:
        """Whether a browse path is included and not excluded."""
        return any(_matches(path, p) for p in self.include) and not any(
            _matches(path, p) for p in self.exclude
        )


def _matches(path: str, pattern: str) -> bool:
    return path == pattern or fnmatchcase(path, pattern)
