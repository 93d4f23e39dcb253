"""Makes instances of types that stand in the address space, with browse paths as NodeIds.

asyncua's own ``instantiate`` joins the NodeIds with dots and adds either all optional members or
none.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from asyncua import Node, ua
from asyncua.common.ua_utils import get_node_supertypes

_make: Any = ua  # see nodes.py


async def add_instance(
    parent: Node,
    reference: ua.NodeId,
    node_id: ua.NodeId,
    browse_name: ua.QualifiedName,
    kind: Node,
    values: Mapping[str, ua.Variant],
    description: str = "",
) -> dict[str, ua.NodeId]:
    """An object with those variables of its type that ``values`` names by their path below it.

    Returns path -> NodeId of the variables; a name that the type does not declare is left out.
    """
    attributes = _make.ObjectAttributes()
    attributes.EventNotifier = 0
    attributes.DisplayName = _make.LocalizedText(browse_name.Name)
    attributes.Description = _make.LocalizedText(description)
    item = _item(parent.nodeid, reference, node_id, browse_name, kind.nodeid, attributes)
    item.NodeClass = ua.NodeClass.Object
    items = [item]
    nodes: dict[str, ua.NodeId] = {}
    for path, declared in (await _variables_of(kind)).items():
        if path in values:
            child = _make.NodeId(f"{node_id.Identifier}/{path}", node_id.NamespaceIndex)
            above = nodes.get(path.rpartition("/")[0], node_id)
            declaration = Node(parent.session, declared.NodeId)
            items.append(await _variable(above, child, declared, declaration, values[path]))
            nodes[path] = child
    for result in await parent.session.add_nodes(items):
        result.StatusCode.check()
    return nodes


async def _variables_of(kind: Node) -> dict[str, Any]:
    """The variables that a type and its supertypes declare, each before those below it."""
    found: dict[str, Any] = {}
    for owner in reversed(await get_node_supertypes(kind, includeitself=True)):
        for variable in await _variables_below(owner):
            name = variable.BrowseName.Name
            found[name] = variable
            for below in await _variables_below(Node(kind.session, variable.NodeId)):
                found[f"{name}/{below.BrowseName.Name}"] = below
    return found


async def _variables_below(node: Node) -> list[Any]:
    return await node.get_children_descriptions(
        refs=ua.ObjectIds.Aggregates, nodeclassmask=ua.NodeClass.Variable
    )


async def _variable(
    parent: ua.NodeId, node_id: ua.NodeId, declared: Any, declaration: Node, value: ua.Variant
) -> Any:
    wanted = (ua.AttributeIds.DataType, ua.AttributeIds.ValueRank, ua.AttributeIds.Description)
    data_type, rank, description = [
        result.Value.Value if result.Value is not None else None
        for result in await declaration.read_attributes(list(wanted))
    ]
    attributes = _make.VariableAttributes()
    attributes.DisplayName = declared.DisplayName
    attributes.Description = description or _make.LocalizedText()
    attributes.Value = value
    attributes.DataType = data_type
    attributes.ValueRank = rank
    attributes.AccessLevel = attributes.UserAccessLevel = ua.AccessLevel.CurrentRead.mask
    attributes.Historizing = False
    item = _item(
        parent,
        declared.ReferenceTypeId,
        node_id,
        declared.BrowseName,
        declared.TypeDefinition,
        attributes,
    )
    item.NodeClass = ua.NodeClass.Variable
    return item


def _item(
    parent: ua.NodeId,
    reference: ua.NodeId,
    node_id: ua.NodeId,
    browse_name: ua.QualifiedName,
    kind: ua.NodeId,
    attributes: Any,
) -> Any:
    attributes.WriteMask = attributes.UserWriteMask = 0
    return _make.AddNodesItem(
        ParentNodeId=parent,
        ReferenceTypeId=reference,
        RequestedNewNodeId=node_id,
        BrowseName=browse_name,
        TypeDefinition=kind,
        NodeAttributes=attributes,
    )
