"""An event as it happened: a snapshot that no later change can reach.

asyncua's own Event objects are changed between deliveries, and a client that selects a field named
like one of their Python attributes breaks the delivery to everybody.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from asyncua import ua

from opcua_ai.server.values import VT, moment, node, node_id, string, text

SERVER = node_id(ua.ObjectIds.Server)


@dataclass(frozen=True)
class Occurrence:
    """One event as it happened: its fields by browse path and the nodes that notify of it."""

    fields: Mapping[str, ua.Variant]
    notifiers: frozenset[ua.NodeId]

    @property
    def event_type(self) -> ua.NodeId:
        return self.fields["EventType"].Value

    def field(self, path: Iterable[ua.QualifiedName]) -> ua.Variant:
        return self.fields.get("/".join(part.Name or "" for part in path), ua.Variant())

    def to_event_fields(self, clauses: Sequence[ua.SimpleAttributeOperand]) -> list[ua.Variant]:
        """The chosen fields in order; null for what the event does not have (Part 4, 7.22.3)."""
        return [self._selected(clause) for clause in clauses]

    def _selected(self, clause: ua.SimpleAttributeOperand) -> ua.Variant:
        if clause.BrowsePath:
            return self.field(clause.BrowsePath)
        if clause.AttributeId == ua.AttributeIds.NodeId:
            return self.fields.get("ConditionId", ua.Variant())
        return ua.Variant()


def base_fields(
    event_type: ua.NodeId,
    source: ua.NodeId,
    source_name: str,
    message: str,
    severity: int,
    at: datetime | None = None,
) -> dict[str, ua.Variant]:
    """The fields of BaseEventType (Part 5, 6.4.2) of a new event; ``at``: when it happened, if not
    now."""
    now = datetime.now(UTC)
    return {
        "EventId": ua.Variant(uuid.uuid4().bytes, VT.ByteString),
        "EventType": node(event_type),
        "SourceNode": node(source),
        "SourceName": string(source_name),
        "Time": moment(at or now),
        "ReceiveTime": moment(now),
        "Message": text(message),
        "Severity": ua.Variant(severity, VT.UInt16),
    }


def server_event(event_type: int, message: str) -> Occurrence:
    """A plain event of the Server itself, such as RefreshStart (Part 9, 5.11)."""
    fields = base_fields(node_id(event_type), SERVER, "Server", message, severity=1)
    return Occurrence(fields, frozenset({SERVER}))
