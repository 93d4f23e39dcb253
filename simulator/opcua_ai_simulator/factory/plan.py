"""Which runs there are. A run is drawn from the seed, its fault, start and number alone.

So a longer list of faults or more runs leave every other run as it was.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, product

import numpy as np

from opcua_ai_simulator.factory.settings import HOUR, Settings
from opcua_ai_simulator.plants.tennessee_eastman import operating_points
from opcua_ai_simulator.plants.tennessee_eastman.controls import control
from opcua_ai_simulator.plants.tennessee_eastman.loops import Controller

_LONGEST_RAMP = 2 * HOUR


@dataclass(frozen=True, slots=True)
class Move:
    """From second ``begin`` on a setpoint goes from ``origin`` to ``target``; over 0 s: a step."""

    loop: int
    name: str
    origin: float
    target: float
    begin: int
    over: int


@dataclass(frozen=True, slots=True)
class Run:
    """``onset`` in s, None without a fault."""

    name: str
    number: int
    fault: int
    onset: int | None
    magnitude: float
    start: str
    seed: int
    moves: tuple[Move, ...]


def plan(settings: Settings) -> list[Run]:
    """Every run, in the order of start, fault and number."""
    numbers = range(len(settings.seeds) or settings.runs)
    return [
        _draw(settings, controller, start, fault, number)
        for start, controller in _controllers(settings).items()
        for fault, number in product(settings.faults, numbers)
    ]


def chunks(runs: Sequence[Run], size: int) -> list[tuple[Run, ...]]:
    """Runs that are simulated together: neighbours of one start."""
    alike = [tuple(group) for _, group in groupby(runs, key=lambda run: run.start)]
    return [group[at : at + size] for group in alike for at in range(0, len(group), size)]


def _controllers(settings: Settings) -> dict[str, Controller]:
    return {start: control(settings.control, start)[0](1) for start in settings.start}


def _draw(settings: Settings, controller: Controller, start: str, fault: int, number: int) -> Run:
    place = operating_points.NAMES.index(start)
    random = np.random.default_rng([settings.seed, place, fault, number])
    seed = int(random.integers(1, 2**32))
    onset, magnitude = random.uniform(*settings.onset), random.uniform(*settings.magnitude)
    return Run(
        name=f"{start}-fault{fault:02d}-{number:05d}",
        number=number,
        fault=fault,
        onset=round(onset * HOUR) if fault else None,
        magnitude=round(magnitude, 4) if fault else 0.0,
        start=start,
        seed=settings.seeds[number] if settings.seeds else seed,
        moves=_moves(settings, controller, random),
    )


def _moves(
    settings: Settings, controller: Controller, random: np.random.Generator
) -> tuple[Move, ...]:
    """One move in each of as many equal parts of the run: moves of a loop never overlap."""
    free = [i for i, loop in enumerate(controller.loops) if loop.master is None]
    start = controller.setpoints[:, 0]
    now = start.copy()
    moves: list[Move] = []
    for part in range(settings.setpoint_moves):
        index = int(random.choice(free))
        loop = controller.loops[index]
        reach = settings.setpoint_range / 100.0 * (loop.high - loop.low)
        target = start[index] + random.uniform(-reach, reach)
        target = float(f"{min(max(target, loop.low), loop.high):.5g}")
        length = settings.seconds / settings.setpoint_moves
        begin = 1 + int(length * (part + random.uniform(0.0, 0.5)))
        over, ramp = random.uniform(0.0, min(0.5 * length, _LONGEST_RAMP)), random.random() < 0.5
        moves.append(
            Move(index, loop.name, float(now[index]), target, begin, int(over) if ramp else 0)
        )
        now[index] = target
    return tuple(moves)
