"""What the types declare (Part 3, 6.2): the members of an instance, each type read once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from asyncua import ua
from asyncua.server.address_space import AddressSpace, NodeData

from opcua_ai.server.values import node_id

A = ua.AttributeIds

HAS_COMPONENT = node_id(ua.ObjectIds.HasComponent)
HAS_PROPERTY = node_id(ua.ObjectIds.HasProperty)
HAS_TYPE = node_id(ua.ObjectIds.HasTypeDefinition)
_HAS_RULE = node_id(ua.ObjectIds.HasModellingRule)
_HAS_SUBTYPE = node_id(ua.ObjectIds.HasSubtype)
_MANDATORY = node_id(ua.ObjectIds.ModellingRule_Mandatory)
_OPTIONAL = node_id(ua.ObjectIds.ModellingRule_Optional)
_CHILDREN = (HAS_COMPONENT, HAS_PROPERTY)


@dataclass(frozen=True)
class Member:
    """A child that a type declares."""

    node: NodeData
    reference: ua.NodeId
    name: str
    type: ua.NodeId
    optional: bool


class Declarations:
    """The members of types and of members."""

    def __init__(self, aspace: AddressSpace) -> None:
        self._aspace = aspace
        self._known: dict[ua.NodeId, dict[str, Member]] = {}

    def of_type(self, kind: ua.NodeId) -> Iterable[Member]:
        """All members of a type; those of a subtype come before and override its supertype's."""
        known = self._known.get(kind)
        if known is None:
            node = self._aspace[kind]
            known = {member.name: member for member in self._declared(node)}
            for reference in node.references:
                if reference.ReferenceTypeId == _HAS_SUBTYPE and not reference.IsForward:
                    for member in self.of_type(reference.NodeId):
                        known.setdefault(member.name, member)
            self._known[kind] = known
        return known.values()

    def of_member(self, member: Member, kind: ua.NodeId) -> Iterable[Member]:
        """What the type says, overridden by what the declaration itself holds."""
        own = {m.name: m for m in self._declared(member.node)}
        mandatory = {m.name: m for m in self.of_type(kind) if not m.optional}
        return (own | mandatory).values()

    def _declared(self, node: NodeData) -> Iterable[Member]:
        for reference in node.references:
            if not reference.IsForward or reference.ReferenceTypeId not in _CHILDREN:
                continue
            child = self._aspace[reference.NodeId]
            rule = target(child, _HAS_RULE)
            kind = target(child, HAS_TYPE)
            # Methods have no type definition; instances share those of their types.
            if rule not in (_MANDATORY, _OPTIONAL) or kind is None:
                continue
            name = read(child, A.BrowseName).Name or ""
            yield Member(child, reference.ReferenceTypeId, name, kind, rule == _OPTIONAL)


def target(node: NodeData, reference: ua.NodeId) -> ua.NodeId | None:
    """Where a node's first forward reference of a type leads."""
    targets = (r.NodeId for r in node.references if r.IsForward and r.ReferenceTypeId == reference)
    return next(targets, None)


def read(node: NodeData, attribute: A) -> Any:
    """The value of an attribute that does not come from a callback."""
    value = node.attributes[attribute].value
    return value.Value.Value if value is not None and value.Value is not None else None
