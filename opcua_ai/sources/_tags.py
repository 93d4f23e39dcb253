"""What a found variable is: type, unit, range, description, present value (Part 8, 5.3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from asyncua import ua

from opcua_ai.core.types import Tag
from opcua_ai.sources._browse import Node
from opcua_ai.sources._nodeid import standard, to_text
from opcua_ai.sources._session import Link

NUMERIC = frozenset(range(1, 12))
"""Built-in types Boolean .. Double (Part 6, 5.1.2)."""
_ABSTRACT = {26: "Number", 27: "Integer", 28: "UInteger", 29: "Int32"}
"""Number, Integer, UInteger, Enumeration: their values are numbers."""
SCALAR = -1
_HISTORY_READ = 1 << ua.AccessLevel.HistoryRead
_ANY_RANKS = (-2, -3)
"""Any, ScalarOrOneDimension: only the value tells."""


@dataclass(slots=True)
class Variable:
    """A variable with all that a tag needs, and its value at the time of reading."""

    node: Node
    tag: Tag
    numeric: bool
    """A scalar number or boolean: it can become a tag."""
    historic: bool = False
    """The server has a history of it that we may read (AccessLevel; Part 3, 8.57)."""
    value: ua.DataValue = field(default_factory=ua.DataValue)


async def describe(link: Link, nodes: Sequence[Node]) -> list[Variable]:
    """Read everything about the variables among ``nodes``, in chunks; ordered by browse path."""
    variables = sorted((node for node in nodes if node.variable), key=lambda node: node.path)
    attributes = (
        ua.AttributeIds.DataType,
        ua.AttributeIds.ValueRank,
        ua.AttributeIds.Description,
        ua.AttributeIds.UserAccessLevel,
        ua.AttributeIds.Value,
    )
    wanted = [(node.node_id, attribute) for node in variables for attribute in attributes]
    for name in ("EURange", "EngineeringUnits"):
        wanted += [
            (node.properties[name], ua.AttributeIds.Value)
            for node in variables
            if name in node.properties
        ]
    answers = dict(zip(wanted, await read(link, wanted), strict=True))
    types = await _base_types(
        link, {_value(answers[node.node_id, attributes[0]]) for node in variables}
    )
    return [_variable(link, node, answers, types) for node in variables]


async def read(
    link: Link, wanted: Sequence[tuple[ua.NodeId, ua.AttributeIds]]
) -> list[ua.DataValue]:
    """Read attributes (Part 4, 5.11.2) in chunks; one DataValue for each."""

    async def part(ids: Sequence[tuple[ua.NodeId, ua.AttributeIds]]) -> list[ua.DataValue]:
        parameters = ua.ReadParameters()
        parameters.TimestampsToReturn = ua.TimestampsToReturn.Both
        parameters.NodesToRead = [
            ua.ReadValueId(node_id, ua.UInt32(attribute)) for node_id, attribute in ids
        ]
        return await link.session.read(parameters)

    return await link.read_chunks.gather(wanted, part)


def _variable(
    link: Link,
    node: Node,
    answers: dict[tuple[ua.NodeId, ua.AttributeIds], ua.DataValue],
    types: dict[ua.NodeId, int],
) -> Variable:
    def attribute(which: ua.AttributeIds) -> Any:
        return _value(answers[node.node_id, which])

    def prop(name: str) -> Any:
        where = node.properties.get(name)
        return None if where is None else _value(answers[where, ua.AttributeIds.Value])

    data_type, numeric = _type(
        types.get(attribute(ua.AttributeIds.DataType), 0),
        attribute(ua.AttributeIds.ValueRank),
        answers[node.node_id, ua.AttributeIds.Value],
    )
    limits, unit, text = (
        prop("EURange"),
        prop("EngineeringUnits"),
        attribute(ua.AttributeIds.Description),
    )
    tag = Tag(
        path=node.path,
        node_id=to_text(node.node_id, link.namespaces),
        display_name=node.display_name,
        description=(text.Text or "") if isinstance(text, ua.LocalizedText) else "",
        data_type=data_type,
        unit=(unit.DisplayName.Text or "") if isinstance(unit, ua.EUInformation) else "",
        low=float(limits.Low) if isinstance(limits, ua.Range) else float("-inf"),
        high=float(limits.High) if isinstance(limits, ua.Range) else float("inf"),
    )
    access = attribute(ua.AttributeIds.UserAccessLevel)
    return Variable(
        node,
        tag,
        numeric,
        historic=isinstance(access, int) and bool(access & _HISTORY_READ),
        value=answers[node.node_id, ua.AttributeIds.Value],
    )


def _type(base: int, rank: Any, value: ua.DataValue) -> tuple[str, bool]:
    """Name of the built-in type, and whether the variable holds one number."""
    variant = value.Value
    if base in (0, 24) and variant is not None and variant.VariantType is not None:
        base = int(variant.VariantType.value)
    array = isinstance(rank, int) and rank != SCALAR
    if rank in _ANY_RANKS:
        array = variant is not None and bool(variant.is_array)
    name = _ABSTRACT.get(base) or (
        ua.VariantType(base).name if 0 < base <= 25 else "Structure" if base else "unknown"
    )
    numeric = (base in NUMERIC or base in _ABSTRACT) and not array
    return f"{name}[]" if array else name, numeric


async def _base_types(link: Link, data_types: set[Any]) -> dict[ua.NodeId, int]:
    """Data type -> the built-in or abstract standard type that it derives from; 0: not known.

    Follows HasSubtype upwards (Part 3, 7.10), all types of one generation in one request.
    """
    origin = {t: t for t in data_types if isinstance(t, ua.NodeId)}
    base: dict[ua.NodeId, int] = {}
    for _generation in range(10):
        for start, now in origin.items():
            number = now.Identifier if now.NamespaceIndex == 0 else None
            if isinstance(number, int) and number <= 29:
                base[start] = number
        origin = {start: now for start, now in origin.items() if start not in base}
        if not origin:
            break
        parents = await _supertypes(link, sorted(set(origin.values())))
        origin = {start: parents[now] for start, now in origin.items() if now in parents}
    return base


async def _supertypes(link: Link, types: Sequence[ua.NodeId]) -> dict[ua.NodeId, ua.NodeId]:
    async def part(some: Sequence[ua.NodeId]) -> list[ua.BrowseResult]:
        parameters = ua.BrowseParameters()
        for node_id in some:
            description = ua.BrowseDescription()
            description.NodeId = node_id
            description.BrowseDirection = ua.BrowseDirection.Inverse
            description.ReferenceTypeId = standard(ua.ObjectIds.HasSubtype)
            description.IncludeSubtypes = False
            description.ResultMask = ua.UInt32(0)
            parameters.NodesToBrowse.append(description)
        return await link.session.browse(parameters)

    results = await link.browse_chunks.gather(types, part)
    return {
        node_id: ua.NodeId(ref.NodeId.Identifier, ref.NodeId.NamespaceIndex)
        for node_id, result in zip(types, results, strict=True)
        for ref in (result.References or [])[:1]
    }


def _value(data: ua.DataValue) -> Any:
    return None if data.Value is None else data.Value.Value
