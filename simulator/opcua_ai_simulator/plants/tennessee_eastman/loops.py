"""What control loops have in common: their names, limits, modes and PI law."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from opcua_ai_simulator.arrays import BoolArray, FloatArray
from opcua_ai_simulator.plant import Unit

STEP = float(np.float32(1.0 / 3600.0))  # h; the original's step of one second


@dataclass(frozen=True, slots=True)
class Loop:
    """One control loop, for people and for the address space.

    ``measured`` is its XMEAS, ``valve`` the XMV that it moves or None, ``master`` the name of the
    loop that moves its setpoint. ``low`` and ``high`` bound what a person may set.
    """

    name: str
    group: str
    description: str
    unit: Unit
    low: float
    high: float
    measured: int | None
    valve: int | None = None
    master: str | None = None


class Controller(Protocol):
    """The control of a batch of plants; arrays have one column a plant."""

    @property
    def loops(self) -> Sequence[Loop]: ...

    @property
    def setpoints(self) -> FloatArray:
        """float64[loops, plants], may be written to."""
        ...

    @property
    def automatic(self) -> BoolArray:
        """bool[loops, plants], may be written to: False holds what the loop moves."""
        ...

    def act(self, second: NDArray[np.int64], xmeas: FloatArray, xmv: FloatArray) -> None:
        """Move ``xmv`` float64[12, plants] in place, from xmeas float64[41, plants].

        ``second`` counts from each plant's start; a loop acts when its period comes round.
        """
        ...

    def overrides(self, plant: int) -> Sequence[str]:
        """What holds the normal control of a plant back at the moment, in words."""
        ...

    @property
    def memory(self) -> dict[str, NDArray[Any]]:
        """Everything that it remembers, by name; the last axis is the plant."""
        ...


class OpenLoop:
    """No control: the valves stay where the operating point or a client puts them."""

    loops: Sequence[Loop] = ()

    def __init__(self, plants: int) -> None:
        self.setpoints = np.zeros((0, plants))
        self.automatic = np.zeros((0, plants), np.bool_)

    def act(self, second: NDArray[np.int64], xmeas: FloatArray, xmv: FloatArray) -> None:
        """Nothing moves."""

    def overrides(self, plant: int) -> Sequence[str]:
        return ()

    @property
    def memory(self) -> dict[str, NDArray[Any]]:
        return {}
