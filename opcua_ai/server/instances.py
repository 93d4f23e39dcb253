"""Makes instances of the types in the address space, straight from their declarations.

asyncua's ``instantiate`` copies every attribute through the service layer and scans the parent's
references for each child. This reads a type once and makes a plan of it; an instance then shares
with all others what never changes (names, types, access) and has of its own what does: node ids,
values and references. That is what makes 10,000 predictions in some seconds.
"""

from __future__ import annotations

import gc
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from asyncua import ua
from asyncua.server.address_space import AddressSpace, AttributeValue, NodeData

from opcua_ai.core import status as codes
from opcua_ai.server.declarations import (
    HAS_COMPONENT,
    HAS_TYPE,
    Declarations,
    Member,
    read,
    target,
)
from opcua_ai.server.values import code, node_id

A = ua.AttributeIds
VT = ua.VariantType

ORGANIZES = node_id(ua.ObjectIds.Organizes)

Attributes = dict[A, AttributeValue]


def _attribute(value: object, kind: ua.VariantType) -> AttributeValue:
    return AttributeValue(ua.DataValue(ua.Variant(value, kind)))


_READ_ONLY = _attribute(1, VT.Byte)
_NO_WRITE_MASK = _attribute(0, VT.UInt32)
_WAITING = ua.DataValue(ua.Variant(), code(codes.BAD_WAITING_FOR_INITIAL_DATA))


@contextmanager
def collector_paused() -> Iterator[None]:
    """While thousands of nodes are made the garbage collector would walk through those already
    there again and again, in vain: more than half of the time goes into that."""
    running = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if running:
            # to the oldest generation at once, without the walk that a first collection would be
            gc.freeze()
            gc.unfreeze()
            gc.enable()


@dataclass(frozen=True)
class _Part:
    """One node that all instances made by the same plan have."""

    above: str
    """Browse path of its parent below the object; empty: the object itself."""
    path: str
    name: str
    attributes: Attributes
    """Shared by all instances: never write to these."""
    reference: ua.NodeId
    type: ua.NodeId
    to_type: ua.ReferenceDescription


