"""The state of an alarm, without a server."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from asyncua import ua

from opcua_ai_simulator.condition import Condition
from opcua_ai_simulator.plant import Alarm

START = datetime(2024, 5, 1, tzinfo=UTC)
SEEN = ua.LocalizedText("seen")


class Pressure:
    """An alarm that says what the test wants."""

    def __init__(self, *, trip: bool = False) -> None:
        self.text = ""
        self._rows = 0
        alarm = Alarm("High", "Reactor", "Pressure high", 500, lambda: self.text, trip)
        source = ua.NodeId("Plant/Reactor", 2)
        self.condition = Condition(alarm, ua.NodeId("Plant/Reactor/High", 2), source, START)

    def row(self, text: str) -> bool:
        self.text = text
        self._rows += 1
        return self.condition.update(START + timedelta(seconds=self._rows))

    def acknowledge(self, event_id: bytes | None = None) -> int:
        return self.condition.acknowledge(event_id or self["EventId"], SEEN)

    def __getitem__(self, path: str):
        value = self.condition.fields[path].Value
        return value.Text if isinstance(value, ua.LocalizedText) else value


def test_at_first_it_is_normal() -> None:
    alarm = Pressure()
    assert not alarm.row("")
    assert alarm["Message"] == "Normal"
    assert (alarm["ActiveState/Id"], alarm["AckedState/Id"], alarm["Retain"]) == (
        False,
        True,
        False,
    )
    assert alarm["SourceName"] == "Reactor"
    assert alarm["Time"] == START


@pytest.mark.parametrize(("trip", "kind"), [(True, 10751), (False, 10637)])
def test_the_type(trip: bool, kind: int) -> None:
    assert Pressure(trip=trip)["EventType"] == ua.NodeId(kind)


def test_only_a_change_is_an_event() -> None:
    alarm = Pressure()
    assert [alarm.row(text) for text in ("", "a", "a", "b", "", "")] == [
        *(False, True, False, True, True, False)
    ]


def test_a_message_that_reads_like_the_normal_one_is_active() -> None:
    alarm = Pressure()
    assert alarm.row("Normal")
    assert not alarm.row("Normal")
    assert alarm.row("")
    assert alarm["ActiveState"] == "Inactive"


def test_it_is_retained_until_inactive_and_acknowledged() -> None:
    alarm = Pressure()
    seen = []
    for step in (lambda: alarm.row("high"), lambda: alarm.row(""), alarm.acknowledge):
        step()
        seen.append(alarm["Retain"])
    assert seen == [True, True, False]
    assert alarm["Comment"] == "seen"


def test_an_acknowledged_alarm_that_says_more_stays_acknowledged() -> None:
    alarm = Pressure()
    alarm.row("high")
    assert alarm.acknowledge() == ua.StatusCodes.Good
    alarm.row("higher")
    assert alarm["AckedState/Id"] is True
    alarm.row("")
    alarm.row("high")
    assert alarm["AckedState/Id"] is False


def test_any_event_of_the_activation_can_be_acknowledged_and_none_before() -> None:
    alarm = Pressure()
    alarm.row("once")
    before = alarm["EventId"]
    alarm.row("")
    alarm.row("again")
    first = alarm["EventId"]
    alarm.row("more")
    assert alarm.acknowledge(before) == ua.StatusCodes.BadEventIdUnknown
    assert alarm.acknowledge(first) == ua.StatusCodes.Good
    assert alarm.acknowledge(first) == ua.StatusCodes.BadConditionBranchAlreadyAcked


def test_an_event_keeps_its_fields() -> None:
    alarm = Pressure()
    alarm.row("high")
    event = alarm.condition.fields
    alarm.row("")
    assert event["ActiveState/Id"].Value is True
    assert event["Time"].Value == START + timedelta(seconds=1)
