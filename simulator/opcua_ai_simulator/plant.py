"""What every simulated plant shows to the OPC UA server: tags, a step, controls, commands.

A plant is pure: no clock, no task, no socket. The server decides *when* ``step`` is called
and puts the plant time on the values, so a recording and a differential equation look alike.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from opcua_ai_simulator.arrays import FloatArray

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
    """Something a client can call; ``run`` gets the arguments, already of the stated types."""

    name: str
    description: str
    run: Callable[..., None]
    arguments: tuple[Argument, ...] = ()


@dataclass(frozen=True, slots=True)
class Control:
    """A variable beside the tags; writable where ``write`` is given."""

    name: str
    type: ScalarType
    description: str
    read: Callable[[], Scalar]
    write: Callable[[Any], None] | None = None


class Plant(Protocol):
    """A simulated plant.

    Wrong arguments of ``write``, commands and controls raise ``InvalidArgumentError`` or
    ``OutOfRangeError`` and leave the plant as it was.
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
    def period(self) -> float:
        """Plant seconds (> 0) from the row that ``step`` gave last to the row it gives next."""
        ...

    def step(self) -> FloatArray:
        """Go on by one period and return the n values; NaN where the plant has no value."""
        ...

    def write(self, tag: str, value: float) -> None:
        """A client writes a writable tag."""
        ...


@dataclass(frozen=True, slots=True)
class PlantType:
    """What a file in ``plants/`` offers as ``PLANT``: its options and how to build it.

    ``options`` is a dataclass whose fields become the flags of ``run <plant>`` (see ``option``).
    ``build`` gets an instance of it and a function for notices to the person at the shell.
    """

    summary: str
    options: type[Any]
    build: Callable[[Any, Callable[[str], None]], Plant]


def option(default: Any, help: str, metavar: str | None = None) -> Any:
    """A field of a plant's options: the command line flag with its help text."""
    return field(default=default, metadata={"help": help, "metavar": metavar})
