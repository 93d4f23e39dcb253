"""What clients may do to a plant's control loops: setpoints, valves, modes, remote control."""

from __future__ import annotations

from opcua_ai_simulator.errors import InvalidStateError
from opcua_ai_simulator.plant import Control
from opcua_ai_simulator.plants.tennessee_eastman.loops import Loop
from opcua_ai_simulator.plants.tennessee_eastman.simulation import Simulation

MODES = ("Manual", "Automatic")


class LoopAccess:
    """The loops of plant ``index``. Ranges are checked before; here it is who may write when."""

    def __init__(self, simulation: Simulation, index: int, remote_control: bool) -> None:
        self._simulation, self._index = simulation, index
        self._controller = simulation.controller
        self._rows = {loop.name: row for row, loop in enumerate(self._controller.loops)}
        self.enable_all(remote_control)

    def enable_all(self, remote_control: bool) -> None:
        self._remote = dict.fromkeys(self._rows, remote_control)

    def write(self, tag: str, value: float) -> None:
        """Write ``<Loop>.SP`` or ``XMV(n)``. Raises InvalidStateError with what to do first."""
        if tag.endswith(".SP"):
            self._write_setpoint(self._controller.loops[self._rows[tag[:-3]]], value)
        else:
            self._write_valve(int(tag[len("XMV(") : -1]), value)

    def controls(self) -> tuple[Control, ...]:
        """Mode and RemoteControlEnable of every loop."""
        return tuple(
            control
            for loop in self._controller.loops
            for control in (self._mode(loop), self._remote_control(loop))
        )

    def _write_setpoint(self, loop: Loop, value: float) -> None:
        self._refuse_without_remote_control(loop)
        if loop.master is not None and self._is_automatic(loop.master):
            raise InvalidStateError(
                f"{loop.name}.SP is set by {loop.master}: put {loop.master}.Mode to Manual first"
            )
        self._controller.setpoints[self._rows[loop.name], self._index] = value

    def _write_valve(self, number: int, value: float) -> None:
        for loop in self._controller.loops:
            if loop.valve == number:
                self._refuse_without_remote_control(loop)
                if self._is_automatic(loop.name):
                    raise InvalidStateError(
                        f"XMV({number}) is moved by {loop.name}: "
                        f"put {loop.name}.Mode to Manual first"
                    )
        self._simulation.xmv[self._index, number - 1] = value

    def _refuse_without_remote_control(self, loop: Loop) -> None:
        if not self._remote[loop.name]:
            raise InvalidStateError(
                f"{loop.name} takes nothing from outside: set {loop.name}.RemoteControlEnable first"
            )

    def _is_automatic(self, loop: str) -> bool:
        return bool(self._controller.automatic[self._rows[loop], self._index])

    def _mode(self, loop: Loop) -> Control:
        automatic, row = self._controller.automatic, self._rows[loop.name]

        def write(mode: int) -> None:
            automatic[row, self._index] = bool(mode)

        return Control(
            f"{loop.name}.Mode",
            "UInt32",
            f"{loop.description}: Manual holds what the loop moves",
            lambda: int(automatic[row, self._index]),
            write,
            loop.group,
            MODES,
        )

    def _remote_control(self, loop: Loop) -> Control:
        def write(enabled: bool) -> None:
            self._remote[loop.name] = enabled

        return Control(
            f"{loop.name}.RemoteControlEnable",
            "Boolean",
            f"{loop.description}: True lets clients write the setpoint and the valve",
            lambda: self._remote[loop.name],
            write,
            loop.group,
        )
