"""What the content of the files depends on; ``plan.json`` keeps it."""

from __future__ import annotations

import argparse
import math
from dataclasses import dataclass, fields

from opcua_ai_simulator.errors import ConfigurationError

HOUR = 3600  # s


@dataclass(frozen=True, slots=True)
class Settings:
    """See ``options`` for their meaning; ``onset`` (h) and ``magnitude`` are low and high."""

    faults: tuple[int, ...]
    runs: int
    seeds: tuple[int, ...]
    seed: int
    onset: tuple[float, float]
    magnitude: tuple[float, float]
    hours: float
    setpoint_moves: int
    setpoint_range: float
    control: str
    start: tuple[str, ...]
    noise: bool
    generator: str
    every: int
    format: str
    batch: int

    @property
    def seconds(self) -> int:
        return round(self.hours * HOUR)

    @property
    def rows(self) -> int:
        """Of a run that does not trip."""
        return self.seconds // self.every


def from_options(parsed: argparse.Namespace) -> Settings:
    """Raises ConfigurationError for options that contradict each other."""
    settings = Settings(**{field.name: getattr(parsed, field.name) for field in fields(Settings)})
    _check_times(settings)
    if not 0.0 < settings.setpoint_range <= 100.0:
        raise ConfigurationError(
            f"--setpoint-range {settings.setpoint_range:g} is out of range: choose up to 100"
        )
    if settings.magnitude[0] == 0.0:
        raise ConfigurationError("--magnitude 0 is no fault: choose more, or --faults 0")
    if settings.seeds and settings.runs != 1:
        raise ConfigurationError("--runs and --seeds contradict each other: give one of them")
    return settings


def _check_times(settings: Settings) -> None:
    hours = settings.hours
    if not 0.0 < hours < math.inf:
        raise ConfigurationError(f"--hours {hours:g} is out of range: choose more than 0")
    if settings.rows == 0:
        raise ConfigurationError(
            f"--every {settings.every} is longer than --hours {hours:g}: choose at most "
            f"{settings.seconds} s"
        )
    if any(settings.faults) and settings.onset[1] >= hours:
        raise ConfigurationError(
            f"--onset {settings.onset[1]:g} is not within --hours {hours:g}: choose less"
        )
