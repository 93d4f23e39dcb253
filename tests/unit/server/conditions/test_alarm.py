"""The state machine of a predicted fault (Part 9)."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from asyncua import ua

from opcua_ai.core import status as codes
from opcua_ai.core.types import NS, Contribution, FaultVerdict
from opcua_ai.server.conditions.alarm import LONGEST_COMMENT, Alarm, RefusedError
from opcua_ai.server.conditions.state import EVENTS_KEPT, AlarmState, Shelving

ACTIVE = FaultVerdict(
    asset="line1",
    active=True,
    label="fault 5",
    severity=700,
    message="Fault 5 is coming",
    status=codes.GOOD,
    source_time=1_700_000_000 * NS,
    confidence=0.9,
    contributions=[Contribution("XMEAS(1)", 0.6, "rises")],
)
NORMAL = dataclasses.replace(
    ACTIVE, active=False, label="", severity=100, message="Normal operation", contributions=[]
)
TEXT = ua.LocalizedText("seen", "en")
NOTHING = ua.LocalizedText()
States = tuple[bool, bool, bool, bool]


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def alarm(clock: Clock) -> Alarm:
    return Alarm(AlarmState(), max_shelving_s=3600, clock=clock)


def tell(alarm: Alarm, verdict: FaultVerdict) -> bytes:
    """Apply a verdict that has to be reported; the id of the event."""
    assert alarm.apply(verdict)
    alarm.issue()
    return alarm.state.event_id


def do(alarm: Alarm, action: Callable[..., None], *arguments: object) -> bytes:
    """An operator's action that is accepted; the id of its event."""
    action(*arguments)
    alarm.issue()
    return alarm.state.event_id


def refused(action: Callable[..., None], *arguments: object) -> int:
    with pytest.raises(RefusedError) as error:
        action(*arguments)
    return error.value.status


def states(alarm: Alarm) -> States:
    state = alarm.state
    return state.active, state.acked, state.confirmed, state.retain


def test_the_life_of_an_alarm_is_that_of_table_b1(alarm: Alarm) -> None:
    assert states(alarm) == (False, True, True, False)
    first = tell(alarm, ACTIVE)
    assert states(alarm) == (True, False, True, True)
    second = do(alarm, alarm.acknowledge, first, TEXT, "anna")
    assert states(alarm) == (True, True, False, True)
    third = tell(alarm, NORMAL)
    assert states(alarm) == (False, True, False, True)
    do(alarm, alarm.confirm, third, NOTHING, "")
    assert states(alarm) == (False, True, True, False)
    tell(alarm, ACTIVE)
    assert states(alarm) == (True, False, True, True)
    sixth = tell(alarm, NORMAL)
    assert states(alarm) == (False, False, True, True)
    seventh = do(alarm, alarm.acknowledge, sixth, NOTHING, "")
    assert states(alarm) == (False, True, False, True)
    eighth = do(alarm, alarm.confirm, seventh, NOTHING, "")
    assert states(alarm) == (False, True, True, False)
    assert len({first, second, third, sixth, seventh, eighth}) == 6


def test_any_event_of_the_unacknowledged_state_can_be_acknowledged(alarm: Alarm) -> None:
    came = tell(alarm, ACTIVE)
    went = tell(alarm, NORMAL)
    assert came != went
    do(alarm, alarm.acknowledge, came, NOTHING, "")
    assert refused(alarm.acknowledge, went, NOTHING, "") == (
        ua.StatusCodes.BadConditionBranchAlreadyAcked
    )


def test_an_acknowledgement_never_covers_what_came_later(alarm: Alarm) -> None:
    old = tell(alarm, ACTIVE)
    tell(alarm, NORMAL)
    new = tell(alarm, ACTIVE)
    status = refused(alarm.acknowledge, old, TEXT, "anna")
    assert status == ua.StatusCodes.BadConditionBranchAlreadyAcked
    assert not alarm.state.acked
    assert alarm.state.comment == ""
    do(alarm, alarm.acknowledge, new, NOTHING, "")


def test_another_name_is_another_fault_to_acknowledge(alarm: Alarm) -> None:
    do(alarm, alarm.acknowledge, tell(alarm, ACTIVE), NOTHING, "")
    tell(alarm, dataclasses.replace(ACTIVE, label="fault 7"))
    assert not alarm.state.acked
    assert alarm.state.label == "fault 7"


