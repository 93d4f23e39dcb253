"""What an item for events lets through."""
# ruff: noqa: SLF001

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from asyncua import ua
from asyncua.server.monitored_item_service import WhereClauseEvaluator
from asyncua.ua import uaerrors

from opcua_ai.server.asyncua_mends.operation_limits import (
    MAX_SELECT_CLAUSES,
    MAX_WHERE_CLAUSES,
)
from opcua_ai.server.occurrence import Occurrence
from opcua_ai.server.values import node_id

_HAS_SUBTYPE = node_id(ua.ObjectIds.HasSubtype)


def check(wanted: Any) -> None:
    """Raises BadMonitoredItemFilterInvalid or BadEventFilterInvalid (Part 4, 7.22.3)."""
    if not isinstance(wanted, ua.EventFilter):
        raise uaerrors.BadMonitoredItemFilterInvalid
    too_many = (
        len(wanted.SelectClauses) > MAX_SELECT_CLAUSES
        or len(wanted.WhereClause.Elements) > MAX_WHERE_CLAUSES
    )
    if too_many or not wanted.SelectClauses:
        raise uaerrors.BadEventFilterInvalid


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
