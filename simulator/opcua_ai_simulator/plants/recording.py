"""Recorded plants: the shipped Tennessee Eastman data, or a CSV or Parquet file of one's own.

The shipped arrays are the benchmark data of Russell, Chiang and Braatz (see
``recordings/PROVENANCE.md``): ``dNN`` 500 or 480 rows and ``dNN_te`` 960 rows of 52 tags, one row
every 180 s; NN is the fault, which starts after row 160 (8 h) of ``dNN_te``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import numpy as np

from opcua_ai_simulator.arrays import FloatArray
from opcua_ai_simulator.errors import ConfigurationError, OutOfRangeError
from opcua_ai_simulator.plant import (
    NO_UNIT,
    Alarm,
    Argument,
    Command,
    Control,
    Identification,
    Plant,
    PlantType,
    Tag,
    option,
)
from opcua_ai_simulator.plants._playback import Playback, printed_digits
from opcua_ai_simulator.plants._tennessee_eastman_tags import FAULTS, manipulated, measurements
from opcua_ai_simulator.tables import Table, read_table

PERIOD = 180.0  # plant seconds between two rows of the shipped data
ONSET = 160  # first faulty row of d01_te .. d21_te
MARGIN = 0.1  # of the data's span, added on both sides of a file's EURange
RESERVED = "Simulation"  # browse name of the object that holds controls and commands
_PACKAGE = "opcua_ai_simulator"


@dataclass(frozen=True)
class Options:
    """Flags of ``run recording``."""

    fault: int | None = option(
        None, "shipped test recording of this fault, 0 (normal operation, the default) to 21", "N"
    )
    recording: str | None = option(
        None, "shipped recording by name: d00 .. d21 (training), d00_te .. d21_te (test)", "NAME"
    )
    start_row: int = option(0, "first row to play, counted from 0, default 0", "ROW")
    file: Path | None = option(
        None, "play a .csv or .parquet file of your own instead of a shipped recording", "PATH"
    )
    time_column: str | None = option(
        None,
        "time column of --file: ISO 8601, epoch seconds or seconds"
        "; default the column called time, timestamp, datetime or date",
        "NAME",
    )


class TennesseeEastmanRecording:
    """The shipped recordings as a plant of 52 tags."""

    root = "TennesseeEastman"
    alarms: Sequence[Alarm] = ()
    identification = Identification("Tennessee Eastman process, recorded", "tep_braatz")

    def __init__(self, recording: str = "d00_te", start_row: int = 0) -> None:
        self.tags: Sequence[Tag] = (*measurements(), *manipulated())
        self._names = _shipped_names()
        self._select(recording, start_row)
        self.controls: Sequence[Control] = (
            Control("Recording", "String", "Recording that plays", lambda: self._name),
            Control(
                "Fault",
                "Int32",
                "Fault of the recording, 0 = none; writing selects its test recording at row 0",
                lambda: self._fault,
                self.select_fault,
            ),
            Control("FaultName", "String", "The fault in words", lambda: FAULTS[self._fault]),
            Control(
                "Row",
                "UInt32",
                "Row of the tags, from its source time on",
                lambda: self._playback.row,
            ),
            Control("Rows", "UInt32", "Rows of the recording", lambda: self._playback.rows),
            Control(
                "OnsetRow",
                "Int32",
                "First faulty row: 160 in a test recording, 0 in a training one, -1 without fault",
                lambda: self._onset,
            ),
        )
        start = Argument("startRow", "UInt32", "First row to play, counted from 0")
        self.commands: Sequence[Command] = (
            Command(
                "SelectFault",
                "Play the test recording of a fault",
                self.select_fault,
                (Argument("fault", "Int32", "0 (normal operation) to 21"), start),
            ),
            Command(
                "SelectRecording",
                "Play a recording",
                self._select,
                (Argument("name", "String", "d00 .. d21, d00_te .. d21_te"), start),
            ),
            Command("Restart", "Go on at row 0 of this recording", lambda: self._playback.jump(0)),
        )

    @property
    def label(self) -> str:
        return f"recording {self._name}"

    @property
    def period(self) -> float:
        return PERIOD

    def follow(self, speed: float) -> None:
        """The rows are as far apart as they were recorded, whatever the speed."""

    def step(self) -> FloatArray:
        return self._playback.step()

    def write(self, tag: str, value: float) -> None:
        raise OutOfRangeError(f"{tag} is recorded and cannot be written")

    def select_fault(self, fault: int, start_row: int = 0) -> None:
        """Go on with the test recording of a fault; the change shows with the next row."""
        self._select(_test_recording(fault), start_row)

    def _select(self, name: str, start_row: int) -> None:
        if name not in self._names:
            raise OutOfRangeError(f"no recording is called '{name}': choose d00_te .. d21_te")
        values = _load(name)
        self._playback = Playback(values, np.full(len(values), PERIOD), start_row)
        self._name = name
        self._fault = int(name[1:3])
        test = name.endswith("_te")
        self._onset = (ONSET if test else 0) if self._fault else -1


class FileRecording:
    """A user's file as a plant: each numeric column is a tag without unit."""

    root = "Recording"
    alarms: Sequence[Alarm] = ()

    def __init__(self, table: Table, start_row: int = 0) -> None:
        values = np.column_stack([table.columns[name] for name in table.columns])
        self._playback = Playback(values, _gaps(table.seconds), start_row)
        self._name = table.name
        self.identification = Identification("Recorded plant", table.name)
        self.tags: Sequence[Tag] = tuple(
            _file_tag(name, column, table.name) for name, column in table.columns.items()
        )
        self.controls: Sequence[Control] = (
            Control("Recording", "String", "File that plays", lambda: self._name),
            Control(
                "Row",
                "UInt32",
                "Row of the tags, from its source time on",
                lambda: self._playback.row,
            ),
            Control("Rows", "UInt32", "Rows of the file", lambda: self._playback.rows),
        )
        self.commands: Sequence[Command] = (
            Command("Restart", "Go on at row 0 of this file", lambda: self._playback.jump(0)),
        )

    @property
    def label(self) -> str:
        return f"recording {self._name}"

    @property
    def period(self) -> float:
        return self._playback.period

    def follow(self, speed: float) -> None:
        """The rows are as far apart as they were recorded, whatever the speed."""

    def step(self) -> FloatArray:
        return self._playback.step()

    def write(self, tag: str, value: float) -> None:
        raise OutOfRangeError(f"{tag} is recorded and cannot be written")


