"""The columns of a run's file, and what is said about it beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from opcua_ai_simulator.factory.plan import Run
from opcua_ai_simulator.factory.produce import Recording
from opcua_ai_simulator.factory.settings import HOUR, Settings
from opcua_ai_simulator.plants._tennessee_eastman_tags import ALL_FAULTS
from opcua_ai_simulator.plants.tennessee_eastman import tags
from opcua_ai_simulator.plants.tennessee_eastman.limits import REASONS
from opcua_ai_simulator.plants.tennessee_eastman.loops import Loop


def units(loops: Sequence[Loop]) -> dict[str, str]:
    """Of the simulated columns by their names, as ``Recording.values`` orders them."""
    shown = tags.all_tags(loops)[: 41 + 12 + len(loops)]
    return {tag.name: tag.unit.symbol for tag in shown}


def table(recording: Recording, plant: int, run: Run, every: int) -> dict[str, NDArray[Any]]:
    """[rows] each; ``fault`` is the label of a row, 0 before the onset."""
    rows = recording.rows(plant, every)
    seconds = np.arange(1, rows + 1, dtype=np.int32) * np.int32(every)
    values = recording.values[:rows, :, plant].T.copy()
    faulty = np.zeros(rows, np.bool_) if run.onset is None else seconds > run.onset
    second = int(recording.trip_second[plant])
    tripped = (seconds >= second) if second else np.zeros(rows, np.bool_)
    return {
        "time_s": seconds,
        **dict(zip(units(recording.loops), values, strict=True)),
        "fault": np.where(faulty, run.fault, 0).astype(np.int16),
        "tripped": tripped,
    }


def about(recording: Recording, plant: int, run: Run, settings: Settings) -> dict[str, Any]:
    """What a reader of a single file wants to know, for JSON."""
    return {
        **index_row(run, settings),
        "fault_name": ALL_FAULTS[run.fault],
        "every_s": settings.every,
        "noise": settings.noise,
        "generator": settings.generator,
        "rows": recording.rows(plant, settings.every),
        "trip_h": int(recording.trip_second[plant]) / HOUR or None,
        "trip": REASONS[recording.trip[plant]],
        "units": units(recording.loops),
    }


def index_row(run: Run, settings: Settings) -> Mapping[str, Any]:
    """A run as the plan knows it."""
    return {
        "run": run.name,
        "fault": run.fault,
        "onset_h": None if run.onset is None else run.onset / HOUR,
        "magnitude": run.magnitude,
        "control": settings.control,
        "start": run.start,
        "seed": run.seed,
        "setpoint_moves": "; ".join(
            f"{move.name} to {move.target:g} at {move.begin} s over {move.over} s"
            for move in run.moves
        ),
    }
