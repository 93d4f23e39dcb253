"""A batch of plants under control, second by second.

Arrays inside have one column a plant; what a user reads has one row a plant.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from opcua_ai_simulator.arrays import FloatArray, IndexArray
from opcua_ai_simulator.plants.tennessee_eastman import valves
from opcua_ai_simulator.plants.tennessee_eastman.disturbances import (
    NUMBERS,
    Conditions,
    Walks,
    conditions,
)
from opcua_ai_simulator.plants.tennessee_eastman.generators import NumpyRandom, OriginalRandom
from opcua_ai_simulator.plants.tennessee_eastman.loops import STEP, Controller
from opcua_ai_simulator.plants.tennessee_eastman.measurements import (
    CONTINUOUS,
    NOISE,
    Analysers,
    continuous,
)
from opcua_ai_simulator.plants.tennessee_eastman.operating_points import OperatingPoint
from opcua_ai_simulator.plants.tennessee_eastman.process import Process, evaluate

_START = (120.0, 80.0, 65.0, 86.0)  # degC, where the first search for temperatures begins
_CONTINUOUS_NOISE = NOISE[:CONTINUOUS]
HELD = 3  # XMV(4), which IDV(21) holds


class Simulation:
    """Plants that start alike and differ by seed, disturbances and what is set on them.

    ``idv`` float64[30, plants] are the disturbances; ``held`` float64[plants] is the position at
    which IDV(21) holds XMV(4), where the valve stood when ``disturb`` switched it on.
    ``random`` "original" reproduces the published files to the digit. Without ``noise`` the random
    numbers are drawn all the same, so that the disturbances stay as they are.
    """

    def __init__(
        self,
        control: Callable[[int], Controller],
        seeds: Sequence[int],
        *,
        start: OperatingPoint,
        noise: bool = True,
        random: Literal["numpy", "original"] = "numpy",
    ) -> None:
        plants = len(seeds)
        self.controller = control(plants)
        self.noisy = noise
        self.idv = np.zeros((NUMBERS, plants))
        self._planned = np.zeros((NUMBERS, plants))
        self._onset = np.full((NUMBERS, plants), np.inf)  # second at which the planned IDV holds
        self._next_onset = np.inf
        self.random = (OriginalRandom if random == "original" else NumpyRandom)(seeds)
        self._states = np.repeat(start.states[:, None], plants, axis=1)
        self._xmv = np.repeat(start.xmv[:, None], plants, axis=1)
        self._command = self._xmv.copy()
        self._temperatures = np.repeat(np.array(_START)[:, None], plants, axis=1)
        self._time = np.zeros(plants)
        self._second = np.zeros(plants, np.int64)
        self.held = self._xmv[HELD].copy()
        self._walks = Walks.start(plants)
        self._now = conditions(self._walks.values(self._time), self.idv)
        self._known_idv = self.idv.copy()  # that of _now
        self._moved = False
        self._analysers = Analysers.start(plants)
        self.process = self._evaluate()
        self._xmeas = np.empty((41, plants))
        self._measure()

    def step(self, seconds: int = 1) -> None:
        """Control, then integrate, ``seconds`` times."""
        for _ in range(seconds):
            self.control()
            self.integrate()

    def control(self) -> None:
        """The controllers read the measurements of the second before and move the XMV."""
        self._second += 1
        if self._second.max() >= self._next_onset:
            self._begin_disturbances()
        self.controller.act(self._second, self._xmeas, self._xmv)
        held = self.idv[21] != 0.0
        if held.any():
            self._xmv[HELD] = np.where(held, self.held, self._xmv[HELD])

    def integrate(self) -> None:
        """Measure at the present time, then one Euler step of a second."""
        self._walks.advance(self._time, self.idv, self.random)
        self.process = self._evaluate()
        self._measure()
        self._states += self.process.rates * STEP
        self._time += STEP
        positions = self._xmv[:11]
        np.minimum(np.maximum(positions, 0.0, out=positions), 100.0, out=positions)

    def disturb(self, plant: int, number: int, magnitude: float, onset: float = 0.0) -> None:
        """Set IDV(``number``) to a magnitude, 0 = off, ``onset`` hours from now."""
        self._onset[number, plant] = self._second[plant] + round(onset * 3600.0)
        self._planned[number, plant] = magnitude
        self._next_onset = self._onset.min()

    def _begin_disturbances(self) -> None:
        due = self._onset <= self._second
        if due[21].any():
            np.copyto(self.held, self._xmv[HELD], where=due[21] & (self.idv[21] == 0.0))
        np.copyto(self.idv, self._planned, where=due)
        self._onset[due] = np.inf
        self._next_onset = self._onset.min()
        self._walks.wake(self._time, self.idv)

    @property
    def plants(self) -> int:
        return len(self._time)

    @property
    def states(self) -> FloatArray:
        """float64[plants, 50]."""
        return self._states.T

    @property
    def xmeas(self) -> FloatArray:
        """float64[plants, 41] with noise and dead time."""
        return self._xmeas.T

    @property
    def xmv(self) -> FloatArray:
        """float64[plants, 12] in %; between ``control`` and ``integrate`` beyond 0 to 100, too."""
        return self._xmv.T

    @property
    def hours(self) -> FloatArray:
        """float64[plants] since each plant's start."""
        return self._time

    @property
    def trip(self) -> IndexArray:
        """int[plants], index into ``limits.REASONS``."""
        return self.process.trip

    def snapshot(self, plant: int) -> dict[str, NDArray[Any]]:
        """Everything about a plant, by name; ``restore`` of it continues to the digit."""
        return {name: array[..., plant].copy() for name, array in self._memory().items()}

    def restore(self, plant: int, snapshot: Mapping[str, NDArray[Any]]) -> None:
        """Raises KeyError or ValueError, and changes nothing, if the snapshot does not fit."""
        memory = self._memory()
        fitting = {
            name: np.broadcast_to(snapshot[name], array.shape[:-1])
            for name, array in memory.items()
        }
        for name, array in memory.items():
            array[..., plant] = fitting[name]
        self._next_onset = self._onset.min()
        self._moved = True
        self.random.moved(plant)
        # A look at the process now must not leave a trace in what comes next.
        command, temperatures = self._command.copy(), self._temperatures.copy()
        self.process = self._evaluate()
        self._command[:], self._temperatures[:] = command, temperatures

    def _memory(self) -> dict[str, NDArray[Any]]:
        own = {
            "idv": self.idv,
            "planned": self._planned,
            "onset": self._onset,
            "held": self.held,
            "states": self._states,
            "xmv": self._xmv,
            "xmeas": self._xmeas,
            "command": self._command,
            "temperatures": self._temperatures,
            "time": self._time,
            "second": self._second,
        }
        parts = {
            "walks": vars(self._walks),
            "analysers": vars(self._analysers),
            "random": self.random.position,
            "controller": self.controller.memory,
        }
        return own | {
            f"{part}.{name}": array
            for part, arrays in parts.items()
            for name, array in arrays.items()
        }

    def _evaluate(self) -> Process:
        self._command[:] = valves.commands(
            self._command, self._xmv, self.idv, first=self._time == 0.0
        )
        process = evaluate(self._states, self._command, self._temperatures, self._surroundings())
        self._temperatures[:] = process.temperatures
        return process

    def _surroundings(self) -> Conditions:
        """Computed anew where a disturbance moves them or a moment ago has."""
        moving = bool(self._walks.moving.any())
        if moving or self._moved or (self.idv != self._known_idv).any():
            self._now = conditions(self._walks.values(self._time), self.idv)
            self._known_idv[:] = self.idv
        self._moved = moving
        return self._now

    def _measure(self) -> None:
        active = (self.process.trip == 0) & (self._time > 0.0)
        values = continuous(self.process)
        if active.any():
            noise = self.random.noise(active)
            if self.noisy:
                noise *= _CONTINUOUS_NOISE
                if not active.all():
                    noise *= active
                values += noise
        self._xmeas[:CONTINUOUS] = values
        self._xmeas[CONTINUOUS:] = self._analysers.read(
            self.process, self._time, self.noisy, self.random
        )
