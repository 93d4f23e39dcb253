"""A plant's alarms as Part 9 conditions: live nodes, and an event for each change."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from asyncua import ua

from opcua_ai_simulator.condition import Condition
from opcua_ai_simulator.events import SERVER, Events
from opcua_ai_simulator.instances import add_instance
from opcua_ai_simulator.nodes import data_value
from opcua_ai_simulator.plant import Alarm

_make: Any = ua  # see nodes.py


class Alarms:
    """The conditions of one plant: ``build`` once, then ``update`` after each row."""

    def __init__(self, events: Events, plant: ua.NodeId) -> None:
        self._events, self._plant = events, plant
        self._conditions: list[tuple[Condition, dict[str, ua.NodeId]]] = []
        self._telling = asyncio.Lock()  # one change after the other, a row's or a client's

    async def build(self, alarms: Sequence[Alarm], at: datetime) -> None:
        """Add a condition for each alarm below the object of its group, which is there already."""
        if alarms:
            await self._events.add_notifier(self._plant, SERVER)
        for source in dict.fromkeys(self._source(alarm) for alarm in alarms):
            if source != self._plant:
                await self._events.add_notifier(source, self._plant)
        for alarm in alarms:
            source = self._source(alarm)
            node_id = _make.NodeId(f"{source.Identifier}/{alarm.name}", source.NamespaceIndex)
            await self._add(Condition(alarm, node_id, source, at))

    async def update(self, at: datetime) -> None:
        """Tell what became active, inactive or other with the row of that plant time."""
        async with self._telling:
            for condition, nodes in self._conditions:
                if condition.update(at):
                    await self._publish(condition, nodes)

    def _source(self, alarm: Alarm) -> ua.NodeId:
        if not alarm.group:
            return self._plant
        return _make.NodeId(f"{self._plant.Identifier}/{alarm.group}", self._plant.NamespaceIndex)

    async def _add(self, condition: Condition) -> None:
        source = self._events.node(condition.source)
        nodes = await add_instance(
            source,
            _make.NodeId(ua.ObjectIds.HasComponent),
            condition.node_id,
            _make.QualifiedName(condition.alarm.name, condition.node_id.NamespaceIndex),
            self._events.node(condition.kind),
            condition.fields,
            condition.alarm.description,
        )
        node = self._events.node(condition.node_id)
        await source.add_reference(node, ua.ObjectIds.HasCondition)
        # An instance may share its type's method; asyncua runs it for either (Part 4, 5.12.2).
        await node.add_reference(
            ua.ObjectIds.AcknowledgeableConditionType_Acknowledge,
            ua.ObjectIds.HasComponent,
            bidirectional=False,
        )

        async def acknowledge(event_id: bytes, comment: ua.LocalizedText) -> int:
            async with self._telling:
                status = condition.acknowledge(event_id, comment)
                if status == ua.StatusCodes.Good:
                    await self._publish(condition, nodes)
            return status

        self._events.accept_acknowledge(condition.node_id, acknowledge)
        self._conditions.append((condition, nodes))

    async def _publish(self, condition: Condition, nodes: dict[str, ua.NodeId]) -> None:
        fields, changes = condition.fields, condition.changes
        at = fields["Time"].Value
        for path, value in changes.items():
            await self._events.node(nodes[path]).write_value(data_value(value, at))
        notifiers = dict.fromkeys((condition.source, self._plant, SERVER))
        await self._events.emit(fields, tuple(notifiers))
