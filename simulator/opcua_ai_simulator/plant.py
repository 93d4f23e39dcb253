"""What every simulated plant shows to the OPC UA server: tags, a step, controls, commands.

A plant is pure: no clock, no task, no socket. The server decides *when* ``step`` is called
and puts the plant time on the values, so a recording and a differential equation look alike.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from opcua_ai_simulator.arrays import FloatArray

MAX_ROWS = 10.0  # a wall second, of a plant that can choose
Scalar = bool | int | float | str
ScalarType = Literal["Boolean", "Int32", "UInt32", "Double", "String"]


@dataclass(frozen=True, slots=True)
class Unit:
    """An engineering unit (OPC UA Part 8, 5.6.4).

    ``code`` is the UN/CEFACT common code (Recommendation 20), empty where the list has none.
    """

    code: str
    symbol: str
    name: str

    @property
    def unit_id(self) -> int:
        """The code's characters as one big-endian integer (Part 8, 5.6.4.3); -1 without a code."""
        return int.from_bytes(self.code.encode("ascii"), "big") if self.code else -1


NO_UNIT = Unit("", "", "")


@dataclass(frozen=True, slots=True)
class Tag:
    """One analogue value of the plant. ``group`` is its unit's browse name, may be empty."""

    name: str
    group: str
    display_name: str
    description: str
    unit: Unit
    low: float
    high: float
    writable: bool = False

    @property
    def path(self) -> str:
        """Browse path below the plant, for example ``Reactor/XMEAS(7)``."""
        return f"{self.group}/{self.name}" if self.group else self.name


@dataclass(frozen=True, slots=True)
class Argument:
    """One input argument of a command."""

    name: str
    type: ScalarType
    description: str


@dataclass(frozen=True, slots=True)
class Command:
    """Something a client can call; ``run`` gets the arguments, already of the stated types.

    It is a method of the plant's object Simulation.
    """

    name: str
    description: str
    run: Callable[..., None]
    arguments: tuple[Argument, ...] = ()


@dataclass(frozen=True, slots=True)
class Control:
    """A variable beside the tags; writable where ``write`` is given.

    ``group`` is the browse path of its object below the plant. ``states`` names the values 0, 1,
    ... of a UInt32 (MultiStateDiscreteType, Part 8, 5.3.3.3).
    """

    name: str
    type: ScalarType
    description: str
    read: Callable[[], Scalar]
    write: Callable[[Any], None] | None = None
    group: str = "Simulation"
    states: tuple[str, ...] = ()

    @property
    def path(self) -> str:
        """Browse path below the plant."""
        return f"{self.group}/{self.name}"


@dataclass(frozen=True, slots=True)
class Alarm:
    """An alarm condition of the plant (Part 9); ``trip`` makes it a TripAlarmType.

    ``message`` says why it is active, and nothing while it is not. ``severity`` is 1 to 1000.
    """

    name: str
    group: str
    description: str
    severity: int
    message: Callable[[], str]
    trip: bool = False


@dataclass(frozen=True, slots=True)
class Identification:
    """Who made the simulated machine (OPC 40001-1 Machinery, MachineIdentificationType)."""

    model: str
    serial_number: str
    device_class: str = "Simulated process plant"


class Plant(Protocol):
    """A simulated plant.

    Wrong arguments of ``write``, commands and controls raise ``InvalidArgumentError``,
    ``OutOfRangeError`` or ``InvalidStateError`` and leave the plant as it was.
    """

    @property
    def root(self) -> str:
        """Browse name of the plant's object under Objects."""
        ...

    @property
    def label(self) -> str:
        """What runs, in a few words for the ready line: ``recording d05_te``."""
        ...

    @property
    def tags(self) -> Sequence[Tag]:
        """The n tags, in the order of ``step``; fixed for the plant's life."""
        ...

    @property
    def controls(self) -> Sequence[Control]: ...

    @property
    def commands(self) -> Sequence[Command]: ...

    @property
    def alarms(self) -> Sequence[Alarm]: ...

    @property
    def identification(self) -> Identification: ...

    @property
    def period(self) -> float:
        """Plant seconds (> 0) from the row that ``step`` gave last to the row it gives next."""
        ...

    def follow(self, speed: float) -> None:
        """The speed in plant seconds per second changed.

        A plant that can give a row at any time may choose another ``period``, see ``row_period``.
        """
        ...

    def step(self) -> FloatArray:
        """Go on by one period and return the n values; NaN where the plant has no value.

        May compute for a long time: the server calls it in a thread, never two at once.
        """
        ...

    def write(self, tag: str, value: float) -> None:
        """A client writes a writable tag."""
        ...


@dataclass(frozen=True, slots=True)
class PlantType:
    """What a file in ``plants/`` offers as ``PLANT``: its options and how to build it.

    ``options`` is a dataclass whose fields become the flags of ``run <plant>`` (see ``option``).
    ``build`` gets an instance of it and a function for notices to the person at the shell. It
    returns one plant or several of one period, which the server steps one after the other.
    """

    summary: str
    options: type[Any]
    build: Callable[[Any, Callable[[str], None]], Sequence[Plant]]


def row_period(speed: float, sample: float) -> float:
    """Plant seconds between rows: ``sample``, or as many of it as make ten rows a second."""
    return sample * max(1, math.ceil(speed / (MAX_ROWS * sample)))


def option(default: Any, help: str, metavar: str | None = None) -> Any:
    """A field of a plant's options: the command line flag with its help text."""
    return field(default=default, metadata={"help": help, "metavar": metavar})
