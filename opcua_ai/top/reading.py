"""Reads the figures: one Browse for the names of sources and models, one Read for everything."""

from __future__ import annotations

from collections.abc import Sequence

from asyncua import ua

from opcua_ai.core.errors import ConfigError
from opcua_ai.sources import _browse, _tags
from opcua_ai.sources._nodeid import from_text, standard
from opcua_ai.sources._session import Link, plain_errors
from opcua_ai.sources.opcua import Options
from opcua_ai.top.figures import MODEL, MODULE, SOURCE, Figures, Members

NAMESPACE = "urn:opcua-ai:advisory"
_MODULE = "AIAdvisory"
_SERVICE_LEVEL = standard(ua.ObjectIds.Server_ServiceLevel)
_CLOCK = standard(ua.ObjectIds.Server_ServerStatus_CurrentTime)


class Reader:
    """A connection to an advisory server. ``close`` it in every case."""

    def __init__(self, link: Link) -> None:
        self._link = link

    @classmethod
    async def open(cls, options: Options) -> Reader:
        """Raises AccessError, SourceLostError, or ConfigError for a server of another kind."""
        link = await Link.open(options, {})
        if NAMESPACE not in link.namespaces:
            await link.close()
            raise ConfigError(
                f"{options.endpoint} is no advisory server of opcua-ai: it does not have the "
                f"namespace {NAMESPACE}"
            )
        return cls(link)

    async def close(self) -> None:
        await self._link.close()

    async def read(self) -> Figures:
        """Everything as of now. Raises SourceLostError."""
        with plain_errors(self._link.endpoint):
            sources, models = await self._names("Sources", "Models")
            objects = [
                (_MODULE, MODULE),
                *((f"{_MODULE}/Sources/{name}", SOURCE) for name in sources),
                *((f"{_MODULE}/Models/{name}", MODEL) for name in models),
            ]
            wanted = [self._node(f"{at}/{name}") for at, names in objects for name in names]
            fixed = [_SERVICE_LEVEL, _CLOCK]
            values = await _tags.read(
                self._link, [(node, ua.AttributeIds.Value) for node in [*fixed, *wanted]]
            )
        level, clock, *rest = values
        module, *others = _members([names for _, names in objects], rest)
        return Figures(
            module=module,
            # one that the configuration has no more shows nothing
            sources={n: m for n, m in zip(sources, others, strict=False) if "State" in m},
            models=dict(zip(models, others[len(sources) :], strict=True)),
            service_level=_value(level),
            heartbeat_at=rest[MODULE.index("Heartbeat")].SourceTimestamp,
            read_at=_value(clock),
        )

    async def _names(self, *folders: str) -> list[list[str]]:
        nodes = [self._node(f"{_MODULE}/{folder}") for folder in folders]
        found = await _browse.children(self._link.session, self._link.browse_chunks, nodes)
        return [
            []
            if isinstance(references, ua.StatusCode)
            else [str(reference.BrowseName.Name) for reference in references]
            for references in found
        ]

    def _node(self, path: str) -> ua.NodeId:
        node = from_text(f"nsu={NAMESPACE};s={path}", self._link.namespaces)
        assert node is not None  # noqa: S101 - open() has seen the namespace
        return node


def _members(objects: Sequence[Sequence[str]], values: Sequence[ua.DataValue]) -> list[Members]:
    """The values, which come in the order of the names, for each object."""
    order = iter(values)
    found = [{name: _value(next(order)) for name in names} for names in objects]
    return [{k: v for k, v in members.items() if v is not None} for members in found]


def _value(data: ua.DataValue):  # noqa: ANN202 - whatever the node holds
    bad = data.StatusCode is not None and not data.StatusCode.is_good()
    return None if bad or data.Value is None else data.Value.Value
