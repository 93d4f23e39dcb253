"""The state machine of one predicted fault (Part 9, 4.2 to 4.5 and B.1.2).

The process side (:meth:`Alarm.apply`, :meth:`Alarm.suppress`) tells what the alarm is, the operator
side what people do with it. Each side only changes the state; :meth:`Alarm.issue` then names the
event that reports it.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from asyncua import ua

from opcua_ai.core import status as codes
from opcua_ai.core.types import FaultVerdict
from opcua_ai.server.conditions.state import EVENTS_KEPT, AlarmState, Shelving
from opcua_ai.server.values import plant_time

LONGEST_COMMENT = 2000
"""Characters of a comment."""


class RefusedError(Exception):
    """An operator's action that the state of the alarm forbids; carries the StatusCode."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class Alarm:
    """One condition. Time runs on ``clock`` (seconds, monotonic), so that a jump of the wall clock
    neither hides nor shows a shelved alarm."""

    def __init__(
        self,
        state: AlarmState,
        max_shelving_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.state = state
        self.max_shelving_s = max_shelving_s
        self._clock = clock
        self._deadline: float | None = None
        if state.shelved_until is not None:
            left = (state.shelved_until - datetime.now(UTC)).total_seconds()
            self._deadline = clock() + min(left, max_shelving_s)

    # The process side

    def apply(self, verdict: FaultVerdict) -> bool:
        """Take over a verdict; True when it changes what an event has to report.

        Those are the state, the name of the fault, the severity and whether the quality is Good,
        Uncertain or Bad (Part 9, 5.5.2). An alarm that was active before a restart stays so until
        the policy has seen enough to know.
        """
        state, waiting = self.state, codes.BAD_WAITING_FOR_INITIAL_DATA
        first = state.quality == waiting
        active = verdict.active or (state.active and not verdict.settled)
        label = (verdict.label or (state.label if state.active else "")) if active else ""
        before = (state.active, state.label, state.severity, codes.severity_name(state.quality))
        at = plant_time(verdict.source_time)
        if active != state.active:
            self._switch(active, at)
        elif label != state.label:
            self._ask()
        kept = active and not verdict.active
        state.label = label
        state.quality, state.quality_since = verdict.status, at
        if not kept:
            self._note(verdict, at)
        after = (state.active, state.label, state.severity, codes.severity_name(state.quality))
        changed = after[:2] != before[:2] if first else after != before
        if changed and not kept:
            state.message = verdict.message
        return changed

    def _switch(self, active: bool, at: datetime | None) -> None:
        self.state.active = active
        self.state.active_since = at or datetime.now(UTC)
        if active:
            self._ask()
        elif self.state.shelving == Shelving.ONE_SHOT:
            self._unshelve()

    def _ask(self) -> None:
        """The operator has something new to acknowledge. EventIds of what was there before ask for
        nothing any more: nobody acknowledges what he has not seen."""
        state = self.state
        state.acked, state.confirmed = state.suppressed, True
        state.to_acknowledge.clear()
        state.to_confirm.clear()

    def _note(self, verdict: FaultVerdict, at: datetime | None) -> None:
        state, severity = self.state, min(max(verdict.severity, 1), 1000)
        if severity != state.severity:
            state.last_severity, state.severity = state.severity, severity
            state.severity_since = at
        state.confidence = verdict.confidence
        state.contributions = list(verdict.contributions)

    def suppress(self, suppressed: bool) -> bool:
        """Another alarm tells of the same cause, or no longer does; True when that is new.

        A suppressed alarm asks for nothing; one that is active and no longer suppressed does.
        """
        state = self.state
        if suppressed == state.suppressed:
            return False
        state.suppressed = suppressed
        if suppressed or state.active:
            self._ask()
        return True

    def expire(self) -> bool:
        """End the shelving whose time is over; True when there was one."""
        if self._deadline is None or self._clock() < self._deadline:
            return False
        self._unshelve()
        return True

    # The operator side

    def acknowledge(self, event_id: bytes | None, comment: ua.LocalizedText, user: str) -> None:
        """Acknowledge (Part 9, 5.7.3); then the alarm asks to be confirmed."""
        state = self.state
        self._check(event_id, state.to_acknowledge, ua.StatusCodes.BadConditionBranchAlreadyAcked)
        self.remark(comment, user)
        state.acked, state.confirmed = True, False
        state.to_acknowledge.clear()

    def confirm(self, event_id: bytes | None, comment: ua.LocalizedText, user: str) -> None:
        """Confirm (Part 9, 5.7.4)."""
        state = self.state
        self._check(event_id, state.to_confirm, ua.StatusCodes.BadConditionBranchAlreadyConfirmed)
        self.remark(comment, user)
        state.confirmed = True
        state.to_confirm.clear()

    def add_comment(self, event_id: bytes | None, comment: ua.LocalizedText, user: str) -> None:
        """AddComment (Part 9, 5.5.6)."""
        self._check(event_id, self.state.events, ua.StatusCodes.BadEventIdUnknown)
        if not self.remark(comment, user):
            raise RefusedError(ua.StatusCodes.BadInvalidArgument)

    def enable(self, enabled: bool) -> None:
        """Enable and Disable (Part 9, 5.5.4 and 5.5.5)."""
        if enabled == self.state.enabled:
            raise RefusedError(
                ua.StatusCodes.BadConditionAlreadyEnabled
                if enabled
                else ua.StatusCodes.BadConditionAlreadyDisabled
            )
        self.state.enabled = enabled

    def shelve_timed(self, milliseconds: float) -> None:
        """TimedShelve (Part 9, 5.8.17.4). The time that runs cannot be set anew."""
        self._check_shelving(Shelving.TIMED)
        if not 0 < milliseconds <= self.max_shelving_s * 1000:
            raise RefusedError(ua.StatusCodes.BadShelvingTimeOutOfRange)
        self._shelve(Shelving.TIMED, milliseconds / 1000)

    def shelve_once(self) -> None:
        """OneShotShelve (Part 9, 5.8.17.6): until the alarm goes, but no longer than the limit."""
        self._check_shelving(Shelving.ONE_SHOT)
        self._shelve(Shelving.ONE_SHOT, self.max_shelving_s)

    def unshelve(self) -> None:
        """Unshelve (Part 9, 5.8.17.2)."""
        self._check_enabled()
        if not self.state.shelved:
            raise RefusedError(ua.StatusCodes.BadConditionNotShelved)
        self._unshelve()

    @staticmethod
    def check_comment(comment: ua.LocalizedText) -> None:
        if len(comment.Text or "") > LONGEST_COMMENT:
            raise RefusedError(ua.StatusCodes.BadInvalidArgument)

    def remark(self, comment: ua.LocalizedText, user: str) -> bool:
        """Take the comment; one without text and locale changes nothing (Part 9, 5.5.6)."""
        self.check_comment(comment)
        if not comment.Text and not comment.Locale:
            return False
        state = self.state
        state.comment, state.comment_locale = comment.Text or "", comment.Locale or ""
        state.comment_time, state.comment_user = datetime.now(UTC), user
        return True

    @property
    def shelving_left_s(self) -> float | None:
        """Seconds until the alarm comes back by itself; None when it is not shelved."""
        return None if self._deadline is None else max(0.0, self._deadline - self._clock())

    # The report

    def issue(self, at: datetime | None = None) -> None:
        """Name a new event after the state as it is now; ``at``: plant time of what caused it."""
        state, now = self.state, datetime.now(UTC)
        state.event_id = uuid.uuid4().bytes
        state.time, state.receive_time = at or now, now
        _remember(state.events, state.event_id)
        if not state.acked:
            _remember(state.to_acknowledge, state.event_id)
        if not state.confirmed:
            _remember(state.to_confirm, state.event_id)

    def _check(self, event_id: bytes | None, asking: list[bytes], otherwise: int) -> None:
        self._check_enabled()
        if event_id not in self.state.events:
            raise RefusedError(ua.StatusCodes.BadEventIdUnknown)
        if event_id not in asking:
            raise RefusedError(otherwise)

    def _check_enabled(self) -> None:
        if not self.state.enabled:
            raise RefusedError(ua.StatusCodes.BadConditionDisabled)

    def _check_shelving(self, wanted: Shelving) -> None:
        self._check_enabled()
        if self.state.shelving == wanted:
            raise RefusedError(ua.StatusCodes.BadConditionAlreadyShelved)

    def _shelve(self, how: Shelving, seconds: float) -> None:
        self.state.shelving = how
        self.state.shelved_until = datetime.now(UTC) + timedelta(seconds=seconds)
        self._deadline = self._clock() + seconds

    def _unshelve(self) -> None:
        self.state.shelving = Shelving.UNSHELVED
        self.state.shelved_until = self._deadline = None


def _remember(events: list[bytes], event_id: bytes) -> None:
    events.append(event_id)
    del events[:-EVENTS_KEPT]
