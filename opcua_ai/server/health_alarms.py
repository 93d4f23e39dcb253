"""FailureAlarmType of DI for each source and each model (OPC 10000-100, 4.12.3).

Active while DeviceHealth is FAILURE. Its condition stands below DeviceHealthAlarms.
"""

from __future__ import annotations

import time
from collections.abc import Mapping

from asyncua import ua

from opcua_ai.core import status as codes
from opcua_ai.core.ports import SourceState
from opcua_ai.core.types import FaultVerdict, ModelHealth, ModelState
from opcua_ai.server.conditions import Conditions
from opcua_ai.server.conditions.fields import Identity
from opcua_ai.server.instances import Instances
from opcua_ai.server.occurrence import SERVER

FAILURE_TYPE = 15292
"""Identifier of FailureAlarmType in the namespace of DI."""
NAME = "Failure"
_SEVERITY, _NORMAL_SEVERITY = 500, 100
_INCLUDE = {
    "ActiveState/TransitionTime",
    "ConfirmedState",
    "MaxTimeShelved",
    "ShelvingState",
    "SuppressedState",
}
"""What AlarmConditionType leaves open and every alarm here has."""

Part = tuple[str, str]
"""``Models`` or ``Sources``, and the name."""


class HealthAlarms:
    """The alarms of all sources and models."""

    def __init__(self, conditions: Conditions) -> None:
        self._conditions = conditions
        self._ids: dict[Part, ua.NodeId] = {}
        self._said: dict[Part, tuple[bool, bool, str]] = {}

    def add(
        self,
        instances: Instances,
        kind: ua.NodeId,
        part: Part,
        nodes: Mapping[str, ua.NodeId],
        module: ua.NodeId,
    ) -> None:
        """The alarm of a part whose nodes exist; ``kind`` is FailureAlarmType."""
        folder = nodes["DeviceHealthAlarms"]
        made = instances.make(folder, NAME, kind, include=_INCLUDE)
        instances.link(nodes[""], ua.ObjectIds.HasCondition, made[""])
        key = "/".join((*part, NAME))
        identity = Identity(
            condition=made[""],
            kind=kind,
            source=nodes[""],
            source_name=part[1],
            name=NAME,
            group=key,
            condition_class=ua.ObjectIds.MaintenanceConditionClassType,
        )
        self._conditions.add(key, identity, made, {nodes[""], module, SERVER})
        self._ids[part] = made[""]

    async def model(self, name: str, health: ModelHealth) -> None:
        failed = health.state == ModelState.FAILED
        known = health.state != ModelState.WAITING
        text = health.message if failed else f"Model {name} is {health.state.lower()}"
        await self._note(("Models", name), failed, known, text)

    async def source(self, name: str, state: str) -> None:
        lost = state == SourceState.LOST
        known = state != SourceState.CONNECTING
        await self._note(("Sources", name), lost, known, f"Source {name} is {state}")

    async def _note(self, part: Part, failed: bool, known: bool, message: str) -> None:
        """``known``: else an alarm that was active before a restart stays so. Says the same thing
        only once, for it is told once a second."""
        if self._said.get(part) == (failed, known, message):
            return
        self._said[part] = failed, known, message
        verdict = FaultVerdict(
            asset=part[1],
            active=failed,
            label="",
            severity=_SEVERITY if failed else _NORMAL_SEVERITY,
            message=message,
            status=codes.GOOD,
            source_time=time.time_ns(),
            settled=known,
        )
        await self._conditions.update(self._ids[part], verdict)
