"""What an item for events lets through."""
# ruff: noqa: SLF001

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from asyncua import ua
from asyncua.server.monitored_item_service import WhereClauseEvaluator

from opcua_ai.server.occurrence import Occurrence
from opcua_ai.server.values import node_id

_HAS_SUBTYPE = node_id(ua.ObjectIds.HasSubtype)


class TypeAwareWhereClause(WhereClauseEvaluator):
    """The where clause of an event filter (Part 4, 7.7)."""

    def _eval_el(self, index: int, event: Occurrence) -> Any:
        element = self.elements[index]
        if element.FilterOperator != ua.FilterOperator.OfType:
            return super()._eval_el(index, event)
        wanted = self._eval_op(element.FilterOperands[0], event)
        return any(kind == wanted for kind in self._with_supertypes(event.event_type))

    def _eval_op(self, op: Any, event: Occurrence) -> Any:
        if isinstance(op, ua.SimpleAttributeOperand) and op.BrowsePath:
            return event.field(op.BrowsePath).Value
        return super()._eval_op(op, event)

    def _with_supertypes(self, kind: ua.NodeId | None) -> Iterable[ua.NodeId]:
        while kind is not None:
            yield kind
            node = self._aspace.get(kind)
            references = node.references if node else ()
            kind = next(
                (
                    r.NodeId
                    for r in references
                    if r.ReferenceTypeId == _HAS_SUBTYPE and not r.IsForward
                ),
                None,
            )
