"""The state of a predicted fault (Part 9)."""

from __future__ import annotations

import dataclasses

from asyncua import ua

from opcua_ai.core import status as codes
from opcua_ai.core.types import NS, Contribution, FaultVerdict
from opcua_ai.server.alarms import PredictedFault
from opcua_ai.server.values import node_id

CONDITION, KIND, ASSET = (node_id(name, 2) for name in ("condition", "kind", "asset"))
ACTIVE = FaultVerdict(
    "line1",
    True,
    "fault 5",
    700,
    "Fault 5 is coming",
    codes.GOOD,
    1_700_000_000 * NS,
    0.9,
    [Contribution("XMEAS(1)", 0.6, "rises")],
    changed=True,
)


def fault() -> PredictedFault:
    return PredictedFault(CONDITION, KIND, ASSET, "line1", "alarm", frozenset({ASSET}))


def plain(fields: object, name: str) -> object:
    assert isinstance(fields, dict)
    return fields[name].Value


def test_an_event_carries_what_part_9_asks() -> None:
    event = fault().update(ACTIVE)
    assert event is not None
    fields = event.fields
    assert plain(fields, "ConditionId") == CONDITION
    assert plain(fields, "EventType") == KIND
    assert (plain(fields, "SourceNode"), plain(fields, "SourceName")) == (ASSET, "line1")
    assert plain(fields, "ConditionName") == "alarm"
    assert plain(fields, "Severity") == 700
    assert plain(fields, "ActiveState/Id") is True
    assert plain(fields, "EnabledState/Id") is True
    assert plain(fields, "Retain") is True
    assert plain(fields, "Quality") == ua.StatusCode()
    assert plain(fields, "ContributionTags") == ["XMEAS(1)"]
    assert fields["Time"].Value.timestamp() == 1_700_000_000


def test_events_only_when_the_state_changes() -> None:
    alarm = fault()
    assert alarm.update(ACTIVE) is not None
    assert alarm.update(dataclasses.replace(ACTIVE, changed=False)) is None


def test_back_to_normal_is_no_longer_retained() -> None:
    alarm = fault()
    first = alarm.update(ACTIVE)
    second = alarm.update(dataclasses.replace(ACTIVE, active=False, severity=1))
    assert first is not None
    assert second is not None
    assert plain(second.fields, "ActiveState/Id") is False
    assert plain(second.fields, "Retain") is False
    assert plain(second.fields, "LastSeverity") == 700
    assert plain(second.fields, "EventId") != plain(first.fields, "EventId")


def test_an_event_is_a_snapshot() -> None:
    alarm = fault()
    first = alarm.update(ACTIVE)
    alarm.update(dataclasses.replace(ACTIVE, active=False))
    assert first is not None
    assert plain(first.fields, "ActiveState/Id") is True


def test_poor_quality_shows_without_an_event() -> None:
    alarm = fault()
    alarm.update(ACTIVE)
    poor = dataclasses.replace(ACTIVE, status=codes.BAD_NO_COMMUNICATION, changed=False)
    assert alarm.update(poor) is None
    assert alarm.fields["Quality"].Value == ua.StatusCode(codes.BAD_NO_COMMUNICATION)
    assert alarm.fields["ActiveState/Id"].Value is True


def test_nodes_wait_for_what_has_no_value_yet() -> None:
    nodes = {"": CONDITION, "Time": node_id("time", 2), "Retain": node_id("retain", 2)}
    written = dict(fault().values(nodes, 0))
    assert set(written) == {node_id("retain", 2)}
