"""An alarm's state as fields of its type, by browse path (Part 9, 5.5 to 5.8)."""

from __future__ import annotations

from dataclasses import dataclass

from asyncua import ua

from opcua_ai.server.conditions.alarm import Alarm
from opcua_ai.server.conditions.state import Shelving
from opcua_ai.server.values import (
    VT,
    boolean,
    code,
    double,
    doubles,
    moment,
    node,
    node_id,
    string,
    strings,
    text,
)

Fields = dict[str, ua.Variant]
UNSHELVE_TIME = "ShelvingState/UnshelveTime"

_SHELVING_IDS = {
    Shelving.UNSHELVED: node_id(ua.ObjectIds.ShelvedStateMachineType_Unshelved),
    Shelving.TIMED: node_id(ua.ObjectIds.ShelvedStateMachineType_TimedShelved),
    Shelving.ONE_SHOT: node_id(ua.ObjectIds.ShelvedStateMachineType_OneShotShelved),
}
_SHELVING_NAMES = {
    Shelving.UNSHELVED: "Unshelved",
    Shelving.TIMED: "Timed Shelved",
    Shelving.ONE_SHOT: "One Shot Shelved",
}


@dataclass(frozen=True)
class Identity:
    """What never changes about a condition."""

    condition: ua.NodeId
    kind: ua.NodeId
    source: ua.NodeId
    source_name: str
    name: str
    group: str
    """Of the alarms of one group, one tells of each cause."""
    condition_class: int = ua.ObjectIds.ProcessConditionClassType


def fields_of(identity: Identity, alarm: Alarm) -> Fields:
    """Every field that an event of a condition can have, and every value that its nodes can show:
    those of a PredictedFaultAlarmType."""
    return _identity(identity) | _states(alarm) | _details(alarm) | _event(alarm)


def _identity(identity: Identity) -> Fields:
    return {
        "ConditionId": node(identity.condition),
        "EventType": node(identity.kind),
        "SourceNode": node(identity.source),
        "SourceName": string(identity.source_name),
        "ConditionName": string(identity.name),
        "ConditionClassId": node(node_id(identity.condition_class)),
        "ConditionClassName": text(ua.ObjectIdNames[identity.condition_class]),
        "BranchId": node(ua.NodeId()),
        "InputNode": node(ua.NodeId()),
        "NormalState": node(ua.NodeId()),
    }


def _states(alarm: Alarm) -> Fields:
    state = alarm.state
    return {
        **_two_state("EnabledState", state.enabled, "Enabled", "Disabled"),
        **_two_state("ActiveState", state.active, "Active", "Inactive"),
        "ActiveState/TransitionTime": moment(state.active_since),
        **_two_state("AckedState", state.acked, "Acknowledged", "Unacknowledged"),
        **_two_state("ConfirmedState", state.confirmed, "Confirmed", "Unconfirmed"),
        **_two_state("SuppressedState", state.suppressed, "Suppressed", "Unsuppressed"),
        "ShelvingState/CurrentState": text(_SHELVING_NAMES[state.shelving]),
        "ShelvingState/CurrentState/Id": node(_SHELVING_IDS[state.shelving]),
        UNSHELVE_TIME: double((alarm.shelving_left_s or 0.0) * 1000),
        "MaxTimeShelved": double(alarm.max_shelving_s * 1000),
        "SuppressedOrShelved": boolean(state.suppressed or state.shelved),
        "Retain": boolean(state.retain),
    }


def _details(alarm: Alarm) -> Fields:
    state = alarm.state
    return {
        "Severity": ua.Variant(max(state.severity, 1), VT.UInt16),
        "LastSeverity": ua.Variant(state.last_severity, VT.UInt16),
        "LastSeverity/SourceTimestamp": moment(state.severity_since),
        "Quality": ua.Variant(code(state.quality), VT.StatusCode),
        "Quality/SourceTimestamp": moment(state.quality_since),
        "Comment": text(state.comment, state.comment_locale),
        "Comment/SourceTimestamp": moment(state.comment_time),
        "ClientUserId": string(state.comment_user),
        "Label": string(state.label),
        "Confidence": double(state.confidence),
        "ContributionTags": strings([c.tag for c in state.contributions]),
        "ContributionWeights": doubles([c.weight for c in state.contributions]),
        "ContributionTexts": strings([c.text for c in state.contributions]),
    }


def _event(alarm: Alarm) -> Fields:
    """The newest event; nothing before the first one."""
    state = alarm.state
    if not state.event_id:
        return {}
    return {
        "EventId": ua.Variant(state.event_id, VT.ByteString),
        "Time": moment(state.time),
        "ReceiveTime": moment(state.receive_time),
        "Message": text(state.message),
    }


def _two_state(name: str, value: bool, true: str, false: str) -> Fields:
    return {name: text(true if value else false), f"{name}/Id": boolean(value)}
