"""Walk through a server's address space (View services, Part 4, 5.9).

Breadth first, many nodes in one request, continuation points followed and released. Every node is
visited once, so loops end. The standard ``Server`` object, types and methods are not entered.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Protocol

from asyncua import ua

from opcua_ai.core.errors import ConfigError
from opcua_ai.core.types import escape_name, unescape_name
from opcua_ai.sources._chunks import Chunks
from opcua_ai.sources._nodeid import standard

REFERENCES_PER_NODE = 1000
"""Asked for in one answer; the rest comes with BrowseNext."""

HIERARCHICAL = standard(ua.ObjectIds.HierarchicalReferences)
HAS_PROPERTY = standard(ua.ObjectIds.HasProperty)
EVENT_REFERENCES = {standard(ua.ObjectIds.HasEventSource), standard(ua.ObjectIds.HasNotifier)}
OBJECTS = standard(ua.ObjectIds.ObjectsFolder)
SERVER = standard(ua.ObjectIds.Server)
BAD_NO_CONTINUATION_POINTS = 0x804B0000


class BrowseSession(Protocol):
    """What the walk needs of asyncua's UaSession."""

    async def browse(self, parameters: ua.BrowseParameters) -> list[ua.BrowseResult]: ...
    async def browse_next(self, parameters: ua.BrowseNextParameters) -> list[ua.BrowseResult]: ...


@dataclass(slots=True)
class Node:
    """An object or variable that was found."""

    path: str
    node_id: ua.NodeId
    display_name: str
    variable: bool
    depth: int
    properties: dict[str, ua.NodeId] = field(default_factory=dict[str, ua.NodeId])
    """BrowseName -> node of every property (EURange, EngineeringUnits, ...)."""
    ancestors: frozenset[ua.NodeId] = frozenset()
    """Of a root: the nodes on the way to it; a loop must not lead back up."""


@dataclass(slots=True)
class Walk:
    """All that was found, in the order of discovery."""

    nodes: list[Node]
    limit: str = ""
    """Which limit ended the walk early; empty when everything was seen."""
    refused: list[str] = field(default_factory=list[str])
    """Paths that the server would not let us browse, with its status."""


def split(path: str) -> list[str]:
    """The BrowseNames of a browse path."""
    parts = [part for part in path.strip("/").split("/") if part]
    return [unescape_name(part) for part in parts]


async def children(
    session: BrowseSession, chunks: Chunks, parents: Sequence[ua.NodeId]
) -> list[list[ua.ReferenceDescription] | ua.StatusCode]:
    """Hierarchical references of each parent, or the status with which it was refused."""
    found = await chunks.gather(parents, lambda part: _browse(session, part))
    for index, answer in enumerate(found):
        if isinstance(answer, ua.StatusCode) and answer.value == BAD_NO_CONTINUATION_POINTS:
            # too many long lists at once for this server: alone it gets its continuation point
            (found[index],) = await _browse(session, [parents[index]])
    return found


async def _browse(
    session: BrowseSession, parents: Sequence[ua.NodeId]
) -> list[list[ua.ReferenceDescription] | ua.StatusCode]:
    parameters = ua.BrowseParameters()
    parameters.RequestedMaxReferencesPerNode = ua.UInt32(REFERENCES_PER_NODE)
    parameters.NodesToBrowse = [_description(parent) for parent in parents]
    results = await session.browse(parameters)
    found: list[list[ua.ReferenceDescription] | ua.StatusCode] = []
    more: dict[int, bytes] = {}
    for index, result in enumerate(results):
        good = result.StatusCode.is_good()
        found.append(list(result.References or []) if good else result.StatusCode)
        if result.ContinuationPoint:
            more[index] = result.ContinuationPoint
    await _follow(session, found, more)
    return found


async def _follow(
    session: BrowseSession,
    found: list[list[ua.ReferenceDescription] | ua.StatusCode],
    more: dict[int, bytes],
) -> None:
    """Fetch what did not fit, with BrowseNext (Part 4, 5.9.3); on an error release the rest."""
    try:
        while more:
            order = list(more)
            results = await _next(session, [more[index] for index in order], release=False)
            for index, result in zip(order, results, strict=True):
                answer = found[index]
                if not result.StatusCode.is_good():
                    found[index] = result.StatusCode
                elif isinstance(answer, list):
                    answer += result.References or []
                if result.ContinuationPoint and result.StatusCode.is_good():
                    more[index] = result.ContinuationPoint
                else:
                    del more[index]
    except BaseException:
        with suppress(Exception):
            await _next(session, list(more.values()), release=True)
        raise


