"""Flood suppression (ISA-18.2): of all alarms of an asset, one tells of each cause.

The cause is the name of the fault. An alarm that has no name yet may be of any cause: it counts as
the same one as every other alarm of its asset. Where several tell of one cause, the one stays that
knows its name, then the one that already stands, then the one that came first.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from opcua_ai.server.conditions.alarm import Alarm

_NEVER = datetime.min.replace(tzinfo=UTC)


def redundant(alarms: Iterable[Alarm]) -> list[Alarm]:
    """Those of an asset's alarms whose cause another one already tells. A disabled alarm tells
    nothing; a shelved one does, for the operator knows it."""
    telling = [alarm for alarm in alarms if alarm.state.active and alarm.state.enabled]
    told: set[str] = set()
    more: list[Alarm] = []
    for alarm in sorted(telling, key=_rank):
        label = alarm.state.label
        if label in told or (told and not label):
            more.append(alarm)
        told.add(label)
    return more


def _rank(alarm: Alarm) -> tuple[bool, bool, datetime]:
    state = alarm.state
    return not state.label, state.suppressed, state.active_since or _NEVER
