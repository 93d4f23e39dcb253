"""Alarms at the limits of normal operation (Downs and Vogel, table 6)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from opcua_ai_simulator.arrays import FloatArray
from opcua_ai_simulator.plant import Alarm


class _Limit(NamedTuple):
    name: str
    group: str
    what: str
    measured: int
    """XMEAS number."""
    limit: float
    unit: str
    above: bool
    dead_band: float
    """How far the value must come back; several standard deviations of its noise."""
    severity: int

    def broken(self, value: float, was_broken: bool) -> bool:
        back = self.dead_band if was_broken else 0.0
        return value > self.limit - back if self.above else value < self.limit + back


_LIMITS = (
    _Limit("ReactorPressureHigh", "Reactor", "Reactor pressure", 7, 2895, "kPa", True, 10, 700),
    _Limit("ReactorTemperatureHigh", "Reactor", "Reactor temperature", 9, 150, "°C", True, 1, 700),
    _Limit("ReactorLevelHigh", "Reactor", "Reactor level", 8, 100, "%", True, 5, 600),
    _Limit("ReactorLevelLow", "Reactor", "Reactor level", 8, 50, "%", False, 5, 600),
    _Limit("SeparatorLevelHigh", "Separator", "Separator level", 12, 100, "%", True, 5, 600),
    _Limit("SeparatorLevelLow", "Separator", "Separator level", 12, 30, "%", False, 5, 600),
    _Limit("StripperLevelHigh", "Stripper", "Stripper level", 15, 100, "%", True, 5, 600),
    _Limit("StripperLevelLow", "Stripper", "Stripper level", 15, 30, "%", False, 5, 600),
)


class LimitAlarms:
    """Which limits a plant's measurements break; ``look`` once a row."""

    def __init__(self) -> None:
        self._broken = dict.fromkeys((limit.name for limit in _LIMITS), False)
        self.alarms: Sequence[Alarm] = tuple(
            Alarm(
                limit.name,
                limit.group,
                f"XMEAS({limit.measured}) beyond the normal limit of {limit.limit} {limit.unit}",
                limit.severity,
                self._message(limit),
            )
            for limit in _LIMITS
        )

    def look(self, xmeas: FloatArray) -> None:
        """``xmeas`` is float64[41]."""
        for limit in _LIMITS:
            value = float(xmeas[limit.measured - 1])
            self._broken[limit.name] = limit.broken(value, self._broken[limit.name])

    def _message(self, limit: _Limit) -> Callable[[], str]:
        side = "above" if limit.above else "below"
        text = f"{limit.what} {side} the normal limit of {limit.limit} {limit.unit}"
        return lambda: text if self._broken[limit.name] else ""