async def _next(
    session: BrowseSession, points: list[bytes], release: bool
) -> list[ua.BrowseResult]:
    parameters = ua.BrowseNextParameters()
    parameters.ReleaseContinuationPoints = release
    parameters.ContinuationPoints = points
    return await session.browse_next(parameters)


def _description(node_id: ua.NodeId) -> ua.BrowseDescription:
    description = ua.BrowseDescription()
    description.NodeId = node_id
    description.BrowseDirection = ua.BrowseDirection.Forward
    description.ReferenceTypeId = HIERARCHICAL
    description.IncludeSubtypes = True
    description.NodeClassMask = ua.UInt32(ua.NodeClass.Object | ua.NodeClass.Variable)
    description.ResultMask = ua.UInt32(ua.BrowseResultMask.All)
    return description


async def walk(
    session: BrowseSession, chunks: Chunks, root: Node, max_depth: int, max_nodes: int
) -> Walk:
    """Everything below ``root`` (itself included when it is a variable)."""
    result = Walk([root])
    seen = {root.node_id, SERVER, *root.ancestors}
    level = [root]
    while level:
        answers = await children(session, chunks, [node.node_id for node in level])
        below: list[Node] = []
        for parent, answer in zip(level, answers, strict=True):
            if isinstance(answer, ua.StatusCode):
                result.refused.append(f"{parent.path or 'Objects'} ({answer.name})")
            else:
                below += _nodes(parent, answer, seen)
        room = max_nodes - len(result.nodes)
        if below and level[0].depth >= max_depth:
            result.limit, room = f"max_depth = {max_depth}", 0
        elif len(below) > room:
            result.limit = f"max_nodes = {max_nodes}"
        # the last ones are still browsed once more, for their properties
        level = below[:room]
        result.nodes += level
    return result


def _nodes(
    parent: Node, references: Sequence[ua.ReferenceDescription], seen: set[ua.NodeId]
) -> list[Node]:
    """New nodes among the references; properties go to their parent instead."""
    new: list[Node] = []
    for ref in references:
        name = str(ref.BrowseName.Name)
        if ref.ReferenceTypeId in EVENT_REFERENCES:
            continue  # these nodes are organised elsewhere: an event must not decide their path
        if ref.ReferenceTypeId == HAS_PROPERTY:
            parent.properties[name] = _local(ref.NodeId)
        elif _on_this_server(ref.NodeId) and (node_id := _local(ref.NodeId)) not in seen:
            seen.add(node_id)
            new.append(
                Node(
                    path=f"{parent.path}/{escape_name(name)}" if parent.path else escape_name(name),
                    node_id=node_id,
                    display_name=ref.DisplayName.Text or name,
                    variable=ref.NodeClass == ua.NodeClass.Variable,
                    depth=parent.depth + 1,
                )
            )
    return new


def _on_this_server(node_id: ua.NodeId) -> bool:
    return not getattr(node_id, "ServerIndex", 0)


def _local(node_id: ua.NodeId) -> ua.NodeId:
    """The NodeId of an ExpandedNodeId, which asyncua would send back in its expanded form."""
    return ua.NodeId(node_id.Identifier, node_id.NamespaceIndex, node_id.NodeIdType)


async def find_root(session: BrowseSession, chunks: Chunks, path: str) -> Node:
    """The node at a browse path below Objects. Raises ConfigError naming what is there instead."""
    node = Node("", OBJECTS, "Objects", False, 0)
    names = split(path)
    for name in names[1:] if names[:1] == ["Objects"] else names:
        (answer,) = await children(session, chunks, [node.node_id])
        here = [] if isinstance(answer, ua.StatusCode) else _nodes(node, answer, set())
        match = [
            n for n in here if n.path == (f"{node.path}/" if node.path else "") + escape_name(name)
        ]
        if not match:
            known = ", ".join(n.path for n in here if n.node_id != SERVER) or "nothing"
            raise ConfigError(
                f"browse_root {path!r}: there is no {name!r} below {node.path or 'Objects'!r}; "
                f"there is: {known}"
            )
        above = node.ancestors | {node.node_id}
        node = replace(match[0], depth=0, ancestors=above)
    return node
