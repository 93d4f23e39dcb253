"""A predicted fault as a Part 9 condition: its nodes, and an event for each change of its state."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime

from asyncua import ua

from opcua_ai.core import status as codes
from opcua_ai.core.types import FaultVerdict
from opcua_ai.server.occurrence import Occurrence
from opcua_ai.server.values import (
    VT,
    Stamp,
    code,
    double,
    doubles,
    node_id,
    plant_time,
    string,
    strings,
)

_PROCESS_CLASS = node_id(ua.ObjectIds.ProcessConditionClassType)


def _text(value: str) -> ua.Variant:
    return ua.Variant(ua.LocalizedText(value), VT.LocalizedText)


def _node(value: ua.NodeId) -> ua.Variant:
    return ua.Variant(value, VT.NodeId)


def _flag(value: bool) -> ua.Variant:
    return ua.Variant(value, VT.Boolean)


def _moment(value: datetime | None) -> ua.Variant:
    return ua.Variant(value, VT.DateTime) if value is not None else ua.Variant()


class PredictedFault:
    """The state of one condition. ``fields`` holds it by browse path below the condition.

    Acknowledging is not offered yet, so no state asks for it: AckedState stays true and the
    condition is retained while it is active (Part 9, 5.7.2).
    """

    def __init__(
        self,
        condition: ua.NodeId,
        kind: ua.NodeId,
        source: ua.NodeId,
        asset: str,
        decision: str,
        notifiers: frozenset[ua.NodeId],
    ) -> None:
        self._notifiers = notifiers
        self.fields: dict[str, ua.Variant] = {
            "ConditionId": _node(condition),
            "EventType": _node(kind),
            "SourceNode": _node(source),
            "SourceName": string(asset),
            "ConditionName": string(decision),
            "ConditionClassId": _node(_PROCESS_CLASS),
            "ConditionClassName": _text("ProcessConditionClassType"),
            "BranchId": _node(ua.NodeId()),
            "InputNode": _node(ua.NodeId()),
            "NormalState": _node(ua.NodeId()),
            "EnabledState": _text("Enabled"),
            "EnabledState/Id": _flag(True),
            "AckedState": _text("Acknowledged"),
            "AckedState/Id": _flag(True),
            "SuppressedOrShelved": _flag(False),
            "ClientUserId": string(""),
            "Comment": _text(""),
            "Comment/SourceTimestamp": _moment(None),
            "EventId": ua.Variant(),
            "Severity": ua.Variant(1, VT.UInt16),
            "LastSeverity": ua.Variant(1, VT.UInt16),
            "LastSeverity/SourceTimestamp": _moment(None),
        }
        self._set_state(active=False)
        self._set_details(FaultVerdict(asset, False, "", 1, "", codes.BAD_NO_DATA, 0))

    def update(self, verdict: FaultVerdict) -> Occurrence | None:
        """Take over a verdict; the event to send when it changes the state, else None."""
        self._set_details(verdict)
        if not verdict.changed:
            return None
        self._set_state(verdict.active)
        self._set_severity(verdict)
        now = datetime.now(UTC)
        self.fields |= {
            "EventId": ua.Variant(uuid.uuid4().bytes, VT.ByteString),
            "Time": _moment(plant_time(verdict.source_time) or now),
            "ReceiveTime": _moment(now),
            "Message": _text(verdict.message),
        }
        return Occurrence(dict(self.fields), self._notifiers)

    def _set_state(self, active: bool) -> None:
        self.fields |= {
            "ActiveState": _text("Active" if active else "Inactive"),
            "ActiveState/Id": _flag(active),
            "Retain": _flag(active or not self.fields["AckedState/Id"].Value),
        }

    def _set_severity(self, verdict: FaultVerdict) -> None:
        severity = ua.Variant(min(max(verdict.severity, 1), 1000), VT.UInt16)
        if severity != self.fields["Severity"]:
            self.fields["LastSeverity"] = self.fields["Severity"]
            self.fields["LastSeverity/SourceTimestamp"] = _moment(plant_time(verdict.source_time))
            self.fields["Severity"] = severity

    def _set_details(self, verdict: FaultVerdict) -> None:
        status = code(verdict.status)
        self.fields |= {
            "Quality": ua.Variant(status, VT.StatusCode),
            "Quality/SourceTimestamp": _moment(plant_time(verdict.source_time)),
            "Label": string(verdict.label),
            "Confidence": double(verdict.confidence),
            "ContributionTags": strings([c.tag for c in verdict.contributions]),
            "ContributionWeights": doubles([c.weight for c in verdict.contributions]),
            "ContributionTexts": strings([c.text for c in verdict.contributions]),
        }

    def values(
        self, nodes: dict[str, ua.NodeId], source_time: int
    ) -> Iterator[tuple[ua.NodeId, ua.DataValue]]:
        """What to write to the condition's own nodes. They are Good, for the state is known; how
        good the prediction behind it was stands in Quality (Part 9, 5.5.2)."""
        stamp = Stamp(source=plant_time(source_time) or datetime.now(UTC))
        for path, node in nodes.items():
            variant = self.fields.get(path)
            if variant is not None and variant.VariantType != VT.Null:
                yield node, stamp(variant)
