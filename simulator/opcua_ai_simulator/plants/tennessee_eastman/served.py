"""A Tennessee Eastman plant as the OPC UA server shows it: tags, modes, faults, states, alarms."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from opcua_ai_simulator.arrays import FloatArray
from opcua_ai_simulator.errors import InvalidStateError, OutOfRangeError
from opcua_ai_simulator.plant import (
    MAX_ROWS,
    Alarm,
    Argument,
    Command,
    Control,
    Identification,
    Tag,
    row_period,
)
from opcua_ai_simulator.plants._tennessee_eastman_tags import ALL_FAULTS as FAULTS
from opcua_ai_simulator.plants.tennessee_eastman import alarms, limits, tags
from opcua_ai_simulator.plants.tennessee_eastman.loop_access import LoopAccess
from opcua_ai_simulator.plants.tennessee_eastman.saved_states import SavedStates
from opcua_ai_simulator.plants.tennessee_eastman.simulation import Simulation

_LARGEST_MAGNITUDE = 10.0
_LONGEST_ONSET = 8760.0  # h
_BEAT = 3.0  # s, most controllers act as often; in between a valve lags behind what is measured


class Batch:
    """Plants that are integrated together; each asks for its row, the first one computes it.

    A row is taken as in the published files: after the controllers have acted on its measurements
    and before the plant goes on. Valves and measurements of different seconds would not fit
    together, which a model notices at once.
    """

    def __init__(self, simulation: Simulation, fixed_period: float | None) -> None:
        self.simulation = simulation
        self._fixed_period = fixed_period
        self.period = fixed_period or 1.0
        self._row = 0
        self._keep()

    def follow(self, speed: float) -> None:
        if self._fixed_period is None:
            self.period = row_period(speed, 1.0 if speed <= MAX_ROWS else _BEAT)

    def go_to(self, row: int) -> None:
        """Row 0 is the start; the server asks for rows in order."""
        if row > self._row:
            self.simulation.step(round(self.period) - 1)
            self.simulation.control()
            self._keep()
            self.simulation.integrate()
            self._row = row

    def values(self, plant: int) -> FloatArray:
        """The newest row of a plant, in the order of ``tags``."""
        return tags.row(self._xmeas[plant], self._xmv[plant], self._setpoints[plant])

    def _keep(self) -> None:
        self._xmeas = self.simulation.xmeas.copy()
        self._xmv = self.simulation.xmv.clip(0.0, 100.0)
        self._setpoints = self.simulation.controller.setpoints.T.copy()


class TennesseeEastmanPlant:
    """Plant number ``index`` of a batch, under ``root``. See ``opcua_ai_simulator.plant.Plant``."""

    def __init__(
        self,
        batch: Batch,
        index: int,
        root: str,
        label: str,
        states: SavedStates,
        *,
        remote_control: bool = False,
    ) -> None:
        self.root, self.label = root, label
        self.identification = Identification("Tennessee Eastman process", str(index + 1))
        self._batch, self._index, self._states = batch, index, states
        self._simulation = batch.simulation
        self._controller = self._simulation.controller
        self._remote_at_start = remote_control
        self._loops = LoopAccess(self._simulation, index, remote_control)
        self._start = self._simulation.snapshot(index)
        self._row = -1
        self._limits = alarms.LimitAlarms()
        self.tags: Sequence[Tag] = tags.all_tags(self._controller.loops)
        self._by_name = {tag.name: tag for tag in self.tags}
        self.controls: Sequence[Control] = (
            *self._simulation_controls(),
            *self._interlocks(),
            *self._loops.controls(),
        )
        self.commands: Sequence[Command] = self._commands()
        self.alarms: Sequence[Alarm] = (
            Alarm(
                "Trip",
                "",
                "The plant has shut down on a limit and stands still until Reset or LoadState",
                900,
                self._trip_reason,
                trip=True,
            ),
            *self._limits.alarms,
        )

    @property
    def period(self) -> float:
        return self._batch.period

    def follow(self, speed: float) -> None:
        self._batch.follow(speed)

    def step(self) -> FloatArray:
        self._row += 1
        self._batch.go_to(self._row)
        values = self._batch.values(self._index)
        self._limits.look(values)
        return values

    def write(self, tag: str, value: float) -> None:
        self._check_range(tag, value)
        self._refuse_after_trip(tag)
        self._loops.write(tag, value)

    def _check_range(self, tag: str, value: float) -> None:
        wanted = self._by_name[tag]
        if not wanted.writable:
            raise OutOfRangeError(f"{tag} is measured and cannot be written")
        if not wanted.low <= value <= wanted.high:
            raise OutOfRangeError(
                f"{tag} = {value:g} is out of range: choose {wanted.low:g} to {wanted.high:g}"
            )

    def _refuse_after_trip(self, what: str) -> None:
        reason = self._trip_reason()
        if reason:
            raise InvalidStateError(f"{what}: the plant has tripped ({reason}): Reset or LoadState")

    def _interlocks(self) -> tuple[Control, ...]:
        group = "Interlocks"

        def overrides() -> str:
            return "; ".join(self._controller.overrides(self._index))

        return (
            Control(
                "Ok",
                "Boolean",
                "Neither tripped nor under an override",
                lambda: not (self._trip_reason() or overrides()),
                group=group,
            ),
            Control(
                "Tripped",
                "Boolean",
                "The plant has shut down and takes no writes until Reset or LoadState",
                lambda: bool(self._trip_reason()),
                group=group,
            ),
            Control(
                "TripReason", "String", "Limit that was broken", self._trip_reason, group=group
            ),
            Control(
                "Overrides", "String", "Overrides that hold loops back", overrides, group=group
            ),
        )

    def _trip_reason(self) -> str:
        return limits.REASONS[int(self._simulation.trip[self._index])]

    def _simulation_controls(self) -> tuple[Control, ...]:
        return (
            Control(
                "Fault",
                "Int32",
                "Lowest fault that acts, 0 = none; writing ends all others and begins this one",
                lambda: next(iter(self._faults()), 0),
                self._only_fault,
            ),
            Control(
                "FaultName",
                "String",
                "That fault in words",
                lambda: FAULTS[next(iter(self._faults()), 0)],
            ),
            Control(
                "Faults",
                "String",
                "All faults that act: IDV(1), IDV(8)",
                lambda: ", ".join(f"IDV({fault})" for fault in self._faults()),
            ),
            Control(
                "Hours",
                "Double",
                "Plant hours since the start or the last Reset",
                lambda: float(self._simulation.hours[self._index]),
            ),
        )

    def _commands(self) -> tuple[Command, ...]:
        name = Argument("name", "String", "1 to 64 of A-Z a-z 0-9 _ -")
        return (
            Command(
                "InjectFault",
                "Begin a fault, beside those that act already",
                self.inject_fault,
                (
                    Argument("fault", "Int32", f"1 to {len(FAULTS) - 1}, the number of its IDV"),
                    Argument("onset", "Double", "Plant hours from now, 0 = at once"),
                    Argument("magnitude", "Double", "1 = as published, 0 to 10, 0 ends the fault"),
                ),
            ),
            Command("ClearFaults", "End all faults, also those to come", self.clear_faults),
            Command("Reset", "Back to the start: same state, same noise, no fault", self.reset),
            Command("SaveState", "Keep the plant's state as a file", self.save_state, (name,)),
            Command(
                "LoadState",
                "Go on from a kept state; nothing is enabled by it",
                self.load_state,
                (name,),
            ),
        )

    def inject_fault(self, fault: int, onset: float, magnitude: float) -> None:
        """Set a disturbance to ``magnitude`` (1 = as published) ``onset`` hours from now."""
        if not 1 <= fault < len(FAULTS):
            raise OutOfRangeError(f"fault {fault} is not known: choose 1 to {len(FAULTS) - 1}")
        if not 0.0 <= onset <= _LONGEST_ONSET:
            raise OutOfRangeError(f"onset {onset:g} h: choose 0 to {_LONGEST_ONSET:g}")
        if not 0.0 <= magnitude <= _LARGEST_MAGNITUDE:
            raise OutOfRangeError(f"magnitude {magnitude:g}: choose 0 to {_LARGEST_MAGNITUDE:g}")
        self._simulation.disturb(self._index, fault, magnitude, onset)

    def clear_faults(self) -> None:
        for fault in range(1, len(FAULTS)):
            self._simulation.disturb(self._index, fault, 0.0)

    def _only_fault(self, fault: int) -> None:
        if not 0 <= fault < len(FAULTS):
            raise OutOfRangeError(f"fault {fault} is not known: choose 0 to {len(FAULTS) - 1}")
        self.clear_faults()
        if fault:
            self.inject_fault(fault, 0.0, 1.0)

    def reset(self) -> None:
        self._simulation.restore(self._index, self._start)
        self._loops.enable_all(self._remote_at_start)

    def save_state(self, name: str) -> None:
        self._states.save(name, self._simulation.snapshot(self._index))

    def load_state(self, name: str) -> None:
        try:
            self._simulation.restore(self._index, self._states.load(name))
        except (KeyError, ValueError):
            raise InvalidStateError(f"state '{name}' does not fit this plant") from None
        self._loops.enable_all(False)

    def _faults(self) -> list[int]:
        return [int(fault) for fault in np.flatnonzero(self._simulation.idv[:, self._index])]
