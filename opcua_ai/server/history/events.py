"""History of events (Part 11, 6.5.2): how an event is kept, and reading the kept ones.

NodeIds are kept with the URI of their namespace, for indices change when nodesets are added.
"""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from asyncua import ua
from asyncua.common.utils import Buffer
from asyncua.server.address_space import AddressSpace
from asyncua.ua.ua_binary import struct_to_binary, variant_from_binary, variant_to_binary

from opcua_ai.core import status as codes
from opcua_ai.core.types import from_datetime
from opcua_ai.history.raw import RawRequest
from opcua_ai.history.reader import MAX_TIME, MIN_TIME, Reader
from opcua_ai.history.store import Event
from opcua_ai.server.asyncua_mends.filters import TypeAwareWhereClause
from opcua_ai.server.history.reads import Page, Read
from opcua_ai.server.occurrence import Occurrence
from opcua_ai.server.values import VT, node_id

logger = logging.getLogger(__name__)

_HISTORY_EVENT = node_id(ua.ObjectIds.HistoryEvent_Encoding_DefaultBinary)
_NODE, _VARIANT = "node", "variant"


class EventCodec:
    """Occurrences <-> what the store keeps."""

    def __init__(self, namespaces: Sequence[str]) -> None:
        self._namespaces = namespaces

    def encode(self, event: Occurrence) -> Event:
        fields = {path: self._field(variant) for path, variant in event.fields.items()}
        notifiers = [self.name(notifier) for notifier in event.notifiers]
        return Event(from_datetime(event.fields["Time"].Value), json.dumps(fields), notifiers)

    def decode(self, fields: str) -> Occurrence:
        known: dict[str, list[str]] = json.loads(fields)
        return Occurrence(
            {path: self._variant(*field) for path, field in known.items()}, frozenset()
        )

    def name(self, node: ua.NodeId) -> str:
        """A NodeId with the URI of its namespace (Part 6, 5.3.1.11)."""
        text = ua.NodeId(node.Identifier, 0, node.NodeIdType).to_string()  # type: ignore[arg-type]
        return f"nsu={self._namespaces[node.NamespaceIndex]};{text}"

    def _field(self, variant: ua.Variant) -> tuple[str, str]:
        if variant.VariantType == VT.NodeId and isinstance(variant.Value, ua.NodeId):
            return _NODE, self.name(variant.Value)
        return _VARIANT, base64.b64encode(variant_to_binary(variant)).decode()

    def _variant(self, kind: str, text: str) -> ua.Variant:
        if kind == _VARIANT:
            return variant_from_binary(Buffer(base64.b64decode(text)))
        uri, _, identifier = text.removeprefix("nsu=").partition(";")
        if uri not in self._namespaces:
            return ua.Variant()  # of a nodeset that is not loaded any more
        node = ua.NodeId.from_string(identifier)
        index = self._namespaces.index(uri)
        found = ua.NodeId(node.Identifier, index, node.NodeIdType)  # type: ignore[arg-type]
        return ua.Variant(found, VT.NodeId)


@dataclass(frozen=True, slots=True)
class EventRead(Read):
    """ReadEvents of one notifier."""

    codec: EventCodec
    aspace: AddressSpace
    notifier: str
    request: RawRequest
    filter: ua.EventFilter
    number: int
    after: tuple[int, int] | None = None

    def page(self, reader: Reader, room: int) -> Page:
        limit = min(self.number, room) if self.number else room
        where = TypeAwareWhereClause(logger, self.aspace, self.filter.WhereClause)
        found: list[Any] = []
        after = self.after
        rest: EventRead | None = None
        for time, number, fields in reader.events(
            self.notifier, *self._range(), backward=self.request.backward, after=after
        ):
            event = self.codec.decode(fields)
            if where.eval(event):
                if len(found) == limit:
                    rest = replace(self, after=after)
                    break
                found.append(event.to_event_fields(self.filter.SelectClauses))
            after = time, number
        if rest is not None and self.request.stop is None:
            left = self.number - len(found)
            rest = replace(rest, number=left) if left else None
        empty = not found and self.after is None and rest is None
        return Page(
            len(found), _history_event(found), rest, codes.GOOD_NO_DATA if empty else codes.GOOD
        )

    def _range(self) -> tuple[int, int]:
        begin, stop = self.request.begin, self.request.stop
        if self.request.backward:
            return (MIN_TIME if stop is None else stop + 1), begin
        if stop is None:
            return begin, MAX_TIME
        return begin, (stop if stop == begin else stop - 1)


def _history_event(events: Sequence[Sequence[ua.Variant]]) -> ua.ExtensionObject:
    lists = [ua.HistoryEventFieldList(EventFields=list(fields)) for fields in events]
    body = struct_to_binary(ua.HistoryEvent(Events=lists))
    return ua.ExtensionObject(_HISTORY_EVENT, body)  # type: ignore[arg-type]
