"""Plays plants as live OPC UA tags."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from asyncua import ua

from opcua_ai_simulator.arrays import FloatArray
from opcua_ai_simulator.commands import pace_commands, pace_controls
from opcua_ai_simulator.endpoint import Endpoint
from opcua_ai_simulator.errors import InvalidArgumentError, InvalidStateError, OutOfRangeError
from opcua_ai_simulator.face import PlantFace
from opcua_ai_simulator.nodes import status_code
from opcua_ai_simulator.pace import Pace, PlantClock
from opcua_ai_simulator.plant import Plant


class SimulatorServer:
    """``start``, then ``run`` until cancelled, then ``stop``.

    The plants share one pace and one clock: a row of one is a row of all.
    """

    def __init__(
        self,
        plants: Sequence[Plant],
        *,
        host: str = "127.0.0.1",
        port: int = 4840,
        speed: float = 360.0,
        running: bool = True,
        plant_start: datetime | None = None,
        seed: int = 0,
        notice: Callable[[str], None] = lambda _text: None,
    ) -> None:
        self.plants = plants
        self.pace = Pace(time.monotonic, speed, running)
        self.clock = PlantClock(plant_start or datetime.now(UTC))
        self.endpoint = Endpoint(host, port)
        controls = pace_controls(self.pace, self.set_speed)
        commands = pace_commands(self.pace, self.set_speed)
        self.faces = [
            PlantFace(plant, controls, commands, self._change, self.endpoint, seed + i)
            for i, plant in enumerate(plants)
        ]
        self._notice = notice
        self._changed = asyncio.Event()  # the pace changed: work out anew when a row is due
        self._row = asyncio.Lock()  # a client's wish waits until the row being made is out

    @property
    def period(self) -> float:
        return self.plants[0].period

    async def start(self) -> None:
        """Build the address space, show the first row and open the port."""
        builder = await self.endpoint.prepare()
        self.endpoint.route_writes(builder.writes)
        for face in self.faces:
            await face.build(builder, self.clock.time)
            await asyncio.sleep(0)
        self._follow()
        await self._publish(await self._step())
        self.pace.restart(self.period)
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

    def set_speed(self, speed: float) -> None:
        self.pace.set_speed(speed)
        self._follow()

    def _follow(self) -> None:
        for plant in self.plants:
            plant.follow(self.pace.speed)

    async def _change(self, run: Callable[[], None], wrong_type: int) -> ua.StatusCode:
        """Carry out a client's wish between two rows."""
        async with self._row:
            try:
                run()
            except InvalidArgumentError:
                return status_code(wrong_type)
            except OutOfRangeError:
                return status_code(ua.StatusCodes.BadOutOfRange)
            except InvalidStateError:
                return status_code(ua.StatusCodes.BadInvalidState)
            self.pace.retime(self.period)
            # What a client chose holds for the next row, hence that row's time.
            at = self.clock.after(self.period)
            for face in self.faces:
                await face.publish_controls(at)
        self._changed.set()
        return status_code(ua.StatusCodes.Good)

    async def _play(self) -> None:
        while True:
            async with self._row:
                delay = self.pace.delay()
                due = delay is not None and delay <= 0
                if due:
                    await self._play_row()
            if due:
                await asyncio.sleep(0)  # several rows may be due: let the clients in between
                continue
            self._changed.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(delay):
                    await self._changed.wait()

    async def _play_row(self) -> None:
        passed = self.period
        rows = await self._step()
        self.clock.advance(passed)
        too_fast = self.pace.advance(self.period)
        await self._publish(rows)
        if too_fast:
            asked, reached = self.pace.speed, self.pace.reached
            self._notice(f"asked for {asked:g}x, this machine reaches {reached:.4g}x")

    async def _step(self) -> list[FloatArray]:
        """Each plant's next row; even when cancelled no step goes on afterwards."""

        def step() -> list[FloatArray]:
            return [plant.step() for plant in self.plants]

        stepping = asyncio.ensure_future(asyncio.to_thread(step))
        try:
            return await asyncio.shield(stepping)
        finally:
            await asyncio.wait([stepping])

    async def _publish(self, rows: Sequence[FloatArray]) -> None:
        for face, row in zip(self.faces, rows, strict=True):
            await face.publish(row, self.clock.time)
            await asyncio.sleep(0)


def first_error(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    """The error itself out of the groups that task groups wrap around it."""
    error = errors.exceptions[0]
    return first_error(error) if isinstance(error, BaseExceptionGroup) else error
