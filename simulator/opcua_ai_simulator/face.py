"""One plant as OPC UA nodes below its root: builds them, then shows one row after the other."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from asyncua import ua

from opcua_ai_simulator.alarms import Alarms
from opcua_ai_simulator.arrays import FloatArray
from opcua_ai_simulator.commands import accept, coerce, misbehave_commands
from opcua_ai_simulator.endpoint import Endpoint
from opcua_ai_simulator.misbehave import Misbehaviour, is_bad
from opcua_ai_simulator.nodes import NodeBuilder, Writer, data_value, status_code, variant
from opcua_ai_simulator.plant import Command, Control, Plant, Scalar, Tag

SIMULATION, MISBEHAVE = "Simulation", "Simulation/Misbehave"
_DESCRIPTIONS = {
    SIMULATION: "What plays, how fast, and how it misbehaves",
    MISBEHAVE: "Faults of signals and connections, from the next row on",
}
# Carries out a client's wish between two rows; the status code is that of a wrong type.
Change = Callable[[Callable[[], None], int], Awaitable[ua.StatusCode]]


class PlantFace:
    """``build`` once, then ``publish`` each row.

    ``controls`` and ``commands`` are those of the server, which every plant shows.
    """

    def __init__(
        self,
        plant: Plant,
        controls: Sequence[Control],
        commands: Sequence[Command],
        change: Change,
        endpoint: Endpoint,
        seed: int = 0,
    ) -> None:
        spans = np.array([tag.high - tag.low for tag in plant.tags])
        self.plant = plant
        self.signals = Misbehaviour([tag.name for tag in plant.tags], spans, seed)
        self._controls = (*plant.controls, *controls)
        self._commands = (*plant.commands, *commands)
        self._change = change
        self._endpoint = endpoint
        self._tag_nodes: list[ua.NodeId] = []
        self._control_nodes: list[ua.NodeId] = []
        self._published: list[Scalar | None] = [None] * len(self._controls)

    async def build(self, builder: NodeBuilder, at: datetime) -> None:
        """Add every node of the plant; ``at`` is the plant time."""
        self._at = at
        root = self.plant.root
        await builder.object(root, "Simulated plant")
        for path in self._objects():
            await builder.object(f"{root}/{path}", _DESCRIPTIONS.get(path, ""))
        for tag in self.plant.tags:
            writer = self._tag_writer(tag, builder.node_id(f"{root}/{tag.path}"))
            self._tag_nodes.append(await builder.tag(root, tag, writer if tag.writable else None))
        for control in self._controls:
            writer = self._control_writer(control, control.write) if control.write else None
            self._control_nodes.append(await builder.control(root, control, writer))
        self._plant_time = await builder.variable(
            f"{root}/{SIMULATION}/PlantTime",
            variant(at, "DateTime"),
            "Plant time of the row that the tags show",
        )
        await self._build_methods(builder, SIMULATION, self._commands)
        misbehave = misbehave_commands(
            self.signals, time.monotonic, self._endpoint.drop_connections
        )
        await self._build_methods(builder, MISBEHAVE, misbehave)
        self._alarms = Alarms(self._endpoint.events, builder.node_id(root))
        await self._alarms.build(self.plant.alarms, at)
        await self._endpoint.identify(builder.node_id(root), self.plant.identification)

    async def publish(self, row: FloatArray, at: datetime) -> None:
        """Show a row: a value per tag, all with the plant time ``at`` as source time.

        ``PlantTime`` comes last, so that who sees it has the whole row.
        """
        self._at = at
        frame = self.signals.apply(row, time.monotonic())
        now = datetime.now(UTC)
        shown = zip(
            self._tag_nodes,
            frame.values.tolist(),
            frame.status.tolist(),
            is_bad(frame.status).tolist(),
            frame.shift.tolist(),
            strict=True,
        )
        for node_id, value, status, bad, shift in shown:
            seen = None if bad else ua.Variant(value, ua.VariantType.Double)
            source = at + timedelta(seconds=shift) if shift else at
            await self._endpoint.write(node_id, data_value(seen, source, status, now))
        await self.publish_controls(at)
        await self._alarms.update(at)
        moment = data_value(variant(at, "DateTime"), at, now=now)
        await self._endpoint.write(self._plant_time, moment)

    async def publish_controls(self, at: datetime) -> None:
        """Show the controls that changed."""
        for i, control in enumerate(self._controls):
            value = control.read()
            if value != self._published[i]:
                self._published[i] = value
                shown = data_value(variant(value, control.type), at)
                await self._endpoint.write(self._control_nodes[i], shown)

    def _objects(self) -> Iterable[str]:
        """Paths of the objects below the root, each after the one that holds it."""
        groups = [tag.group for tag in self.plant.tags]
        groups += [control.group for control in self._controls]
        groups += [alarm.group for alarm in self.plant.alarms]
        return dict.fromkeys(path for group in (*groups, MISBEHAVE) for path in _way_to(group))

    async def _build_methods(
        self, builder: NodeBuilder, group: str, commands: Sequence[Command]
    ) -> None:
        for command in commands:
            await builder.method(
                f"{self.plant.root}/{group}/{command.name}",
                command.description,
                command.arguments,
                self._method(command),
            )

    def _method(self, command: Command) -> Callable[..., Awaitable[Any]]:
        async def call(_parent: ua.NodeId, *given: ua.Variant) -> ua.StatusCode:
            if len(given) < len(command.arguments):
                return status_code(ua.StatusCodes.BadArgumentsMissing)
            if len(given) > len(command.arguments):
                return status_code(ua.StatusCodes.BadTooManyArguments)

            def run() -> None:
                pairs = zip(given, command.arguments, strict=True)
                command.run(*[coerce(value.Value, wanted.type) for value, wanted in pairs])

            return await self._change(run, ua.StatusCodes.BadInvalidArgument)

        return call

    def _control_writer(self, control: Control, write: Callable[[Any], None]) -> Writer:
        async def write_control(value: object) -> ua.StatusCode:
            return await self._change(
                lambda: write(accept(control, value)), ua.StatusCodes.BadTypeMismatch
            )

        return write_control

    def _tag_writer(self, tag: Tag, node_id: ua.NodeId) -> Writer:
        async def write_tag(value: object) -> ua.StatusCode:
            status = await self._change(
                lambda: self.plant.write(tag.name, float(coerce(value, "Double"))),
                ua.StatusCodes.BadTypeMismatch,
            )
            if status.is_good():
                written = variant(coerce(value, "Double"), "Double")
                await self._endpoint.write(node_id, data_value(written, self._at))
            return status

        return write_tag


def _way_to(group: str) -> list[str]:
    """``A/B`` is ``A`` and ``A/B``."""
    names = group.split("/") if group else []
    return ["/".join(names[: i + 1]) for i in range(len(names))]
