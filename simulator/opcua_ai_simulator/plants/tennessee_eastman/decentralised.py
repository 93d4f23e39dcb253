"""The decentralised control with which the published data files were made.

Source: E. L. Russell, L. H. Chiang, R. D. Braatz, Data-driven methods for fault detection and
diagnosis in chemical processes, Springer 2000, chapter 8, and their closed-loop program. Nineteen
P and PI loops in velocity form; the masters among them move the setpoints of their slaves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from opcua_ai_simulator.arrays import BoolArray, FloatArray
from opcua_ai_simulator.plants._tennessee_eastman_tags import (
    CELSIUS,
    CUBIC_METRE_PER_HOUR,
    KILOGRAM_PER_HOUR,
    KSCMH,
    PERCENT,
)
from opcua_ai_simulator.plants.tennessee_eastman import operating_points
from opcua_ai_simulator.plants.tennessee_eastman.components import single
from opcua_ai_simulator.plants.tennessee_eastman.loops import STEP, Loop
from opcua_ai_simulator.plants.tennessee_eastman.operating_points import OperatingPoint


@dataclass(frozen=True, slots=True)
class _Tuning:
    """``span`` scales the measurement to 100 %; ``reset`` is the integral time in s, 0 = none."""

    setpoint: float
    span: float
    gain: float
    reset: float
    period: int
    """s"""
    slave: int | None = None
    """Index of the loop whose setpoint it moves."""


# The program computes these gains in single precision.
_COOLING_GAIN = float(np.float32(-0.156) * np.float32(10.0))
_B_IN_PURGE_GAIN = float(np.float32(-83.2) / np.float32(15.0))
_E_IN_PRODUCT_GAIN = float(np.float32(-16.3) / np.float32(5.0))

_LOOPS: tuple[tuple[Loop, _Tuning], ...] = (
    (Loop("DFeed", "Feeds", "Flow of feed D", KILOGRAM_PER_HOUR, 0, 5811, 2, 1, "DInReactorFeed"),
     _Tuning(3664.0, 5811.0, 1.0, 0, 3)),
    (Loop("EFeed", "Feeds", "Flow of feed E", KILOGRAM_PER_HOUR, 0, 8354, 3, 2, "EInReactorFeed"),
     _Tuning(4509.3, 8354.0, 1.0, 0, 3)),
    (Loop("AFeed", "Feeds", "Flow of feed A", KSCMH, 0, 1.017, 1, 3, "AInReactorFeed"),
     _Tuning(0.25052, 1.017, 1.0, 0, 3)),
    (Loop("ACFeed", "Feeds", "Flow of feed A and C", KSCMH, 0, 15.25, 4, 4, "ReactorLevel"),
     _Tuning(9.3477, 15.25, 1.0, 0, 3)),
    (Loop("Recycle", "Compressor", "Recycle flow", KSCMH, 15, 50, 5, 5),
     _Tuning(26.902, 53.0, -0.083, 1, 3)),
    (Loop("Purge", "Separator", "Purge rate", KSCMH, 0, 1, 10, 6, "BInPurge"),
     _Tuning(0.33712, 1.0, 1.22, 0, 3)),
    (Loop("SeparatorLevel", "Separator", "Level of the separator", PERCENT, 30, 100, 12, 7),
     _Tuning(50.0, 70.0, -2.06, 0, 3)),
    (Loop("StripperLevel", "Stripper", "Level of the stripper", PERCENT, 30, 100, 15, 8),
     _Tuning(50.0, 70.0, -1.62, 0, 3)),
    (Loop("Steam", "Stripper", "Steam to the stripper", KILOGRAM_PER_HOUR, 0, 460, 19, 9,
          "StripperTemperature"),
     _Tuning(230.31, 460.0, 0.41, 0, 3)),
    (Loop("ReactorCoolingWater", "Reactor", "Outlet temperature of the reactor's cooling water",
          CELSIUS, 0, 150, 21, 10, "ReactorTemperature"),
     _Tuning(94.599, 150.0, _COOLING_GAIN, 1452.0, 3)),
    (Loop("Product", "Stripper", "Flow of the product", CUBIC_METRE_PER_HOUR, 10, 46, 17, 11),
     _Tuning(22.949, 46.0, 1.09, 2600.0, 3)),
    (Loop("AInReactorFeed", "Analysers", "A in the reactor feed", PERCENT, 20, 45, 23),
     _Tuning(32.188, 100.0, 18.0, 3168.0, 360, 2)),
    (Loop("DInReactorFeed", "Analysers", "D in the reactor feed", PERCENT, 0, 20, 26),
     _Tuning(6.8820, 100.0, 8.3, 3168.0, 360, 0)),
    (Loop("EInReactorFeed", "Analysers", "E in the reactor feed", PERCENT, 5, 40, 27),
     _Tuning(18.776, 100.0, 2.37, 5069.0, 360, 1)),
    (Loop("StripperTemperature", "Stripper", "Temperature of the stripper", CELSIUS, 40, 100, 18,
          None, "EInProduct"),
     _Tuning(65.731, 130.0, 0.169, 236.0, 3, 8)),
    (Loop("ReactorLevel", "Reactor", "Level of the reactor", PERCENT, 50, 100, 8),
     _Tuning(75.000, 50.0, 1.11, 3168.0, 3, 3)),
    (Loop("ReactorTemperature", "Reactor", "Temperature of the reactor", CELSIUS, 110, 150, 9),
     _Tuning(120.40, 150.0, 28.3, 982.0, 3, 9)),
    (Loop("BInPurge", "Analysers", "B in the purge", PERCENT, 5, 26, 30),
     _Tuning(13.823, 26.0, _B_IN_PURGE_GAIN, 6336.0, 360, 5)),
    (Loop("EInProduct", "Analysers", "E in the product", PERCENT, 0.2, 1.6, 38),
     _Tuning(0.83570, 1.6, _E_IN_PRODUCT_GAIN, 12408.0, 900, 14)),
)  # fmt: skip
LOOPS = tuple(loop for loop, _ in _LOOPS)
_TUNING = tuple(tuning for _, tuning in _LOOPS)

_MEASURED = np.array([loop.measured for loop in LOOPS]) - 1
_SPAN = np.array([single(tuning.span) for tuning in _TUNING])[:, None]
_GAIN = np.array([single(tuning.gain) for tuning in _TUNING])[:, None]
_PERCENT = 100.0 / _SPAN
_PERIODS = np.unique([tuning.period for tuning in _TUNING])[:, None]
_PERIOD_OF = np.searchsorted(_PERIODS[:, 0], [tuning.period for tuning in _TUNING])
_INTEGRAL = np.array(
    [STEP * t.period / single(t.reset / 3600.0) if t.reset else 0.0 for t in _TUNING]
)[:, None]
_TO_VALVE = np.array([i for i, loop in enumerate(LOOPS) if loop.valve is not None])
_VALVE = np.array([loop.valve for loop in LOOPS if loop.valve is not None]) - 1
_MASTER = np.array([i for i, tuning in enumerate(_TUNING) if tuning.slave is not None])
_SLAVE = np.array([tuning.slave for tuning in _TUNING if tuning.slave is not None])
_PURGE, _PURGE_VALVE, _SEPARATOR_PRESSURE = 5, 5, 12
_PURGE_NORMAL = single(40.06)
_PRESSURE_HIGH, _PRESSURE_LOW, _PRESSURE_NORMAL = 2950.0, 2300.0, single(2633.7)

# The program starts from rounded valve positions.
START = OperatingPoint(
    operating_points.load("base").states,
    np.array(
        [
            63.053,
            53.980,
            24.644,
            61.302,
            22.210,
            40.064,
            38.100,
            46.534,
            47.446,
            41.106,
            18.114,
            50.0,
        ],
        np.float32,
    ).astype(np.float64),
)


class DecentralisedControl:
    """See ``loops.Controller``. A P loop's setpoint acts when it or the measurement moves."""

    loops: Sequence[Loop] = LOOPS

    def __init__(self, plants: int) -> None:
        shape = (len(LOOPS), plants)
        start = np.array([single(tuning.setpoint) for tuning in _TUNING])
        self.setpoints = np.repeat(start[:, None], plants, axis=1)
        self.automatic = np.ones(shape, np.bool_)
        self._errors = np.zeros(shape)
        self._purging = np.zeros(plants, np.int64)  # 1 purge wide open, -1 shut

    @property
    def memory(self) -> dict[str, NDArray[Any]]:
        return {
            "setpoints": self.setpoints,
            "automatic": self.automatic,
            "errors": self._errors,
            "purging": self._purging,
        }

    def overrides(self, plant: int) -> Sequence[str]:
        texts = {
            1: "separator pressure above 2950 kPa: purge fully open",
            -1: "separator pressure below 2300 kPa: purge shut",
        }
        text = texts.get(int(self._purging[plant]))
        return [text] if text else []

    def act(self, second: NDArray[np.int64], xmeas: FloatArray, xmv: FloatArray) -> None:
        if not (second % 3 == 0).any():  # every period is a multiple of 3 s
            return
        due = (second % _PERIODS == 0)[_PERIOD_OF]
        errors = (self.setpoints - xmeas[_MEASURED]) * _PERCENT
        moves = _GAIN * ((errors - self._errors) + errors * _INTEGRAL)
        due[_PURGE] = self._override_purge(due[_PURGE], xmeas[_SEPARATOR_PRESSURE], xmv)
        np.copyto(self._errors, errors, where=due)
        moves *= due & self.automatic
        xmv[_VALVE] += moves[_TO_VALVE]
        self.setpoints[_SLAVE] += moves[_MASTER] * (_SPAN[_SLAVE] / 100.0)

    def _override_purge(self, due: BoolArray, pressure: FloatArray, xmv: FloatArray) -> BoolArray:
        """Purge wide open or shut until the pressure is back; True where control is normal."""
        before = self._purging
        usual = (pressure > _PRESSURE_LOW) & (pressure < _PRESSURE_HIGH)
        if usual.all() and not before.any():
            return due
        high = (pressure >= _PRESSURE_HIGH) | ((before == 1) & (pressure >= _PRESSURE_NORMAL))
        low = (pressure <= _PRESSURE_LOW) | ((before == -1) & (pressure <= _PRESSURE_NORMAL))
        now = np.where(high, 1, np.where(low, -1, 0))
        now = np.where(due, now, before)
        back = due & (before != 0) & (now == 0)
        xmv[_PURGE_VALVE] = np.select(
            [now == 1, now == -1, back], [100.0, 0.0, _PURGE_NORMAL], xmv[_PURGE_VALVE]
        )
        np.copyto(self.setpoints[_PURGE], single(_TUNING[_PURGE].setpoint), where=back)
        np.copyto(self._errors[_PURGE], 0.0, where=back)
        self._purging[:] = now
        return due & (now == 0) & ~back
