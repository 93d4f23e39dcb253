"""A decentralised control whose setpoints carry the economics: rate, mix, pressure, level ...

Source: N. L. Ricker, Decentralized control of the Tennessee Eastman challenge process,
J. Process Control 6 (1996) 205-221: the structure, the pairing and most tunings. The feeds follow
a production index (100 at base) in ratios, which slow loops trim. Ramps of setpoints other than
rate and mix, the scan of 5 s and the details of the overrides are this simulator's own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from opcua_ai_simulator.arrays import BoolArray, FloatArray, IndexArray
from opcua_ai_simulator.plants.tennessee_eastman.loops import Controller, Loop
from opcua_ai_simulator.plants.tennessee_eastman.ricker_tables import (
    BASE_RATE,
    FLOWS,
    HANDLE_VALVES,
    HANDLES,
    LOOPS,
    NAMES,
    RAMPED,
    SCAN,
    SLAVES,
    TUNING,
    feed_forward,
    measured,
    setpoints_at,
)


def _rows(*names: str) -> tuple[int, ...]:
    return tuple(NAMES.index(name) for name in names)


_PERIODS = np.array([tuning.period for tuning in TUNING])[:, None]
_PHASES = np.where(_PERIODS > SCAN, SCAN, 0)  # an analyser's value is fresh when it is used
_GAIN = np.array([tuning.gain for tuning in TUNING])[:, None]
_INTEGRAL = np.array([tuning.period / tuning.reset for tuning in TUNING])[:, None]
_RAMP = np.array([tuning.ramp * SCAN / 3600.0 for tuning in TUNING[RAMPED]])[:, None]
_HIGH = np.array([loop.high for loop in LOOPS])[:, None]
_A, _D, _E, _AC = _rows("AFeed", "DFeed", "EFeed", "ACFeed")
_SEPARATOR_TEMPERATURE, _RATE = _rows("SeparatorTemperature", "ProductionRate")
_PRESSURE, _LEVEL, _G = _rows("ReactorPressure", "ReactorLevel", "GInProduct")
_REGULATORS = LOOPS[: HANDLES.start]
_TO_VALVE = np.array([row for row, loop in enumerate(_REGULATORS) if loop.valve is not None])
_VALVES = np.array([loop.valve for loop in _REGULATORS if loop.valve is not None]) - 1
_A_VALVE = 2
_LIMITING, _LIMITING_VALVES = np.array([_D, _E, _AC]), np.array([0, 1, 3])
_LOSES = np.array(_rows("AFeed", "AToC", "AAndC"))  # loops that wait while feed A is lost

_MASTERS = np.array(
    _rows("AToC", "GInProduct", "AAndC", "ReactorPressure", "SeparatorLevel", "StripperLevel")
)
# What a move of each master adds to the setpoints of the flows at a production index of 100. A
# molecule of E replaces one of D (kg/kmol); the loop of A and C takes back what A adds.
_CASCADE = np.array(
    [
        [1.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        [0.0, -32.0, 0.0, 0.0, 0.0, 0.0],
        [0.0, 46.0, 0.0, 0.0, 0.0, 0.0],
        [-1.0, 0.0, 1.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, 0.0, 1.0, 0.0, 0.0],
        [0.0, 0.0, 0.0, 0.0, 1.0, 0.0],
        [0.0, 0.0, 0.0, 0.0, 0.0, 1.0],
    ]
)
# Which production index scales a flow, see ``_indices``.
_INDEX = np.array([0, 0, 0, 0, 1, 2, 2])
_HIGHEST_FLOW = _HIGH[FLOWS].copy()
_HIGHEST_FLOW[_LIMITING] = np.inf  # see ``_hold_production_back``

_MIX_LAG = 5400.0  # s, from the feeds to the product's composition
_TRIM = 10.0  # of the production index
_WINDUP = 5.0  # degC between the separator's temperature and its setpoint
_PRESSURE_HIGH = 2950.0  # kPa
_PRESSURE_GAIN, _PRESSURE_RESET = 0.1, 600.0  # index/kPa, s
_DEEPEST_CUT = -40.0  # of the production index
_SHORTAGE_RESET = 1800.0  # s
_TOLERANCE = 1.0  # % of full scale that a feed may fall short; a few standard deviations of noise
_HEADROOM = 1.0  # % that count as spare while no feed valve is fully open
_LEVEL_BAND = 2.0  # % above its setpoint that the reactor's level may stand
_LEVEL_GAIN = 8.0  # % of recycle valve for each % beyond
_A_IN_AC = 0.485  # mole fraction of A in stream 4


def ricker(name: str = "base") -> Callable[[int], Controller]:
    """What ``Simulation`` takes to start under this control at an operating point, at rest."""
    return partial(RickerControl, start=setpoints_at(name))


class RickerControl:
    """See ``loops.Controller``.

    ``start`` float64[loops] are the setpoints of the steady state at which the plants stand.
    ``setpoints`` are targets: the control moves to them at the speed that the plant bears. A
    person may also move a flow, which changes its ratio to the production index.
    """

    loops: Sequence[Loop] = LOOPS

    def __init__(self, plants: int, start: FloatArray) -> None:
        # Attributes are what the control remembers, see ``memory``: the last axis is the plant.
        self.setpoints = np.repeat(start[:, None], plants, axis=1)
        self.automatic = np.ones(self.setpoints.shape, np.bool_)
        self._working = self.setpoints.copy()
        self._errors = np.zeros_like(self.setpoints)
        self._expected_g = self._working[_G].copy()
        self._trim = np.zeros(plants)
        self._pressure_cut = np.zeros(plants)
        self._pressure_error = np.zeros(plants)
        self._valve_cut = np.zeros(plants)
        self._lost = np.zeros(plants, np.bool_)

    @property
    def memory(self) -> dict[str, NDArray[Any]]:
        return {name.lstrip("_"): array for name, array in vars(self).items()}

    def overrides(self, plant: int) -> Sequence[str]:
        active = {
            "reactor level too high: recycle valve closing": self._overfull() > 0.0,
            "reactor pressure above 2950 kPa: production held back": self._pressure_cut < -0.5,
            "a feed valve fully open: production held back": self._valve_cut < -0.5,
            "feed A lost: its share comes from stream 4": self._lost,
        }
        return [text for text, plants in active.items() if plants[plant]]

    def act(self, second: NDArray[np.int64], xmeas: FloatArray, xmv: FloatArray) -> None:
        scan = np.flatnonzero(second % SCAN == 0)
        if len(scan) == len(second):
            self._scan(second, xmeas, xmv)
        elif len(scan) > 0:
            self._scan_some(scan, second, xmeas, xmv)

    def _scan_some(
        self,
        columns: IndexArray,
        second: NDArray[np.int64],
        xmeas: FloatArray,
        xmv: FloatArray,
    ) -> None:
        """Plants that were reset or restored by themselves are not in phase with the others."""
        part = copy(self)
        for name, array in vars(self).items():
            setattr(part, name, array[..., columns])
        valves = xmv[:, columns]
        part.act(second[columns], xmeas[:, columns], valves)
        xmv[:, columns] = valves
        for name, array in vars(self).items():
            array[..., columns] = getattr(part, name)

    def _scan(self, second: NDArray[np.int64], xmeas: FloatArray, xmv: FloatArray) -> None:
        values = measured(xmeas, xmv)
        self._notice_loss_of_a(values[_A], xmv[_A_VALVE])
        before = self._indices()
        mix_step = self._ramp(values[HANDLES])
        errors = self._working - values
        errors[_G] = self._expected_g - values[_G]
        due = second % _PERIODS == _PHASES
        active = due & self.automatic
        active[_LOSES] &= ~self._lost
        integral = _GAIN * errors * _INTEGRAL * active
        moves = _GAIN * (errors - self._errors) * active + integral
        np.copyto(self._errors, errors, where=due)
        self._hold_production_back(values, xmv)
        self._move_trim(moves[_RATE], integral[_RATE])
        self._move_flows(moves, mix_step, before)
        self._move_separator_temperature(moves[_LEVEL], values[_SEPARATOR_TEMPERATURE])
        xmv[_VALVES] += moves[_TO_VALVE]
        self._move_handles(active[HANDLES], xmv)

    def _indices(self) -> FloatArray:
        """Production index that scales feeds, purge and liquids, float64[3, plants]."""
        wanted = self._working[_RATE] * 100.0 / BASE_RATE
        reduced = wanted + self._pressure_cut + self._valve_cut
        return np.stack([reduced + self._trim, wanted, reduced])

    def _overfull(self) -> FloatArray:
        """How far the reactor's level is beyond its band, %."""
        return np.maximum(-self._errors[_LEVEL] - _LEVEL_BAND, 0.0)

    def _ramp(self, handles: FloatArray) -> FloatArray:
        """Bring the working setpoints nearer to the targets; returns the step of G, mol%."""
        working, automatic = self._working, self.automatic
        step = np.clip(self.setpoints[RAMPED] - working[RAMPED], -_RAMP, _RAMP)
        step *= automatic[RAMPED]
        working[RAMPED] += step
        working[SLAVES] = self.setpoints[SLAVES]
        # A handle that was moved by hand starts from there.
        np.copyto(working[HANDLES], handles, where=~automatic[HANDLES])
        self._expected_g += (working[_G] - self._expected_g) * (SCAN / _MIX_LAG)
        return step[_G - RAMPED.start]

    def _notice_loss_of_a(self, flow: FloatArray, valve: FloatArray) -> None:
        """Let stream 4 bring the A that its own feed does not, and take that back afterwards."""
        lost = (flow < 0.3 * _HIGH[_A] * valve / 100.0) & (valve > 5.0)
        change = lost.astype(np.float64) - self._lost
        self.setpoints[_AC] += change * self.setpoints[_A] / _A_IN_AC
        self._lost[:] = lost

    def _hold_production_back(self, values: FloatArray, xmv: FloatArray) -> None:
        """Lower the production index while the pressure is high or a feed falls short."""
        error = _PRESSURE_HIGH - values[_PRESSURE]
        move = error - self._pressure_error + error * (SCAN / _PRESSURE_RESET)
        self._pressure_error[:] = error
        self._pressure_cut += _PRESSURE_GAIN * move
        np.clip(self._pressure_cut, _DEEPEST_CUT, 0.0, out=self._pressure_cut)

        missing = (self.setpoints[_LIMITING] - values[_LIMITING]) * 100.0 / _HIGH[_LIMITING]
        fully_open = xmv[_LIMITING_VALVES] >= 100.0
        shortage = np.where(fully_open, missing - _TOLERANCE, -_HEADROOM).max(axis=0)
        self._valve_cut -= shortage * (SCAN / _SHORTAGE_RESET)
        np.clip(self._valve_cut, _DEEPEST_CUT, 0.0, out=self._valve_cut)

    def _move_trim(self, move: FloatArray, integral: FloatArray) -> None:
        """Correct the index until the product flows as wanted; while held back do not wind up."""
        held_back = self._pressure_cut + self._valve_cut < 0.0
        self._trim += move - np.maximum(integral, 0.0) * held_back
        np.clip(self._trim, -_TRIM, _TRIM, out=self._trim)

    def _move_flows(self, moves: FloatArray, mix_step: FloatArray, before: FloatArray) -> None:
        """Keep the flows in their ratios to the index, which their masters and the mix change."""
        index = self._indices()[_INDEX]
        flows = self.setpoints[FLOWS]
        flows *= index / before[_INDEX]
        flows += _CASCADE @ moves[_MASTERS] * (index / 100.0)
        middle, slopes = feed_forward()
        slope = np.where(self._working[_G] < middle, slopes[:, :1], slopes[:, 1:])
        flows[_D : _E + 1] += slope * mix_step * index[0]
        np.clip(flows, 0.0, _HIGHEST_FLOW, out=flows)

    def _move_separator_temperature(self, move: FloatArray, temperature: FloatArray) -> None:
        self.setpoints[_SEPARATOR_TEMPERATURE] = np.clip(
            self.setpoints[_SEPARATOR_TEMPERATURE] + move,
            temperature - _WINDUP,
            temperature + _WINDUP,
        )

    def _move_handles(self, active: BoolArray, xmv: FloatArray) -> None:
        """Valves to their setpoints; the recycle valve closes while the reactor is too full."""
        wanted = self._working[HANDLES].copy()
        wanted[0] = np.maximum(wanted[0] - _LEVEL_GAIN * self._overfull(), 0.0)
        xmv[HANDLE_VALVES] = np.where(active, wanted, xmv[HANDLE_VALVES])
