"""Plays a plant as live OPC UA tags."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from asyncua import ua

from opcua_ai_simulator.commands import coerce, misbehave_commands, pace_commands, pace_controls
from opcua_ai_simulator.endpoint import Endpoint
from opcua_ai_simulator.errors import InvalidArgumentError, OutOfRangeError
from opcua_ai_simulator.misbehave import Misbehaviour, is_bad
from opcua_ai_simulator.nodes import (
    ClientWrites,
    NodeBuilder,
    Writer,
    data_value,
    status_code,
    variant,
)
from opcua_ai_simulator.pace import Pace, PlantClock
from opcua_ai_simulator.plant import Command, Control, Plant, Scalar, Tag


class SimulatorServer:
    """``start``, then ``run`` until cancelled, then ``stop``.

    A row goes out at once: one DataValue per tag, all with the plant time as source time, then
    the controls that changed, and ``PlantTime`` last, so that who sees it has the whole row.
    """

    def __init__(
        self,
        plant: Plant,
        *,
        host: str = "127.0.0.1",
        port: int = 4840,
        speed: float = 360.0,
        running: bool = True,
        plant_start: datetime | None = None,
        seed: int = 0,
    ) -> None:
        self.plant = plant
        self.pace = Pace(time.monotonic, speed, running)
        self.clock = PlantClock(plant_start or datetime.now(UTC))
        spans = np.array([tag.high - tag.low for tag in plant.tags])
        self.signals = Misbehaviour([tag.name for tag in plant.tags], spans, seed)
        self.endpoint = Endpoint(host, port)
        self._changed = asyncio.Event()  # the pace changed: work out anew when a row is due
        self._row = asyncio.Lock()  # a client's wish waits until the row being published is out
        self._tags: list[ua.NodeId] = []
        self._controls: list[tuple[ua.NodeId, Control]] = []
        self._published: dict[str, Scalar] = {}

    async def start(self) -> None:
        """Build the address space, show the first row and open the port."""
        builder = await self.endpoint.prepare()
        await self._build(builder)
        await self._publish_row()
        self.pace.restart(self.plant.period)
        await self.endpoint.open()

    async def run(self) -> None:
        """Play until cancelled; an error ends it as itself, not as a group."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._play())
                group.create_task(self.endpoint.run())
        except BaseExceptionGroup as errors:
            raise first_error(errors) from None

    async def stop(self) -> None:
        await self.endpoint.close()

    async def _build(self, builder: NodeBuilder) -> None:
        writes = builder.client_writes()
        self.endpoint.route_writes(writes)
        root = self.plant.root
        await builder.object(root, "Simulated plant")
        for group in dict.fromkeys(tag.group for tag in self.plant.tags if tag.group):
            await builder.object(f"{root}/{group}")
        for tag in self.plant.tags:
            node_id = await builder.tag(root, tag)
            self._tags.append(node_id)
            if tag.writable:
                writes.writers[node_id] = self._tag_writer(tag, node_id)
        simulation, misbehave = f"{root}/Simulation", f"{root}/Simulation/Misbehave"
        await builder.object(simulation, "What plays, how fast, and how it misbehaves")
        await self._build_controls(builder, writes, simulation)
        await self._build_methods(
            builder, simulation, [*self.plant.commands, *pace_commands(self.pace)]
        )
        await builder.object(misbehave, "Faults of signals and connections, from the next row on")
        commands = misbehave_commands(self.signals, time.monotonic, self.endpoint.drop_connections)
        await self._build_methods(builder, misbehave, commands)

    async def _build_controls(self, builder: NodeBuilder, writes: ClientWrites, path: str) -> None:
        for control in (*self.plant.controls, *pace_controls(self.pace)):
            node_id = await builder.variable(
                f"{path}/{control.name}",
                variant(control.read(), control.type),
                control.description,
                writable=control.write is not None,
            )
            self._controls.append((node_id, control))
            if control.write is not None:
                writes.writers[node_id] = self._control_writer(control, control.write)
        self._plant_time = await builder.variable(
            f"{path}/PlantTime",
            variant(self.clock.time, "DateTime"),
            "Plant time of the row that the tags show",
        )

    async def _build_methods(
        self, builder: NodeBuilder, path: str, commands: Sequence[Command]
    ) -> None:
        for command in commands:
            await builder.method(
                f"{path}/{command.name}",
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
                lambda: write(coerce(value, control.type)), ua.StatusCodes.BadTypeMismatch
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
                await self.endpoint.write(node_id, data_value(written, self.clock.time))
            return status

        return write_tag

    async def _change(self, run: Callable[[], None], wrong_type: int) -> ua.StatusCode:
        """Carry out a client's wish between two rows."""
        async with self._row:
            try:
                run()
            except InvalidArgumentError:
                return status_code(wrong_type)
            except OutOfRangeError:
                return status_code(ua.StatusCodes.BadOutOfRange)
            # What a client chose holds for the next row, hence that row's time.
            await self._publish_controls(self.clock.after(self.plant.period))
        self._changed.set()
        return status_code(ua.StatusCodes.Good)

    async def _play(self) -> None:
        while True:
            async with self._row:
                delay = self.pace.delay()
                due = delay is not None and delay <= 0
                if due:
                    self.clock.advance(self.plant.period)
                    await self._publish_row()
                    self.pace.advance(self.plant.period)
            if due:
                await asyncio.sleep(0)  # several rows may be due: let the clients in between
                continue
            self._changed.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(delay):
                    await self._changed.wait()

    async def _publish_row(self) -> None:
        frame = self.signals.apply(self.plant.step(), time.monotonic())
        now = self.clock.time
        bad = is_bad(frame.status)
        for i, node_id in enumerate(self._tags):
            value = None if bad[i] else variant(float(frame.values[i]), "Double")
            source = now + timedelta(seconds=float(frame.shift[i]))
            await self.endpoint.write(node_id, data_value(value, source, int(frame.status[i])))
        await self._publish_controls(now)
        await self.endpoint.write(self._plant_time, data_value(variant(now, "DateTime"), now))

    async def _publish_controls(self, at: datetime) -> None:
        for node_id, control in self._controls:
            value = control.read()
            if self._published.get(control.name) != value:
                self._published[control.name] = value
                await self.endpoint.write(node_id, data_value(variant(value, control.type), at))


def first_error(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    """The error itself out of the groups that task groups wrap around it."""
    error = errors.exceptions[0]
    return first_error(error) if isinstance(error, BaseExceptionGroup) else error