class Instances:
    """Builds nodes with string NodeIds: the path of browse names below Objects."""

    def __init__(self, aspace: AddressSpace, namespace: int) -> None:
        self._aspace = aspace
        self._namespace = namespace
        self._declarations = Declarations(aspace)
        self._plans: dict[object, list[_Part]] = {}

    def type_id(self, identifier: int) -> ua.NodeId:
        """NodeId of a type of our own namespace."""
        return node_id(identifier, self._namespace)

    def make(
        self,
        parent: ua.NodeId,
        name: str,
        kind: ua.NodeId,
        *,
        reference: ua.NodeId = HAS_COMPONENT,
        include: Collection[str] = (),
        kinds: Mapping[str, ua.NodeId] | None = None,
        description: str = "",
        notifier: bool = False,
    ) -> dict[str, ua.NodeId]:
        """One object of a type with its mandatory members and the optional ones in ``include``.

        Returns browse path -> NodeId; the object itself is ``""``. ``kinds`` gives members a
        subtype of the declared type, e.g. ``{"Value": AnalogUnitRangeType}``.
        """
        attributes = {
            A.NodeClass: _attribute(ua.NodeClass.Object, VT.Int32),
            A.Description: _attribute(ua.LocalizedText(description), VT.LocalizedText),
            A.EventNotifier: _attribute(int(notifier), VT.Byte),
        }
        return self._add(parent, name, attributes, reference, kind, include, kinds or {})

    def variable(
        self, parent: ua.NodeId, name: str, kind: ua.NodeId, data_type: int, *, array: bool = False
    ) -> dict[str, ua.NodeId]:
        """A variable of a type with its mandatory properties; paths as ``make`` returns them."""
        attributes = {
            A.NodeClass: _attribute(ua.NodeClass.Variable, VT.Int32),
            A.Description: _attribute(ua.LocalizedText(), VT.LocalizedText),
            A.DataType: _attribute(node_id(data_type), VT.NodeId),
            A.ValueRank: _attribute(1 if array else -1, VT.Int32),
            A.Historizing: _attribute(False, VT.Boolean),
            A.MinimumSamplingInterval: _attribute(0.0, VT.Double),
        }
        return self._add(parent, name, attributes, HAS_COMPONENT, kind, (), {})

    def free_name(self, parent: ua.NodeId, name: str) -> str:
        """``name``, lengthened while the parent already has a child of that name."""
        while self._child_id(parent, name) in self._aspace:
            name += "_"
        return name

    def link(self, source: ua.NodeId, reference: int, target: ua.NodeId) -> None:
        """Add a reference between two existing nodes, in both directions."""
        kind = node_id(reference)
        self._aspace[source].references.append(
            self._description(kind, True, target, self._type_of(target))
        )
        self._aspace[target].references.append(
            self._description(kind, False, source, self._type_of(source))
        )

    def set(self, node: ua.NodeId, value: ua.DataValue) -> None:
        """Give a node that was just made its value; tells no subscriber."""
        self._aspace[node].attributes[A.Value].value = value

    def notify(self, node: ua.NodeId) -> None:
        """Let clients subscribe to the events of an existing object (Part 3, 5.5.1)."""
        self._aspace[node].attributes[A.EventNotifier] = _attribute(1, VT.Byte)

    def _add(
        self,
        parent: ua.NodeId,
        name: str,
        attributes: Attributes,
        reference: ua.NodeId,
        kind: ua.NodeId,
        include: Collection[str],
        kinds: Mapping[str, ua.NodeId],
    ) -> dict[str, ua.NodeId]:
        qualified = ua.QualifiedName(name, ua.UInt16(self._namespace))
        attributes[A.BrowseName] = _attribute(qualified, VT.QualifiedName)
        attributes[A.DisplayName] = _attribute(ua.LocalizedText(name), VT.LocalizedText)
        to_type = self._description(HAS_TYPE, True, kind)
        root = _Part("", "", name, _restricted(attributes), reference, kind, to_type)
        nodes = {"": self._put(root, parent, self._description(reference, False, parent))}
        upward: dict[tuple[str, ua.NodeId], ua.ReferenceDescription] = {}
        for part in self._plan(kind, include, kinds):
            above = nodes[part.above]
            way = part.above, part.reference
            if way not in upward:
                upward[way] = self._description(part.reference, False, above)
            nodes[part.path] = self._put(part, above, upward[way])
        return nodes

    def _plan(
        self, kind: ua.NodeId, include: Collection[str], kinds: Mapping[str, ua.NodeId]
    ) -> list[_Part]:
        key = kind, frozenset(include), frozenset(kinds.items())
        if key not in self._plans:
            members = self._declarations.of_type(kind)
            self._plans[key] = list(self._parts("", members, include, kinds))
        return self._plans[key]

    def _parts(
        self,
        above: str,
        members: Iterable[Member],
        include: Collection[str],
        kinds: Mapping[str, ua.NodeId],
    ) -> Iterator[_Part]:
        for member in members:
            path = f"{above}/{member.name}" if above else member.name
            if member.optional and path not in include:
                continue
            kind = kinds.get(path, member.type)
            attributes = _restricted(dict(member.node.attributes))
            to_type = self._description(HAS_TYPE, True, kind)
            yield _Part(above, path, member.name, attributes, member.reference, kind, to_type)
            below = self._declarations.of_member(member, kind)
            yield from self._parts(path, below, include, kinds)

    def _put(self, part: _Part, parent: ua.NodeId, upward: ua.ReferenceDescription) -> ua.NodeId:
        """One node, with the references between it and its parent."""
        own_id = self._child_id(parent, part.name)
        if own_id in self._aspace:
            raise ValueError(f"node {own_id.Identifier} exists already")
        node = NodeData(own_id)
        node.attributes = part.attributes.copy()
        node.attributes[A.NodeId] = _attribute(own_id, VT.NodeId)
        if A.Value in node.attributes:
            node.attributes[A.Value] = AttributeValue(_WAITING)
        node.references = [part.to_type, upward]
        self._aspace[own_id] = node
        downward = self._description(part.reference, True, own_id, part.type)
        self._aspace[parent].references.append(downward)
        return own_id

    def _type_of(self, node: ua.NodeId) -> ua.NodeId | None:
        return target(self._aspace[node], HAS_TYPE)

    def _description(
        self, kind: ua.NodeId, forward: bool, other: ua.NodeId, type_of: ua.NodeId | None = None
    ) -> ua.ReferenceDescription:
        node = self._aspace[other]
        return ua.ReferenceDescription(
            ReferenceTypeId=kind,
            IsForward=forward,
            NodeId=other,  # type: ignore[arg-type]
            BrowseName=read(node, A.BrowseName),
            DisplayName=read(node, A.DisplayName),
            NodeClass=ua.NodeClass(read(node, A.NodeClass)),
            TypeDefinition=type_of or ua.ExpandedNodeId(),  # type: ignore[arg-type]
        )

    def _child_id(self, parent: ua.NodeId, name: str) -> ua.NodeId:
        above = f"{parent.Identifier}/" if parent.NamespaceIndex == self._namespace else ""
        return node_id(f"{above}{name}", self._namespace)


def _restricted(attributes: Attributes) -> Attributes:
    """Nothing that a client may write; a variable may be read (Part 3, 5.6.2)."""
    attributes[A.WriteMask] = attributes[A.UserWriteMask] = _NO_WRITE_MASK
    if A.DataType in attributes:
        attributes[A.AccessLevel] = attributes[A.UserAccessLevel] = _READ_ONLY
        attributes[A.Value] = AttributeValue(_WAITING)
    return attributes
