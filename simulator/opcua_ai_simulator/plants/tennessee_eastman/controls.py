"""The control of a batch, by name."""

from __future__ import annotations

from collections.abc import Callable

from opcua_ai_simulator.errors import ConfigurationError
from opcua_ai_simulator.plants.tennessee_eastman import decentralised, operating_points, ricker
from opcua_ai_simulator.plants.tennessee_eastman.loops import Controller
from opcua_ai_simulator.plants.tennessee_eastman.operating_points import OperatingPoint

CONTROLS = ("decentralised", "ricker")


def control(name: str, start: str) -> tuple[Callable[[int], Controller], OperatingPoint]:
    """What ``Simulation`` takes. Raises ConfigurationError when there is no such pair."""
    if name not in CONTROLS:
        raise ConfigurationError(f"--control {name}: choose one of {', '.join(CONTROLS)}")
    if start not in operating_points.NAMES:
        known = ", ".join(operating_points.NAMES)
        raise ConfigurationError(f"--start: no operating point is called '{start}': of {known}")
    if name == "ricker":
        return ricker.ricker(start), operating_points.load(start)
    if start != "base":
        raise ConfigurationError(
            f"--start {start} needs --control ricker: the decentralised control knows base only"
        )
    return decentralised.DecentralisedControl, decentralised.START
