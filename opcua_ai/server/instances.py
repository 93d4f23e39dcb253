"""Makes instances of the types in the address space, straight from their declarations.

asyncua's ``instantiate`` copies every attribute through the service layer and scans the parent's
references for each child; this reads a type once and then builds nodes that share the attributes
which never change.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from asyncua import ua
from asyncua.server.address_space import AddressSpace, AttributeValue, NodeData

from opcua_ai.core import status as codes
from opcua_ai.server.values import code, node_id

A = ua.AttributeIds
VT = ua.VariantType

HAS_COMPONENT = node_id(ua.ObjectIds.HasComponent)
HAS_PROPERTY = node_id(ua.ObjectIds.HasProperty)
ORGANIZES = node_id(ua.ObjectIds.Organizes)
_PROPERTY_TYPE = node_id(ua.ObjectIds.PropertyType)
_VARIABLE_TYPE = node_id(ua.ObjectIds.BaseDataVariableType)
_HAS_TYPE = node_id(ua.ObjectIds.HasTypeDefinition)
_HAS_RULE = node_id(ua.ObjectIds.HasModellingRule)
_HAS_SUBTYPE = node_id(ua.ObjectIds.HasSubtype)
_MANDATORY = node_id(ua.ObjectIds.ModellingRule_Mandatory)
_OPTIONAL = node_id(ua.ObjectIds.ModellingRule_Optional)
_CHILDREN = (HAS_COMPONENT, HAS_PROPERTY)


def _attribute(value: object, kind: ua.VariantType) -> AttributeValue:
    return AttributeValue(ua.DataValue(ua.Variant(value, kind)))


_READ_ONLY = _attribute(1, VT.Byte)
_NO_WRITE_MASK = _attribute(0, VT.UInt32)


@dataclass(frozen=True)
class Member:
    """A child that a type declares."""

    node: NodeData
    reference: ua.NodeId
    name: ua.QualifiedName
    type: ua.NodeId
    optional: bool


class Instances:
    """Builds nodes with string NodeIds: the path of browse names below Objects."""

    def __init__(self, aspace: AddressSpace, namespace: int) -> None:
        self._aspace = aspace
        self._namespace = namespace
        self._members: dict[ua.NodeId, dict[str, Member]] = {}

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
            A.WriteMask: _NO_WRITE_MASK,
            A.UserWriteMask: _NO_WRITE_MASK,
        }
        root = self._add(parent, self._name(name), attributes, reference, kind)
        nodes = {"": root}
        self._fill(nodes, "", root, self._of_type(kind), include, kinds or {})
        return nodes

    def variable(
        self,
        parent: ua.NodeId,
        name: str,
        data_type: int,
        *,
        array: bool = False,
        prop: bool = False,
    ) -> ua.NodeId:
        """A variable (or property) of a built-in data type that no type declares."""
        attributes = {
            A.NodeClass: _attribute(ua.NodeClass.Variable, VT.Int32),
            A.Description: _attribute(ua.LocalizedText(), VT.LocalizedText),
            A.DataType: _attribute(node_id(data_type), VT.NodeId),
            A.ValueRank: _attribute(1 if array else -1, VT.Int32),
            A.Historizing: _attribute(False, VT.Boolean),
            A.MinimumSamplingInterval: _attribute(0.0, VT.Double),
            A.WriteMask: _NO_WRITE_MASK,
            A.UserWriteMask: _NO_WRITE_MASK,
        }
        reference = HAS_PROPERTY if prop else HAS_COMPONENT
        kind = _PROPERTY_TYPE if prop else _VARIABLE_TYPE
        return self._add(parent, self._name(name), attributes, reference, kind)

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

    def _type_of(self, node: ua.NodeId) -> ua.NodeId | None:
        return self._target(self._aspace[node], _HAS_TYPE)

    def set(self, node: ua.NodeId, value: ua.DataValue) -> None:
        """Give a node that was just made its value; tells no subscriber."""
        self._aspace[node].attributes[A.Value].value = value

    def notify(self, node: ua.NodeId) -> None:
        """Let clients subscribe to the events of an existing object (Part 3, 5.5.1)."""
        self._aspace[node].attributes[A.EventNotifier] = _attribute(1, VT.Byte)

    def _fill(
        self,
        nodes: dict[str, ua.NodeId],
        prefix: str,
        parent: ua.NodeId,
        members: Iterable[Member],
        include: Collection[str],
        kinds: Mapping[str, ua.NodeId],
    ) -> None:
        for member in members:
            path = f"{prefix}{member.name.Name}"
            if member.optional and path not in include:
                continue
            kind = kinds.get(path, member.type)
            attributes = dict(member.node.attributes)
            child = self._add(parent, member.name, attributes, member.reference, kind)
            nodes[path] = child
            self._fill(nodes, f"{path}/", child, self._of_member(member, kind), include, kinds)

    def _of_member(self, member: Member, kind: ua.NodeId) -> Iterable[Member]:
        """What the type says, overridden by what the declaration itself holds."""
        own = {m.name.Name or "": m for m in self._declared(member.node)}
        mandatory = {m.name.Name or "": m for m in self._of_type(kind) if not m.optional}
        return (own | mandatory).values()

    def _of_type(self, kind: ua.NodeId) -> Iterable[Member]:
        """All members of a type; those of a subtype come before and override its supertype's."""
        known = self._members.get(kind)
        if known is None:
            node = self._aspace[kind]
            known = {m.name.Name or "": m for m in self._declared(node)}
            for reference in node.references:
                if reference.ReferenceTypeId == _HAS_SUBTYPE and not reference.IsForward:
                    for member in self._of_type(reference.NodeId):
                        known.setdefault(member.name.Name or "", member)
            self._members[kind] = known
        return known.values()

    def _declared(self, node: NodeData) -> Iterable[Member]:
        for reference in node.references:
            if not reference.IsForward or reference.ReferenceTypeId not in _CHILDREN:
                continue
            child = self._aspace[reference.NodeId]
            rule = self._target(child, _HAS_RULE)
            kind = self._target(child, _HAS_TYPE)
            # Methods have no type definition; none is offered yet.
            if rule not in (_MANDATORY, _OPTIONAL) or kind is None:
                continue
            name = _read(child, A.BrowseName)
            yield Member(child, reference.ReferenceTypeId, name, kind, rule == _OPTIONAL)

    @staticmethod
    def _target(node: NodeData, reference: ua.NodeId) -> ua.NodeId | None:
        targets = (
            r.NodeId for r in node.references if r.IsForward and r.ReferenceTypeId == reference
        )
        return next(targets, None)

    def _add(
        self,
        parent: ua.NodeId,
        name: ua.QualifiedName,
        attributes: dict[A, AttributeValue],
        reference: ua.NodeId,
        kind: ua.NodeId,
    ) -> ua.NodeId:
        node_id = self._child_id(parent, name.Name or "")
        if node_id in self._aspace:
            raise ValueError(f"node {node_id.Identifier} exists already")
        node = NodeData(node_id)
        attributes[A.NodeId] = _attribute(node_id, VT.NodeId)
        attributes[A.BrowseName] = _attribute(name, VT.QualifiedName)
        attributes[A.DisplayName] = _attribute(ua.LocalizedText(name.Name), VT.LocalizedText)
        if A.DataType in attributes:
            attributes[A.AccessLevel] = attributes[A.UserAccessLevel] = _READ_ONLY
            waiting = code(codes.BAD_WAITING_FOR_INITIAL_DATA)
            attributes[A.Value] = AttributeValue(ua.DataValue(ua.Variant(), waiting))
        node.attributes = attributes
        self._aspace[node_id] = node
        node.references.append(self._description(_HAS_TYPE, True, kind))
        node.references.append(self._description(reference, False, parent))
        self._aspace[parent].references.append(self._description(reference, True, node_id, kind))
        return node_id

    def _description(
        self, kind: ua.NodeId, forward: bool, target: ua.NodeId, type_of: ua.NodeId | None = None
    ) -> ua.ReferenceDescription:
        node = self._aspace[target]
        return ua.ReferenceDescription(
            ReferenceTypeId=kind,
            IsForward=forward,
            NodeId=target,  # type: ignore[arg-type]
            BrowseName=_read(node, A.BrowseName),
            DisplayName=_read(node, A.DisplayName),
            NodeClass=ua.NodeClass(_read(node, A.NodeClass)),
            TypeDefinition=type_of or ua.ExpandedNodeId(),  # type: ignore[arg-type]
        )

    def _name(self, name: str) -> ua.QualifiedName:
        return ua.QualifiedName(name, ua.UInt16(self._namespace))

    def _child_id(self, parent: ua.NodeId, name: str) -> ua.NodeId:
        above = f"{parent.Identifier}/" if parent.NamespaceIndex == self._namespace else ""
        return node_id(f"{above}{name}", self._namespace)


def _read(node: NodeData, attribute: A) -> Any:
    value = node.attributes[attribute].value
    return value.Value.Value if value is not None and value.Value is not None else None
