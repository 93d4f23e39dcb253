"""At most one alarm per asset and cause (ISA-18.2)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from opcua_ai.server.conditions.alarm import Alarm
from opcua_ai.server.conditions.flood import redundant
from opcua_ai.server.conditions.state import AlarmState

START = datetime(2026, 1, 1, tzinfo=UTC)


def active(label: str, second: int = 0, **state: bool) -> Alarm:
    since = START + timedelta(seconds=second)
    return Alarm(AlarmState(active=True, label=label, active_since=since, **state), 60)


def settle(*alarms: Alarm) -> list[bool]:
    """What the server does after each change; which of the alarms are suppressed then."""
    more = redundant(alarms)
    for alarm in alarms:
        alarm.suppress(alarm in more)
    return [alarm.state.suppressed for alarm in alarms]


def test_the_first_alarm_of_a_cause_stands() -> None:
    assert settle(active("fault 5", 1), active("fault 5", 0), active("fault 5", 2)) == [
        True,
        False,
        True,
    ]


def test_two_causes_are_two_alarms() -> None:
    assert settle(active("fault 5"), active("fault 7")) == [False, False]


def test_an_inactive_or_disabled_alarm_tells_nothing() -> None:
    gone = Alarm(AlarmState(label="fault 5"), 60)
    assert settle(gone, active("fault 5")) == [False, False]
    assert settle(active("fault 5", 0, enabled=False), active("fault 5", 1)) == [False, False]


def test_a_shelved_alarm_still_tells() -> None:
    first, second = active("fault 5", 0), active("fault 5", 1)
    first.shelve_once()
    assert settle(first, second) == [False, True]


def test_an_alarm_without_a_name_repeats_every_other() -> None:
    assert settle(active("", 0), active("", 1)) == [False, True]
    assert settle(active("", 0), active("fault 5", 1)) == [True, False]


def test_names_that_come_one_by_one_never_swap_the_alarm() -> None:
    first, second = active("", 0), active("", 1)
    assert settle(first, second) == [False, True]
    second.state.label = "fault 5"
    assert settle(first, second) == [True, False], "the one that knows more stands"
    first.state.label = "fault 5"
    assert settle(first, second) == [True, False], "and goes on standing"


def test_when_the_alarm_goes_the_next_one_asks() -> None:
    first, second = active("fault 5", 0), active("fault 5", 1)
    settle(first, second)
    first.state.active = False
    assert settle(first, second) == [False, False]
    assert not second.state.acked