def build(options: Options, notice: Callable[[str], None]) -> Sequence[Plant]:
    """The plant that the options ask for."""
    try:
        if options.file is not None:
            return [_build_file(options, options.file, notice)]
        return [_build_shipped(options)]
    except OutOfRangeError as error:
        raise ConfigurationError(str(error)) from None


def _build_shipped(options: Options) -> Plant:
    if options.fault is not None and options.recording is not None:
        raise ConfigurationError("--fault and --recording exclude each other: leave one out")
    if options.time_column is not None:
        raise ConfigurationError("--time-column belongs to --file: add --file PATH or leave it out")
    name = options.recording or _test_recording(options.fault or 0)
    return TennesseeEastmanRecording(name, options.start_row)


def _build_file(options: Options, file: Path, notice: Callable[[str], None]) -> Plant:
    if options.fault is not None or options.recording is not None:
        raise ConfigurationError("--file excludes --fault and --recording: leave those out")
    table = read_table(file, options.time_column, reserved=(RESERVED,))
    for name, reason in table.left_out.items():
        notice(f"{file}: column '{name}' is left out: {reason}")
    return FileRecording(table, options.start_row)


def _test_recording(fault: int) -> str:
    if not 0 <= fault < len(FAULTS):
        raise OutOfRangeError(f"fault {fault} is not known: choose 0 to {len(FAULTS) - 1}")
    return f"d{fault:02d}_te"


def _shipped_names() -> tuple[str, ...]:
    faults = range(len(FAULTS))
    return tuple(f"d{fault:02d}{suffix}" for suffix in ("", "_te") for fault in faults)


def _load(name: str) -> FloatArray:
    """float64[rows, 52] of a shipped recording; a few milliseconds."""
    file = resources.files(_PACKAGE) / "recordings" / "tep_braatz.npz"
    with file.open("rb") as stream, np.load(stream) as arrays:
        return printed_digits(arrays[name])


def _gaps(seconds: FloatArray) -> FloatArray:
    """Steps between rows; the way from the last row back to row 0 takes the median step."""
    steps = np.diff(seconds)
    wrap = float(np.median(steps)) if len(steps) else 1.0
    return np.append(steps, wrap)


def _file_tag(name: str, column: FloatArray, file: str) -> Tag:
    low, high = float(np.nanmin(column)), float(np.nanmax(column))
    margin = MARGIN * (high - low) or MARGIN * abs(high) or 1.0
    text = f"Column '{name}' of {file}"
    return Tag(name, "", name, text, NO_UNIT, low - margin, high + margin)


PLANT = PlantType("plays recorded plant data: Tennessee Eastman or your own file", Options, build)
