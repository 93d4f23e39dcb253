"""All alarms of a server: they show on their nodes, tell by events, and survive a restart."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from asyncua import ua

from opcua_ai.core import status as codes
from opcua_ai.core.types import FaultVerdict
from opcua_ai.server.asyncua_mends.services import InternalServer
from opcua_ai.server.conditions import methods, store
from opcua_ai.server.conditions.alarm import Alarm, RefusedError
from opcua_ai.server.conditions.fields import UNSHELVE_TIME, Fields, Identity, fields_of
from opcua_ai.server.conditions.flood import redundant
from opcua_ai.server.conditions.state import AlarmState
from opcua_ai.server.occurrence import Occurrence
from opcua_ai.server.values import VT, Stamp, plant_time

logger = logging.getLogger(__name__)

Nodes = dict[str, ua.NodeId]


@dataclass(eq=False)
class Condition:
    """An alarm and where it shows."""

    key: str
    """Its name in the file."""
    identity: Identity
    alarm: Alarm
    nodes: Nodes
    notifiers: frozenset[ua.NodeId]
    shown: Fields = field(default_factory=Fields)

    def occurrence(self) -> Occurrence:
        fields = fields_of(self.identity, self.alarm)
        # A field without a value is null, as one that its type lacks (Part 4, 7.22.3).
        known = {
            path: variant
            for path, variant in fields.items()
            if variant.VariantType != VT.Null and (path in self.nodes or path == "ConditionId")
        }
        return Occurrence(known, self.notifiers)

    def changes(self, at: datetime) -> Iterable[tuple[ua.NodeId, ua.DataValue]]:
        """What its nodes do not show yet. They are Good, for the state is known; how good the
        prediction behind it was stands in Quality (Part 9, 5.5.2)."""
        stamp = Stamp(source=at)
        fields = fields_of(self.identity, self.alarm)
        for path, node in self.nodes.items():
            variant = fields.get(path)
            known = variant is not None and variant.VariantType != VT.Null
            if variant is not None and known and self.shown.get(path) != variant:
                yield node, stamp(variant)
        self.shown = fields


class Conditions:
    """``start`` before the first ``add``, ``stop`` at the end."""

    def __init__(self, services: InternalServer, folder: Path, max_shelving_s: float) -> None:
        self._services = services
        self._file = folder / store.FILE
        self._max_shelving_s = max_shelving_s
        self._conditions: dict[ua.NodeId, Condition] = {}
        self._shelving_states: dict[ua.NodeId, ua.NodeId] = {}
        """ShelvingState -> its condition"""
        self._groups: dict[str, list[Condition]] = defaultdict(list)
        self._kept: dict[str, AlarmState] = {}
        self._saved: dict[str, str] = {}
        self._unsaved = False
        self._save_now = asyncio.Event()
        self._closing = False
        self._said = ""
        self._shelved = asyncio.Event()
        self._order = asyncio.Lock()
        """One change after the other, so that events leave in their order."""
        self._timer: asyncio.Task[None] | None = None
        self._saver: asyncio.Task[None] | None = None

    @property
    def active(self) -> int:
        """Alarms that are active, enabled and not suppressed."""
        states = (condition.alarm.state for condition in self._conditions.values())
        return sum(s.active and s.enabled and not s.suppressed for s in states)

    async def start(self) -> None:
        """Read what the last run has left and take calls."""
        self._kept = await asyncio.to_thread(store.read, self._file)
        self._saved = {key: state.model_dump_json() for key, state in self._kept.items()}
        methods.offer(self._services, self.operate)
        self._timer = asyncio.create_task(self._unshelve_in_time(), name="unshelve")
        self._saver = asyncio.create_task(self._save(), name="save alarms")

    async def stop(self) -> None:
        """End the timer and save what is not saved yet."""
        if self._timer is not None:
            self._timer.cancel()
            await asyncio.gather(self._timer, return_exceptions=True)
        if self._saver is not None:
            # Not cancelled: a write that is under way goes on in its thread.
            self._closing = True
            self._save_now.set()
            await self._saver

    def add(
        self, key: str, identity: Identity, nodes: Nodes, notifiers: Iterable[ua.NodeId]
    ) -> None:
        """A condition whose nodes exist. It goes on from what the last run knew of it, or from the
        condition that had its nodes before (until a decision takes them, they have none)."""
        state = self._kept.pop(key, None)
        earlier = self._conditions.get(identity.condition)
        if earlier is not None:
            self._groups[identity.group].remove(earlier)
            self._saved.pop(earlier.key, None)
            state = state or earlier.alarm.state
        state = state or AlarmState()
        state.quality = codes.BAD_WAITING_FOR_INITIAL_DATA
        alarm = Alarm(state, self._max_shelving_s)
        condition = Condition(key, identity, alarm, nodes, frozenset(notifiers))
        self._conditions[identity.condition] = condition
        self._shelving_states[nodes["ShelvingState"]] = identity.condition
        self._groups[identity.group].append(condition)
        aspace = self._services.aspace
        for node, value in condition.changes(datetime.now(UTC)):
            aspace[node].attributes[ua.AttributeIds.Value].value = value
        methods.share(aspace, nodes)
        self._count_down(condition)
        if state.retain:
            self._services.events.retain(condition.occurrence())
        self._shelved.set()

    def _count_down(self, condition: Condition) -> None:
        """UnshelveTime is the time that is left when it is read (Part 9, 5.8.17.1)."""

        def left(*_: object) -> ua.DataValue:
            return Stamp.now()(fields_of(condition.identity, condition.alarm)[UNSHELVE_TIME])

        value = self._services.aspace[condition.nodes[UNSHELVE_TIME]].attributes[
            ua.AttributeIds.Value
        ]
        value.value_callback = left
        value.value_setter = lambda *_: None  # a plain write would end the callback

    async def update(self, condition_id: ua.NodeId, verdict: FaultVerdict) -> None:
        """Take over what a policy says. Raises KeyError for a condition that was not added."""
        condition = self._conditions[condition_id]
        async with self._order:
            at = plant_time(verdict.source_time)
            if condition.alarm.apply(verdict):
                await self._report([condition], at)
            await self._show([condition], at)

    async def operate(self, target: ua.NodeId, action: Callable[[Alarm], None]) -> int:
        """A client's action on a condition, or on its ShelvingState; the StatusCode of the call."""
        condition = self._conditions.get(self._shelving_states.get(target, target))
        if condition is None:
            return ua.StatusCodes.BadNodeIdInvalid
        async with self._order:
            try:
                action(condition.alarm)
            except RefusedError as refusal:
                return refusal.status
            await self._report([condition], None, even_disabled=True)
            self._shelved.set()
        return ua.StatusCodes.Good

    async def _report(
        self, changed: list[Condition], at: datetime | None, even_disabled: bool = False
    ) -> None:
        """One event for each alarm that has changed, and for each that an other one's change now
        suppresses or brings back. A disabled alarm is silent (Part 9, 5.5.2)."""
        for name in {c.identity.group for c in changed}:
            group = self._groups[name]
            more = redundant(c.alarm for c in group)
            new = [c for c in group if c.alarm.suppress(c.alarm in more)]
            changed = list(dict.fromkeys([*changed, *new]))
        for condition in sorted(changed, key=lambda c: c.alarm.state.suppressed):
            told = condition.alarm.state.enabled or even_disabled
            if told:
                condition.alarm.issue(at)
            await self._show([condition], at)
            self._saved[condition.key] = condition.alarm.state.model_dump_json()
            if told:
                await self._services.events.emit(condition.occurrence())
        self._unsaved = True
        self._save_now.set()

    async def _show(self, conditions: Iterable[Condition], at: datetime | None) -> None:
        aspace = self._services.aspace
        for condition in conditions:
            for node, value in condition.changes(at or datetime.now(UTC)):
                await aspace.write_attribute_value(node, ua.AttributeIds.Value, value)

    async def _unshelve_in_time(self) -> None:
        while True:
            times = [c.alarm.shelving_left_s for c in self._conditions.values()]
            left = min((time for time in times if time is not None), default=None)
            try:
                async with asyncio.timeout(left):
                    await self._shelved.wait()
            except TimeoutError:
                pass
            self._shelved.clear()
            async with self._order:
                over = [c for c in self._conditions.values() if c.alarm.expire()]
                if over:
                    await self._report(over, None)

    async def _save(self) -> None:
        """Write what has changed; what changes during a write comes with the next one."""
        while True:
            await self._save_now.wait()
            self._save_now.clear()
            while self._unsaved:
                await self._write()
            if self._closing:
                return

    async def _write(self) -> None:
        self._unsaved = False
        try:
            await asyncio.to_thread(store.write, self._file, dict(self._saved))
        except OSError as error:
            if not self._said:
                logger.error(
                    "%s: cannot be written (%s): a restart forgets alarm states until it can",
                    self._file,
                    error.strerror or error,
                )
            self._said = str(error)
        else:
            if self._said:
                logger.info("%s: alarm states are saved again", self._file)
            self._said = ""
