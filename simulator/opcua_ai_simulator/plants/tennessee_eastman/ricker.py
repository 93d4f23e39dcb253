"""A decentralised control whose setpoints carry the economics: rate, mix, pressure, level ...

Source: N. L. Ricker, Decentralized control of the Tennessee Eastman challenge process,
J. Process Control 6 (1996) 205-221: the structure, the pairing and most tunings. The feeds follow
a production index (100 at base) in ratios, which slow loops trim. Ramps of setpoints other than
rate and mix, the scan of 5 s and the details of the overrides are this simulator's own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from opcua_ai_simulator.arrays import BoolArray, FloatArray
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

_PERIODS = np.array([tuning.period for tuning in TUNING])[:, None]
_PHASES = np.where(_PERIODS > SCAN, SCAN, 0)  # an analyser's value is fresh when it is used
_GAIN = np.array([tuning.gain for tuning in TUNING])[:, None]
_INTEGRAL = np.array([tuning.period / tuning.reset for tuning in TUNING])[:, None]
_RAMP = np.array([tuning.ramp * SCAN / 3600.0 for tuning in TUNING[RAMPED]])[:, None]
_A, _D, _E, _AC, _PURGE, _UNDERFLOW, _PRODUCT = range(7)
_SEPARATOR_TEMPERATURE, _RATE, _PRESSURE, _LEVEL = range(7, 11)
_REACTOR_TEMPERATURE = 11
_G, _A_TO_C, _A_AND_C = range(14, 17)
_TO_VALVE = np.array([*range(8), _REACTOR_TEMPERATURE])
_VALVES = np.array([valve for i in _TO_VALVE if (valve := LOOPS[i].valve)]) - 1
_A_VALVE = 2
_LIMITING = np.array([_D, _E, _AC])
_LIMITING_VALVES = np.array([0, 1, 3])
_FULL_SCALE = np.array([LOOPS[i].high for i in _LIMITING])[:, None]
_LOSES = np.array([_A, _A_TO_C, _A_AND_C])  # loops that wait while feed A is lost

_MASTERS = np.array([NAMES.index(name) for name in (
    "AToC", "GInProduct", "AAndC", "ReactorPressure", "SeparatorLevel", "StripperLevel"
)])  # fmt: skip
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
_HIGHEST_FLOW = np.array([1.017, np.inf, np.inf, np.inf, 1.5, 65.71, 49.1])[:, None]

_MIX_LAG = 5400.0  # s, from the feeds to the product's composition
_TRIM = 10.0  # of the production index
_WINDUP = 5.0  # degC between the separator's temperature and its setpoint
_PRESSURE_HIGH = 2950.0  # kPa
_PRESSURE_GAIN, _PRESSURE_RESET = 0.1, 600.0  # index/kPa, s
_DEEPEST_CUT = -40.0
_SHORTAGE_RESET = 1800.0  # s
_HEADROOM = -1.0  # % that count as spare while no feed valve is fully open
_LEVEL_BAND = 2.0  # % above its setpoint that the reactor's level may stand
_LEVEL_GAIN = 8.0  # % of recycle valve for each % beyond
_A_FULL_SCALE = 1.017  # kscmh through the open valve
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
        mix, feeds = feed_forward()
        self._mix = mix[1]
        self._slopes = np.diff(feeds) / np.diff(mix)

    @property
    def memory(self) -> dict[str, NDArray[Any]]:
        return {
            "setpoints": self.setpoints,
            "automatic": self.automatic,
            "working": self._working,
            "errors": self._errors,
            "expected_g": self._expected_g,
            "trim": self._trim,
            "pressure_cut": self._pressure_cut,
            "pressure_error": self._pressure_error,
            "valve_cut": self._valve_cut,
            "lost": self._lost,
        }

    def overrides(self, plant: int) -> Sequence[str]:
        overfull = -self._errors[_LEVEL] > _LEVEL_BAND
        active = {
            "reactor level too high: recycle valve closing": overfull,
            "reactor pressure above 2950 kPa: production held back": self._pressure_cut < 0.0,
            "a feed valve fully open: production held back": self._valve_cut < -0.1,
            "feed A lost: its share comes from stream 4": self._lost,
        }
        return [text for text, plants in active.items() if plants[plant]]

    def act(self, second: NDArray[np.int64], xmeas: FloatArray, xmv: FloatArray) -> None:
        scan = second % SCAN == 0
        if not scan.any():
            return
        due = second % _PERIODS == _PHASES
        values = measured(xmeas, xmv)
        self._notice_loss_of_a(scan, values[_A], xmv)
        before = self._indices()
        mix_step = self._ramp(scan, xmv)
        errors = self._working - values
        errors[_G] = self._expected_g - values[_G]
        active = due & self.automatic
        active[_LOSES] &= ~self._lost
        integral = _GAIN * errors * _INTEGRAL * active
        moves = _GAIN * (errors - self._errors) * active + integral
        np.copyto(self._errors, errors, where=due)
        self._hold_production_back(scan, values, xmv)
        self._move_trim(moves[_RATE], integral[_RATE])
        self._move_slaves(moves, mix_step, before, values)
        xmv[_VALVES] += moves[_TO_VALVE]
        self._move_handles(active[HANDLES], xmv)

    def _indices(self) -> FloatArray:
        """Production index that scales feeds, purge and liquids, float64[3, plants]."""
        wanted = self._working[_RATE] * 100.0 / BASE_RATE
        reduced = wanted + self._pressure_cut + self._valve_cut
        return np.stack([reduced + self._trim, wanted, reduced])

    def _ramp(self, scan: BoolArray, xmv: FloatArray) -> FloatArray:
        """Bring the working setpoints nearer to the targets; returns the step of G, mol%."""
        working, automatic = self._working, self.automatic
        step = np.clip(self.setpoints[RAMPED] - working[RAMPED], -_RAMP, _RAMP)
        step *= scan & automatic[RAMPED]
        working[RAMPED] += step
        working[SLAVES] = self.setpoints[SLAVES]
        self._expected_g += (working[_G] - self._expected_g) * scan * (SCAN / _MIX_LAG)
        # A handle that was moved by hand starts from there.
        np.copyto(working[HANDLES], xmv[HANDLE_VALVES], where=~automatic[HANDLES])
        return step[_G - RAMPED.start]

    def _notice_loss_of_a(self, scan: BoolArray, flow: FloatArray, xmv: FloatArray) -> None:
        """Let stream 4 bring the A that its own feed does not, and take that back afterwards."""
        expected = xmv[_A_VALVE] / 100.0 * _A_FULL_SCALE
        lost = (flow < 0.3 * expected) & (xmv[_A_VALVE] > 5.0)
        change = np.where(scan, lost.astype(np.float64) - self._lost, 0.0)
        self.setpoints[_AC] += change * self.setpoints[_A] / _A_IN_AC
        np.copyto(self._lost, lost, where=scan)

    def _hold_production_back(self, scan: BoolArray, values: FloatArray, xmv: FloatArray) -> None:
        """Lower the production index while the pressure is high or a feed falls short."""
        error = _PRESSURE_HIGH - values[_PRESSURE]
        move = _PRESSURE_GAIN * (error - self._pressure_error + error * (SCAN / _PRESSURE_RESET))
        self._pressure_cut += move * scan
        np.clip(self._pressure_cut, _DEEPEST_CUT, 0.0, out=self._pressure_cut)
        np.copyto(self._pressure_error, error, where=scan)

        missing = (self.setpoints[_LIMITING] - values[_LIMITING]) * 100.0 / _FULL_SCALE
        shortage = np.where(xmv[_LIMITING_VALVES] >= 100.0, missing, _HEADROOM).max(axis=0)
        self._valve_cut -= shortage * scan * (SCAN / _SHORTAGE_RESET)
        np.clip(self._valve_cut, _DEEPEST_CUT, 0.0, out=self._valve_cut)

    def _move_trim(self, move: FloatArray, integral: FloatArray) -> None:
        """Correct the index until the product flows as wanted; only down while held back."""
        held_back = self._pressure_cut + self._valve_cut < 0.0
        self._trim += np.where(held_back, np.minimum(integral, 0.0), move)
        np.clip(self._trim, -_TRIM, _TRIM, out=self._trim)

    def _move_handles(self, active: BoolArray, xmv: FloatArray) -> None:
        """Valves to their setpoints; the recycle valve closes while the reactor is too full."""
        wanted = self._working[HANDLES].copy()
        excess = np.maximum(-self._errors[_LEVEL] - _LEVEL_BAND, 0.0)
        wanted[0] = np.maximum(wanted[0] - _LEVEL_GAIN * excess, 0.0)
        xmv[HANDLE_VALVES] = np.where(active, wanted, xmv[HANDLE_VALVES])

    def _move_slaves(
        self, moves: FloatArray, mix_step: FloatArray, before: FloatArray, values: FloatArray
    ) -> None:
        after = self._indices()
        index = after[_INDEX]
        flows = self.setpoints[FLOWS]
        flows *= index / before[_INDEX]
        flows += _CASCADE @ moves[_MASTERS] * (index / 100.0)
        slopes = np.where(self._working[_G] < self._mix, self._slopes[:, :1], self._slopes[:, 1:])
        flows[_D : _E + 1] += slopes * mix_step * after[0]
        np.clip(flows, 0.0, _HIGHEST_FLOW, out=flows)

        temperature = values[_SEPARATOR_TEMPERATURE]
        wanted = self.setpoints[_SEPARATOR_TEMPERATURE] + moves[_LEVEL]
        self.setpoints[_SEPARATOR_TEMPERATURE] = np.clip(
            wanted, temperature - _WINDUP, temperature + _WINDUP
        )
