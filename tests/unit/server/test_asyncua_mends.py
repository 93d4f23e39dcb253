"""Each mend beside the asyncua behaviour that makes it necessary.

When one of the ``plain`` tests fails after an update of asyncua, its mend can go.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import pytest
from asyncua import ua
from asyncua.common.event_objects import BaseEvent
from asyncua.server.address_space import AddressSpace, NodeData
from asyncua.server.monitored_item_service import WhereClauseEvaluator

from opcua_ai.server.asyncua_mends.filters import TypeAwareWhereClause
from opcua_ai.server.occurrence import SERVER, Occurrence
from opcua_ai.server.values import node_id

BASE, MIDDLE, LEAF = (node_id(name, 2) for name in ("base", "middle", "leaf"))


@pytest.fixture
def types() -> AddressSpace:
    """leaf is a subtype of middle, middle of base."""
    aspace = AddressSpace()
    for node, parent in ((BASE, None), (MIDDLE, BASE), (LEAF, MIDDLE)):
        aspace[node] = NodeData(node)
        if parent is not None:
            aspace[node].references.append(
                ua.ReferenceDescription(
                    ReferenceTypeId=node_id(ua.ObjectIds.HasSubtype),
                    IsForward=False,
                    NodeId=parent,  # type: ignore[arg-type]
                )
            )
    return aspace


def of_type(kind: ua.NodeId) -> ua.ContentFilter:
    operand = ua.LiteralOperand(ua.Variant(kind, ua.VariantType.NodeId))
    return ua.ContentFilter([ua.ContentFilterElement(ua.FilterOperator.OfType, [operand])])


def equals(path: Sequence[str], value: object) -> ua.ContentFilter:
    field = ua.SimpleAttributeOperand(
        BrowsePath=[ua.QualifiedName(name) for name in path], AttributeId=ua.AttributeIds.Value
    )
    operands = [field, ua.LiteralOperand(ua.Variant(value))]
    return ua.ContentFilter([ua.ContentFilterElement(ua.FilterOperator.Equals, operands)])


def occurrence(**fields: ua.Variant) -> Occurrence:
    return Occurrence(
        {"EventType": ua.Variant(LEAF, ua.VariantType.NodeId), **fields}, frozenset({SERVER})
    )


def matches(kind: type[WhereClauseEvaluator], aspace: Any, clause: Any, event: Any) -> bool:
    return kind(logging.getLogger("test"), aspace, clause).eval(event)


@pytest.mark.parametrize("kind", [BASE, MIDDLE, LEAF])
def test_of_type_matches_subtypes(types: AddressSpace, kind: ua.NodeId) -> None:
    assert matches(TypeAwareWhereClause, types, of_type(kind), occurrence())


def test_of_type_does_not_match_other_types(types: AddressSpace) -> None:
    assert not matches(TypeAwareWhereClause, types, of_type(node_id("other", 2)), occurrence())


def test_plain_of_type_matches_the_exact_type_only(types: AddressSpace) -> None:
    event = BaseEvent()
    event.EventType = LEAF
    assert not matches(WhereClauseEvaluator, types, of_type(BASE), event)


def test_a_path_of_several_names(types: AddressSpace) -> None:
    active = ua.Variant(True, ua.VariantType.Boolean)
    text = ua.Variant(ua.LocalizedText("Active"), ua.VariantType.LocalizedText)
    event = occurrence(**{"ActiveState": text, "ActiveState/Id": active})
    clause = equals(["ActiveState", "Id"], True)
    assert matches(TypeAwareWhereClause, types, clause, event)

    plain = BaseEvent()
    plain.add_property("ActiveState", text.Value, ua.VariantType.LocalizedText)
    plain.add_property("ActiveState/Id", True, ua.VariantType.Boolean)
    assert not matches(WhereClauseEvaluator, types, clause, plain)


def select(name: str) -> ua.SimpleAttributeOperand:
    return ua.SimpleAttributeOperand(
        BrowsePath=[ua.QualifiedName(name)], AttributeId=ua.AttributeIds.Value
    )


def test_a_strange_select_clause_gives_null() -> None:
    assert occurrence().to_event_fields([select("data_types")]) == [ua.Variant()]
    with pytest.raises(KeyError):
        BaseEvent().to_event_fields([select("data_types")])


def test_condition_id_is_selected_by_the_node_id_attribute() -> None:
    condition = ua.Variant(node_id("condition", 2), ua.VariantType.NodeId)
    clause = ua.SimpleAttributeOperand(
        TypeDefinitionId=node_id(ua.ObjectIds.ConditionType), AttributeId=ua.AttributeIds.NodeId
    )
    assert occurrence(ConditionId=condition).to_event_fields([clause]) == [condition]
