"""The state of an alarm as the fields of a Part 9 condition."""

from __future__ import annotations

import uuid
from collections import deque
from datetime import UTC, datetime
from typing import Any

from asyncua import ua

from opcua_ai_simulator.plant import Alarm

VT = ua.VariantType
NORMAL = "Normal"  # the message of an alarm that is not active
_EVENTS_KEPT = 100  # of one activation: a client may acknowledge any of them

_make: Any = ua  # see nodes.py


class Condition:
    """``fields`` holds the state by browse path below the condition, ``changes`` the latest part.

    A state is never altered but replaced: an event may keep it.
    """

    def __init__(self, alarm: Alarm, node_id: ua.NodeId, source: ua.NodeId, now: datetime) -> None:
        self.alarm, self.node_id, self.source = alarm, node_id, source
        self.kind = _id(
            ua.ObjectIds.TripAlarmType if alarm.trip else ua.ObjectIds.OffNormalAlarmType
        )
        self._now = now
        self._event_ids: deque[bytes] = deque(maxlen=_EVENTS_KEPT)
        self.fields = self._origin() | self._normal()
        self.changes: dict[str, ua.Variant] = {}
        self._change({})

    def update(self, now: datetime) -> bool:
        """Take over what the alarm says at that plant time; whether it is something else now."""
        text, active = self.alarm.message(), self.fields["ActiveState/Id"].Value
        if text == (self.fields["Message"].Value.Text if active else ""):
            return False
        changes = {"Message": _text(text or NORMAL)}
        if bool(text) != active:
            changes |= _active(bool(text))
        if text and not active:
            self._event_ids.clear()
            changes |= _acknowledged(False)
        self._now = now
        self._change(changes)
        return True

    def acknowledge(self, event_id: bytes, comment: ua.LocalizedText) -> int:
        """A client has seen that event (Part 9, 5.7.3); the status of its call."""
        if event_id not in self._event_ids:
            return ua.StatusCodes.BadEventIdUnknown
        if self.fields["AckedState/Id"].Value:
            return ua.StatusCodes.BadConditionBranchAlreadyAcked
        changes = _acknowledged(True)
        if comment.Text:
            changes["Comment"] = ua.Variant(comment, VT.LocalizedText)
            changes["Comment/SourceTimestamp"] = _time(self._now)
        self._change(changes)
        return ua.StatusCodes.Good

    def _change(self, changes: dict[str, ua.Variant]) -> None:
        event_id = uuid.uuid4().bytes
        self._event_ids.append(event_id)
        state = self.fields | changes
        retain = state["ActiveState/Id"].Value or not state["AckedState/Id"].Value
        self.changes = changes | {
            "EventId": ua.Variant(event_id, VT.ByteString),
            "Time": _time(self._now),
            "ReceiveTime": _time(datetime.now(UTC)),
            "Retain": _flag(retain),
        }
        self.fields = state | self.changes

    def _origin(self) -> dict[str, ua.Variant]:
        """What stays; NodeId stands for the ConditionId (Part 9, 5.5.2)."""
        source_name = str(self.source.Identifier).rpartition("/")[2]
        severity = ua.Variant(self.alarm.severity, VT.UInt16)
        return {
            "NodeId": _node(self.node_id),
            "EventType": _node(self.kind),
            "SourceNode": _node(self.source),
            "SourceName": ua.Variant(source_name, VT.String),
            "ConditionName": ua.Variant(self.alarm.name, VT.String),
            "ConditionClassId": _node(_id(ua.ObjectIds.ProcessConditionClassType)),
            "ConditionClassName": _text("ProcessConditionClassType"),
            "Severity": severity,
            "LastSeverity": severity,
            "LastSeverity/SourceTimestamp": _time(self._now),
            "BranchId": _node(_make.NodeId()),
            "InputNode": _node(_make.NodeId()),
            "NormalState": _node(_make.NodeId()),
            "SuppressedOrShelved": _flag(False),
            "EnabledState": _text("Enabled"),
            "EnabledState/Id": _flag(True),
            "Quality": ua.Variant(_make.StatusCode(), VT.StatusCode),
            "Quality/SourceTimestamp": _time(self._now),
        }

    def _normal(self) -> dict[str, ua.Variant]:
        return {
            "Message": _text(NORMAL),
            **_active(False),
            **_acknowledged(True),
            "Comment": _text(""),
            "Comment/SourceTimestamp": _time(self._now),
            "ClientUserId": ua.Variant("", VT.String),
        }


def _active(value: bool) -> dict[str, ua.Variant]:
    return {
        "ActiveState": _text("Active" if value else "Inactive"),
        "ActiveState/Id": _flag(value),
    }


def _acknowledged(value: bool) -> dict[str, ua.Variant]:
    return {
        "AckedState": _text("Acknowledged" if value else "Unacknowledged"),
        "AckedState/Id": _flag(value),
    }


def _id(identifier: int) -> ua.NodeId:
    return _make.NodeId(identifier)


def _node(value: ua.NodeId) -> ua.Variant:
    return ua.Variant(value, VT.NodeId)


def _text(value: str) -> ua.Variant:
    return ua.Variant(_make.LocalizedText(value), VT.LocalizedText)


def _flag(value: bool) -> ua.Variant:
    return ua.Variant(value, VT.Boolean)


def _time(value: datetime) -> ua.Variant:
    return ua.Variant(value, VT.DateTime)