def test_only_known_events_can_be_named(alarm: Alarm) -> None:
    tell(alarm, ACTIVE)
    for unknown in (b"x" * 16, b"", None):
        for action in (alarm.acknowledge, alarm.confirm, alarm.add_comment):
            assert refused(action, unknown, TEXT, "") == ua.StatusCodes.BadEventIdUnknown


def test_confirm_needs_an_acknowledged_state(alarm: Alarm) -> None:
    came = tell(alarm, ACTIVE)
    already = ua.StatusCodes.BadConditionBranchAlreadyConfirmed
    assert refused(alarm.confirm, came, NOTHING, "") == already
    acked = do(alarm, alarm.acknowledge, came, NOTHING, "")
    done = do(alarm, alarm.confirm, acked, NOTHING, "")
    assert refused(alarm.confirm, done, NOTHING, "") == already


def test_comments(alarm: Alarm) -> None:
    event = do(alarm, alarm.add_comment, tell(alarm, ACTIVE), TEXT, "anna")
    state = alarm.state
    assert (state.comment, state.comment_locale, state.comment_user) == ("seen", "en", "anna")
    assert state.comment_time is not None
    # an empty one changes nothing, one with a locale only takes the comment away (Part 9, 5.5.6)
    assert refused(alarm.add_comment, event, NOTHING, "bob") == ua.StatusCodes.BadInvalidArgument
    do(alarm, alarm.acknowledge, event, NOTHING, "bob")
    assert (state.comment, state.comment_user) == ("seen", "anna")
    do(alarm, alarm.add_comment, event, ua.LocalizedText("", "en"), "bob")
    assert (state.comment, state.comment_user) == ("", "bob")


def test_a_comment_too_long_changes_nothing(alarm: Alarm) -> None:
    event = tell(alarm, ACTIVE)
    long = ua.LocalizedText("x" * (LONGEST_COMMENT + 1))
    assert refused(alarm.acknowledge, event, long, "") == ua.StatusCodes.BadInvalidArgument
    assert not alarm.state.acked


def test_the_newest_events_are_known(alarm: Alarm) -> None:
    first = tell(alarm, ACTIVE)
    for _ in range(EVENTS_KEPT):
        alarm.issue()
    assert refused(alarm.add_comment, first, TEXT, "") == ua.StatusCodes.BadEventIdUnknown
    assert len(alarm.state.events) == len(alarm.state.to_acknowledge) == EVENTS_KEPT


def test_disable_and_enable(alarm: Alarm) -> None:
    event = tell(alarm, ACTIVE)
    assert refused(alarm.enable, True) == ua.StatusCodes.BadConditionAlreadyEnabled
    alarm.enable(False)
    assert not alarm.state.retain
    assert refused(alarm.enable, False) == ua.StatusCodes.BadConditionAlreadyDisabled
    for action in (alarm.acknowledge, alarm.confirm, alarm.add_comment):
        assert refused(action, event, TEXT, "") == ua.StatusCodes.BadConditionDisabled
    for shelve in (lambda: alarm.shelve_timed(1), alarm.shelve_once, alarm.unshelve):
        assert refused(shelve) == ua.StatusCodes.BadConditionDisabled
    alarm.enable(True)
    assert states(alarm) == (True, False, True, True)


def test_timed_shelving_ends_by_itself(alarm: Alarm, clock: Clock) -> None:
    alarm.shelve_timed(60_000)
    assert alarm.state.shelving == Shelving.TIMED
    clock.now += 59
    assert alarm.shelving_left_s == 1
    assert not alarm.expire()
    clock.now += 1
    assert alarm.expire()
    assert alarm.shelving_left_s is None
    assert not alarm.state.shelved
    assert not alarm.expire()


def test_one_shot_shelving_ends_with_the_alarm(alarm: Alarm) -> None:
    tell(alarm, ACTIVE)
    alarm.shelve_once()
    tell(alarm, dataclasses.replace(ACTIVE, label="fault 7"))
    assert alarm.state.shelving == Shelving.ONE_SHOT
    tell(alarm, NORMAL)
    assert not alarm.state.shelved


def test_one_shot_shelving_keeps_to_the_limit(alarm: Alarm, clock: Clock) -> None:
    tell(alarm, ACTIVE)
    alarm.shelve_once()
    clock.now += 3600
    assert alarm.expire()


def test_timed_shelving_outlives_the_alarm(alarm: Alarm) -> None:
    alarm.shelve_timed(1000)
    tell(alarm, ACTIVE)
    tell(alarm, NORMAL)
    assert alarm.state.shelving == Shelving.TIMED


