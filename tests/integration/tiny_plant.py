"""A plant with one tag and three alarms, moved by hand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from opcua_ai_simulator.plant import NO_UNIT, Alarm, Command, Control, Identification, Tag


class TinyPlant:
    """``Simulation/Pressure`` is what the next row shows: alarm above 2895 kPa, trip above 3000.

    ``Empty`` is an alarm of the plant itself and of no unit.
    """

    label = "tiny"
    period = 1.0
    commands: Sequence[Command] = ()
    identification = Identification("Tiny plant", "0001")

    def __init__(self, root: str = "Tiny") -> None:
        self.root = root
        self.pressure = 2700.0
        self.tags = (Tag("P", "Reactor", "Pressure", "Reactor pressure", NO_UNIT, 0, 3500),)
        write = self._set_pressure
        self.controls = (
            Control("Pressure", "Double", "Reactor pressure", lambda: self.pressure, write),
        )
        self.alarms = (
            Alarm("PressureHigh", "Reactor", "Pressure is high", 500, self._high),
            Alarm("PressureTrip", "Reactor", "Pressure shut the plant down", 900, self._trip, True),
            Alarm("Empty", "", "Nothing left", 300, lambda: "empty" if self.pressure <= 0 else ""),
        )

    def follow(self, speed: float) -> None:
        pass

    def step(self) -> np.ndarray:
        return np.array([self.pressure])

    def write(self, tag: str, value: float) -> None:
        raise AssertionError(f"{tag} is not writable")

    def _set_pressure(self, value: float) -> None:
        self.pressure = value

    def _high(self) -> str:
        return f"{self.pressure:g} kPa, limit 2895 kPa" if self.pressure > 2895 else ""

    def _trip(self) -> str:
        return f"Reactor pressure {self.pressure:g} kPa" if self.pressure > 3000 else ""
