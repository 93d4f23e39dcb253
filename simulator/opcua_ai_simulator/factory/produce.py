"""Simulates a chunk of runs second by second and keeps a row of every plant now and then."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from opcua_ai_simulator.arrays import FloatArray
from opcua_ai_simulator.factory.plan import Run
from opcua_ai_simulator.factory.settings import HOUR, Settings
from opcua_ai_simulator.plants.tennessee_eastman.controls import control
from opcua_ai_simulator.plants.tennessee_eastman.loops import Loop
from opcua_ai_simulator.plants.tennessee_eastman.simulation import Simulation


@dataclass(frozen=True, slots=True)
class Recording:
    """Of a batch. ``values`` are XMEAS, XMV and setpoints in the original's order.

    A row is taken as in the published files: after the controllers have acted, before the step.
    """

    values: NDArray[np.float32]
    """[rows, columns, plants]; float32 is a thousand times finer than the measurement noise."""
    trip: NDArray[np.intp]
    """[plants], index into ``limits.REASONS``."""
    trip_second: NDArray[np.int64]
    """[plants], that of the trip, 0 without one."""
    loops: Sequence[Loop]
    """Of the control, in the order of the setpoints."""

    def rows(self, plant: int, every: int) -> int:
        """Rows up to and with the first one after a trip."""
        second = int(self.trip_second[plant])
        return min(-(-second // every), len(self.values)) if second else len(self.values)


def record(
    settings: Settings, runs: Sequence[Run], advance: Callable[[int], None] = lambda _: None
) -> Recording:
    """``advance`` hears of each row's seconds, of every run.

    BLAS rounds differently in a batch of another width. Normal plants fill the batch up to its
    width, so that a run does not depend on how many others there are.
    """
    start = runs[0].start
    controller, point = control(settings.control, start)
    spare = settings.batch - len(runs)
    simulation = Simulation(
        controller,
        [*(run.seed for run in runs), *range(1, spare + 1)],
        start=point,
        noise=settings.noise,
        random="original" if settings.generator == "original" else "numpy",
    )
    setpoints = simulation.controller.setpoints
    valves = 41 + simulation.xmv.shape[1]
    values = np.zeros((settings.rows, valves + len(setpoints), settings.batch), np.float32)
    trip_second = np.zeros(settings.batch, np.int64)
    for plant, run in enumerate(runs):
        if run.onset is not None:
            simulation.disturb(plant, run.fault, run.magnitude, run.onset / HOUR)
    moves = _Moves(runs)
    for second in range(1, settings.rows * settings.every + 1):
        moves.go_on(second, setpoints)
        simulation.control()
        tripped = (simulation.trip != 0) & (trip_second == 0)
        trip_second[tripped] = second
        if second % settings.every == 0:
            row = values[second // settings.every - 1]
            row[:41] = simulation.xmeas.T
            row[41:valves] = simulation.xmv.T
            row[valves:] = setpoints
            advance(settings.every * len(runs))
            if trip_second[: len(runs)].all():
                break
        simulation.integrate()
    return Recording(values, simulation.trip.copy(), trip_second, simulation.controller.loops)


class _Moves:
    """Writes the setpoints that are on their way."""

    def __init__(self, runs: Sequence[Run]) -> None:
        moves = [(plant, move) for plant, run in enumerate(runs) for move in run.moves]
        self._plant = np.array([plant for plant, _ in moves], np.intp)
        self._loop = np.array([move.loop for _, move in moves], np.intp)
        self._origin = np.array([move.origin for _, move in moves])
        self._way = np.array([move.target - move.origin for _, move in moves])
        self._begin = np.array([move.begin for _, move in moves], np.int64)
        self._over = np.array([move.over for _, move in moves], np.int64)

    def go_on(self, second: int, setpoints: FloatArray) -> None:
        gone = second - self._begin
        moving = np.flatnonzero((gone >= 0) & (gone <= self._over))
        if len(moving):
            over = self._over[moving]
            share = np.where(over == 0, 1.0, gone[moving] / np.maximum(over, 1))
            setpoints[self._loop[moving], self._plant[moving]] = (
                self._origin[moving] + self._way[moving] * share
            )