@pytest.mark.parametrize("milliseconds", [0, -1, 3_600_001, math.nan, math.inf])
def test_shelving_time_out_of_range(alarm: Alarm, milliseconds: float) -> None:
    status = refused(alarm.shelve_timed, milliseconds)
    assert status == ua.StatusCodes.BadShelvingTimeOutOfRange
    assert not alarm.state.shelved


def test_shelving_from_state_to_state(alarm: Alarm) -> None:
    assert refused(alarm.unshelve) == ua.StatusCodes.BadConditionNotShelved
    alarm.shelve_timed(1000)
    again = ua.StatusCodes.BadConditionAlreadyShelved
    assert refused(alarm.shelve_timed, 1000.0) == again, "nobody prolongs it for ever"
    alarm.shelve_once()
    assert refused(alarm.shelve_once) == again
    alarm.shelve_timed(1000)
    alarm.unshelve()
    assert not alarm.state.shelved


def test_a_suppressed_alarm_asks_for_nothing(alarm: Alarm) -> None:
    event = tell(alarm, ACTIVE)
    assert alarm.suppress(True)
    assert not alarm.suppress(True)
    assert states(alarm) == (True, True, True, True)
    status = refused(alarm.acknowledge, event, NOTHING, "")
    assert status == ua.StatusCodes.BadConditionBranchAlreadyAcked
    assert alarm.suppress(False)
    assert not alarm.state.acked, "now it is the one that tells of the cause"


def test_an_event_when_state_severity_or_quality_changes(alarm: Alarm) -> None:
    assert not alarm.apply(NORMAL), "the first verdict only says that all is well"
    assert not alarm.apply(dataclasses.replace(NORMAL, confidence=0.2))
    assert alarm.apply(ACTIVE)
    assert not alarm.apply(dataclasses.replace(ACTIVE, message="other words", confidence=0.8))
    assert alarm.apply(dataclasses.replace(ACTIVE, severity=800))
    assert (alarm.state.last_severity, alarm.state.severity) == (700, 800)
    poor = dataclasses.replace(ACTIVE, severity=800, status=codes.BAD_NO_COMMUNICATION)
    assert alarm.apply(poor)
    assert not alarm.apply(dataclasses.replace(poor, status=codes.BAD_NO_DATA)), "Bad as before"


def test_severity_stays_within_part_9(alarm: Alarm) -> None:
    alarm.apply(dataclasses.replace(ACTIVE, severity=5000))
    assert alarm.state.severity == 1000


def restarted(alarm: Alarm, clock: Clock) -> Alarm:
    state = AlarmState.model_validate_json(alarm.state.model_dump_json())
    state.quality = codes.BAD_WAITING_FOR_INITIAL_DATA
    return Alarm(state, 3600, clock)


def test_an_alarm_goes_on_after_a_restart(alarm: Alarm, clock: Clock) -> None:
    event = do(alarm, alarm.add_comment, tell(alarm, ACTIVE), TEXT, "anna")
    back = restarted(alarm, clock)
    assert back.state.model_dump(exclude={"quality"}) == alarm.state.model_dump(exclude={"quality"})
    unsure = dataclasses.replace(NORMAL, settled=False)
    assert not back.apply(unsure)
    assert states(back) == (True, False, True, True)
    assert (back.state.severity, back.state.label) == (700, "fault 5")
    assert back.state.contributions == ACTIVE.contributions
    assert not back.apply(dataclasses.replace(ACTIVE, label="")), "still the same fault"
    do(back, back.acknowledge, event, NOTHING, "")


def test_an_alarm_that_is_over_goes_after_a_restart(alarm: Alarm, clock: Clock) -> None:
    tell(alarm, ACTIVE)
    back = restarted(alarm, clock)
    back.apply(dataclasses.replace(NORMAL, settled=False))
    assert tell(back, NORMAL)
    assert states(back) == (False, False, True, True)


def test_shelving_time_runs_while_the_server_is_away(alarm: Alarm, clock: Clock) -> None:
    alarm.shelve_timed(60_000)
    alarm.state.shelved_until = datetime.now(UTC) + timedelta(seconds=10)
    back = restarted(alarm, clock)
    assert back.shelving_left_s == pytest.approx(10, abs=1)
    alarm.state.shelved_until = datetime.now(UTC) - timedelta(seconds=10)
    assert restarted(alarm, clock).expire()
    alarm.state.shelved_until = datetime.now(UTC) + timedelta(days=300)
    assert restarted(alarm, clock).shelving_left_s == pytest.approx(3600), "the clock was wrong"
