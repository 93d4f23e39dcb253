"""Recommendations on their nodes, and the events of their states (RecommendationEventType).

An event tells that a recommendation is Proposed: the first one, the first one after it expired, and
each one that differs noticeably from what the last event said. That is when ClampedValue,
RecommendedValue or the step from CurrentValue to ClampedValue has moved by more than half of the
largest step so far. Between two such events lies at least a tenth of the time that a recommendation
holds. So neither noise nor the schedule floods anybody.

A recommendation expires when plant time passes ExpiresAt and no newer one has come. Plant time is
that of the newest input; without a newer input it goes on at the pace of this machine's clock.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, replace
from enum import IntEnum

from asyncua import ua

from opcua_ai.core import status as codes
from opcua_ai.core.types import NS, Recommendation
from opcua_ai.server import readings
from opcua_ai.server.occurrence import SERVER, Occurrence, base_fields
from opcua_ai.server.values import Stamp, double, integer, moment, node, plant_time, string

Nodes = dict[str, ua.NodeId]
Write = Callable[[Iterable[tuple[ua.NodeId, ua.DataValue]]], Awaitable[None]]
Emit = Callable[[Occurrence], Awaitable[None]]

QUIET_SHARE = 0.1
"""Of the time that a recommendation holds: the least between two proposals."""
_SEVERITY = 100
"""Nobody has to act (Part 9: above 400 somebody has to)."""


class State(IntEnum):
    """RecommendationState, as far as advice alone goes."""

    Proposed = 0
    Expired = 6


@dataclass
class Standing:
    """One recommendation as it stands."""

    newest: Recommendation
    """As it was last published, with whatever status."""
    state: State = State.Proposed
    proposed: Recommendation | None = None
    """The newest one with a usable value: what expires."""
    told: Recommendation | None = None
    """The one that the last event was about; None when the next one is news in any case."""
    largest_step: float = 0.0
    plant_now: int = 0
    """Plant time of the newest input, and when that was seen by the monotonic clock."""
    seen_s: float = 0.0

    def note(self, r: Recommendation, now_s: float) -> bool:
        """Take over what a policy says; True when an event has to tell of it."""
        self.newest = r
        if r.source_time > self.plant_now:
            self.plant_now, self.seen_s = r.source_time, now_s
        if codes.is_bad(r.status) or not r.expires:
            return False
        self.proposed, self.state = r, State.Proposed
        self.largest_step = max(self.largest_step, abs(r.clamped - r.current))
        if self.told is not None and not self._differs(self.told, r):
            return False
        self.told = r
        return True

    def _differs(self, told: Recommendation, r: Recommendation) -> bool:
        if r.source_time - told.source_time < QUIET_SHARE * (told.expires - told.source_time):
            return False
        step, before = r.clamped - r.current, told.clamped - told.current
        if step == before == 0:
            return False
        moved = (step - before, r.clamped - told.clamped, r.recommended - told.recommended)
        return max(map(abs, moved)) > self.largest_step / 2

    def expire(self, now_s: float) -> Recommendation | None:
        """The recommendation whose time is over now; None when there is none."""
        r = self.proposed
        if r is None or self.plant_now + round((now_s - self.seen_s) * NS) <= r.expires:
            return None
        self.proposed = self.told = None
        self.state = State.Expired
        return r


class Recommendations:
    """All recommendations of a server."""

    def __init__(
        self,
        kind: ua.NodeId,
        module: ua.NodeId,
        write: Write,
        emit: Emit,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``kind`` is RecommendationEventType; ``module`` and the Server notify of each event."""
        self._kind, self._module = kind, module
        self._write, self._emit, self._clock = write, emit, clock
        self._standing: dict[ua.NodeId, tuple[Standing, Nodes, ua.NodeId]] = {}

    async def publish(self, nodes: Nodes, asset: ua.NodeId, r: Recommendation) -> None:
        """Show what a policy says; tell by an event when it is news."""
        r = replace(r, status=readings.usable(r.status, r.clamped))
        standing, *_ = self._standing.setdefault(nodes[""], (Standing(r), nodes, asset))
        news = standing.note(r, self._clock())
        await self._write(readings.recommendation(nodes, r))
        if standing.state == State.Proposed:
            stamp = Stamp(r.status, plant_time(r.source_time))
            await self._write([(nodes["State"], stamp(integer(State.Proposed)))])
        if news:
            await self._tell(State.Proposed, r, r.source_time, nodes, asset)

    async def expire(self) -> None:
        """Look for those whose time is over; called once a second."""
        for standing, nodes, asset in list(self._standing.values()):
            r = standing.expire(self._clock())
            if r is not None:
                await self._show_expired(standing.newest, r.expires, nodes)
                await self._tell(State.Expired, r, r.expires, nodes, asset)

    async def _show_expired(self, newest: Recommendation, at: int, nodes: Nodes) -> None:
        """Its values stay, as the last usable ones; the state itself is known."""
        if not codes.is_bad(newest.status):
            status = max(newest.status, codes.UNCERTAIN_LAST_USABLE_VALUE)
            old = replace(newest, status=status, source_time=at)
            await self._write(readings.recommendation(nodes, old))
        stamp = Stamp(source=plant_time(at))
        await self._write([(nodes["State"], stamp(integer(State.Expired)))])

    async def _tell(
        self, state: State, r: Recommendation, at: int, nodes: Nodes, asset: ua.NodeId
    ) -> None:
        message = f"{state.name}: {r.reason or r.name}"
        fields = {
            **base_fields(self._kind, asset, r.asset, message, _SEVERITY, plant_time(at)),
            "Recommendation": node(nodes[""]),
            "State": integer(state),
            **_figures(r),
        }
        notifiers = frozenset({asset, self._module, SERVER})
        await self._emit(Occurrence(fields, notifiers))


def _figures(r: Recommendation) -> dict[str, ua.Variant]:
    return {
        "TargetNode": string(r.target.node_id),
        "TargetPath": string(r.target.path),
        "CurrentValue": double(r.current),
        "RecommendedValue": double(r.recommended),
        "ClampedValue": double(r.clamped),
        "ClampReason": string(r.clamp_reason),
        "ExpectedBenefit": double(r.expected_benefit),
        "Confidence": double(r.confidence),
        "Reason": string(r.reason),
        "ExpiresAt": moment(plant_time(r.expires)),
    }
