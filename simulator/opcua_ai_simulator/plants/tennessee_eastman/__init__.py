"""The Tennessee Eastman process: a live plant of 50 states under control.

Source: J. J. Downs and E. F. Vogel, A plant-wide industrial process control problem, Computers
chem. Engng 17 (1993) 245-255. A room each: ``components`` (properties), ``vessels`` (what they
hold), ``feeds``, ``reactor``, ``separator``, ``stripper``, ``compressor``, ``valves``,
``disturbances``, ``measurements`` (with analysers), ``limits``; ``process`` joins them,
``simulation`` runs a batch under ``decentralised`` or ``ricker`` control, ``served`` shows a plant
to the OPC UA server.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from opcua_ai_simulator.errors import ConfigurationError, OutOfRangeError
from opcua_ai_simulator.plant import Plant, PlantType, option
from opcua_ai_simulator.plants.tennessee_eastman.controls import control
from opcua_ai_simulator.plants.tennessee_eastman.saved_states import SavedStates
from opcua_ai_simulator.plants.tennessee_eastman.served import Batch, TennesseeEastmanPlant
from opcua_ai_simulator.plants.tennessee_eastman.simulation import Simulation

GENERATORS = ("numpy", "original")
_MOST_PLANTS = 100


@dataclass(frozen=True)
class Options:
    """Flags of ``run tennessee-eastman``."""

    plants: int = option(1, "number of plants in this server, 1 (the default) to 100", "N")
    control: str = option(
        "decentralised",
        "decentralised (the default): that of the published data and the shipped models; ricker: "
        "the setpoints carry the economics",
        "NAME",
    )
    start: str = option(
        "base", "operating point: base (the default); with ricker also mode1 to mode6", "NAME"
    )
    fault: int | None = option(None, "fault from the start, 1 to 29, default none", "N")
    onset: float = option(0.0, "plant hours until --fault begins, default 0", "HOURS")
    magnitude: float = option(1.0, "of --fault, 1 (the default) = as published", "X")
    noise: bool = option(True, "measurement noise; --no-noise leaves it out")
    generator: str = option(
        "numpy",
        "numpy (the default), or original: random numbers to the digit as in the published data",
        "NAME",
    )
    seed: int = option(0, "of noise and disturbances", "SEED")
    row_period: int | None = option(
        None,
        "plant seconds between rows; default 1, above 10x the multiple of 3 that makes ten rows a "
        "second, because most controllers act every 3 s",
        "S",
    )
    remote_control: bool = option(
        False, "let clients write setpoints and valves of every loop from the start"
    )
    states: Path = option(
        Path("plant-states"), "folder of SaveState and LoadState, default plant-states", "DIR"
    )


def build(options: Options, notice: Callable[[str], None]) -> Sequence[Plant]:
    """The plants that the options ask for; plant k (from 0) has seed ``seed`` + k."""
    _check(options)
    controller, start = control(options.control, options.start)
    simulation = Simulation(
        controller,
        range(options.seed, options.seed + options.plants),
        start=start,
        noise=options.noise,
        random="original" if options.generator == "original" else "numpy",
    )
    batch = Batch(simulation, options.row_period)
    states = SavedStates(options.states, options.control)
    label = f"{options.control} control, {options.start}"
    plants = [
        TennesseeEastmanPlant(
            batch,
            index,
            _root(index, options.plants),
            label,
            states,
            remote_control=options.remote_control,
        )
        for index in range(options.plants)
    ]
    if options.fault is not None:
        for plant in plants:
            try:
                plant.inject_fault(options.fault, options.onset, options.magnitude)
            except OutOfRangeError as error:
                raise ConfigurationError(f"--fault, --onset, --magnitude: {error}") from None
    return plants


def _check(options: Options) -> None:
    if options.generator not in GENERATORS:
        allowed = ", ".join(GENERATORS)
        raise ConfigurationError(f"--generator {options.generator}: choose one of {allowed}")
    if not 1 <= options.plants <= _MOST_PLANTS:
        raise ConfigurationError(f"--plants {options.plants}: choose 1 to {_MOST_PLANTS}")
    if options.row_period is not None and options.row_period < 1:
        raise ConfigurationError(f"--row-period {options.row_period}: choose 1 s or more")


def _root(index: int, plants: int) -> str:
    return "TennesseeEastman" + (f"{index + 1:02d}" if plants > 1 else "")


PLANT = PlantType("is the Tennessee Eastman process, live and under control", Options, build)
