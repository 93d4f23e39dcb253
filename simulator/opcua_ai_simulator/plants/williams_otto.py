"""The Williams-Otto reactor: six mass fractions, two setpoints, and a profit to find.

    A + B -> C        C + B -> P + E        P + C -> G

in an isothermal continuous stirred tank of constant hold-up. P and E are sold, G is waste.
Sources: T. J. Williams and R. E. Otto, A generalized chemical processing model for the
investigation of computer control, AIEE Transactions 79 (1960) 458-473, in the form of real-time
optimisation: J. F. Forbes (thesis, McMaster, 1994); A. Marchetti, B. Chachuat and D. Bonvin,
Ind. Eng. Chem. Res. 48 (2009) 6022-6033. From there: stoichiometry, kinetics, hold-up, feed A,
prices and the limits of both setpoints; together they give the optimum known in the literature,
F_B = 4.787 kg/s, T_R = 89.70 degC, 190.98 $/s. Base point, lags of the loops, noise, disturbances
and alarm are this simulator's own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from opcua_ai_simulator.arrays import FloatArray
from opcua_ai_simulator.errors import ConfigurationError, InvalidStateError, OutOfRangeError
from opcua_ai_simulator.plant import (
    Alarm,
    Argument,
    Command,
    Control,
    Identification,
    Plant,
    PlantType,
    Tag,
    Unit,
    option,
    row_period,
)

# Reaction i takes components i and i + 1: the rates are k * x[:3] * x[1:4].
COMPONENTS = ("A", "B", "C", "P", "E", "G")
# kg of each component per kg of A, of B and of C; molecular weights 100, 100, 200, 100, 200, 300
STOICHIOMETRY = np.array([[-1, -1, 2, 0, 0, 0], [0, -1, -2, 1, 2, 0], [0, 0, -1, -0.5, 0, 1.5]])
FREQUENCY = np.array([1.6599e6, 7.2117e8, 2.6745e12])  # 1/s
ACTIVATION = np.array([6666.7, 8333.3, 11111.0])  # K
HOLD_UP = 2105.0  # kg
FEED_A = 1.8275  # kg/s
FEED_B_LIMITS = (3.0, 6.0)  # kg/s
TEMPERATURE_LIMITS = (70.0, 100.0)  # degC
BASE = (5.5, 80.0)  # setpoints at the start: F_B in kg/s, T_R in degC

LAGS = np.array([10.0, 300.0])  # s, of the closed flow and temperature loops
SAMPLE = 10.0  # plant seconds
STEP = 2.0  # plant seconds; the fastest mode of the reactor has a time constant of 6 s
DRIFT_TIME = 4 * 3600.0  # plant seconds in which k1 drifts by the whole magnitude
MAGNITUDES = (-0.5, 0.5)
ALARM_TEMPERATURE = 99.0  # degC
FAULTS = {1: "step of feed A", 2: "slow drift of k1"}

ANALYSER_NOISE = 0.005  # standard deviation, share of the reading
FLOW_NOISE = 0.002  # standard deviation, share of the reading
TEMPERATURE_NOISE = 0.1  # standard deviation, K

CELSIUS = Unit("CEL", "°C", "degree Celsius")
KILOGRAM_PER_SECOND = Unit("KGS", "kg/s", "kilogram per second")
MASS_FRACTION = Unit("M29", "kg/kg", "kilogram per kilogram")
DOLLAR_PER_SECOND = Unit("", "$/s", "dollar per second")

SETPOINTS = (
    Tag("F_B.SP", "Feeds", "Setpoint of F_B", "Feed B", KILOGRAM_PER_SECOND, *FEED_B_LIMITS, True),
    Tag("T_R.SP", "Reactor", "Setpoint of T_R", "Temperature", CELSIUS, *TEMPERATURE_LIMITS, True),
)
TAGS = (
    *(
        Tag(f"X_{name}", "Analysers", name, f"Mass fraction of {name}", MASS_FRACTION, 0, 1)
        for name in COMPONENTS
    ),
    Tag("F_A", "Feeds", "Feed A", "Mass flow of feed A", KILOGRAM_PER_SECOND, 0, 4),
    Tag("F_B", "Feeds", "Feed B", "Mass flow of feed B", KILOGRAM_PER_SECOND, 0, 8),
    Tag("F_R", "Reactor", "Product", "Mass flow of the product", KILOGRAM_PER_SECOND, 0, 12),
    Tag("T_R", "Reactor", "Reactor temperature", "Temperature in the reactor", CELSIUS, 50, 120),
    Tag("Profit", "", "Profit", "Profit from the measured values", DOLLAR_PER_SECOND, -300, 400),
    *SETPOINTS,
)


def rate_constants(temperature: float) -> FloatArray:
    """float64[3] in 1/s of the three reactions at a temperature in degC."""
    return FREQUENCY * np.exp(-ACTIVATION / (temperature + 273.15))


def balance(x: FloatArray, k: FloatArray, f_a: float, f_b: float) -> FloatArray:
    """float64[6] in 1/s: change of the mass fractions ``x`` with rate constants ``k``."""
    feed = np.array([f_a, f_b, 0, 0, 0, 0])
    return (feed - (f_a + f_b) * x) / HOLD_UP + (k * x[:3] * x[1:4]) @ STOICHIOMETRY


def steady_state(f_b: float, t_r: float) -> FloatArray:
    """float64[6]: mass fractions at which the undisturbed reactor rests.

    Pseudo-transient continuation, that is implicit Euler steps of 1, 2, 4 ... s: Newton's method
    alone finds negative fractions, too.
    """
    k = rate_constants(t_r)
    x: FloatArray = np.full(6, 1 / 6)
    reactions = np.arange(3)
    for doubling in range(40):
        slopes = np.zeros((3, 6))  # of the rates
        slopes[reactions, reactions] = k * x[1:4]
        slopes[reactions, reactions + 1] = k * x[:3]
        decay = (FEED_A + f_b) / HOLD_UP + 0.5**doubling
        jacobian = STOICHIOMETRY.T @ slopes - decay * np.eye(6)
        x = x - np.linalg.solve(jacobian, balance(x, k, FEED_A, f_b))
    return x


def profit(x: FloatArray, f_a: float, f_b: float) -> float:
    """$/s that P and E bring, less what A and B cost; the prices are in $/kg."""
    sales = 1143.38 * x[3] + 25.92 * x[4]
    return float(sales * (f_a + f_b) - 76.23 * f_a - 114.34 * f_b)


@dataclass(frozen=True)
class Options:
    """Flags of ``run williams-otto``."""

    fault: int = option(0, "disturbance: 0 none (default), 1 step of feed A, 2 drift of k1", "N")
    onset: float = option(1.0, "plant hours until --fault begins, default 1", "HOURS")
    magnitude: float = option(
        -0.2, "of --fault: change as a share of the normal value, default -0.2", "SHARE"
    )
    remote_control: bool = option(False, "start with both setpoints writable")
    noise: bool = option(True, "measurement noise, default on")
    seed: int = option(0, "of the measurement noise, default 0", "SEED")


class WilliamsOtto:
    """The reactor with its two loops; the state is float64[8]: mass fractions, F_B, T_R."""

    root = "WilliamsOtto"
    label = "stirred-tank reactor"
    identification = Identification("Williams-Otto reactor", "WO-1")
    tags: Sequence[Tag] = TAGS

    def __init__(self, options: Options | None = None) -> None:
        self._options = options or Options()
        self._period = SAMPLE
        self.reset()
        self.controls: Sequence[Control] = (
            *(self._remote_control(tag) for tag in SETPOINTS),
            Control("Faults", "String", "Disturbances that act now, in words", self._acting),
        )
        self.commands: Sequence[Command] = (
            Command(
                "InjectFault",
                "Disturb the plant; once more replaces what was asked before",
                self.inject_fault,
                (
                    Argument("fault", "Int32", "1 step of feed A, 2 slow drift of k1"),
                    Argument("onset", "Double", "Plant hours from now, 0 = at once"),
                    Argument("magnitude", "Double", "Share of the normal value, -0.5 to 0.5"),
                ),
            ),
            Command("ClearFaults", "End every disturbance", self.clear_faults),
            Command("Reset", "Go on as at the start: base point, options, noise", self.reset),
        )
        self.alarms: Sequence[Alarm] = (
            Alarm(
                "ReactorTemperatureHigh",
                "Reactor",
                f"The reactor is hotter than {ALARM_TEMPERATURE:g} degC",
                700,
                self._too_hot,
            ),
        )

    @property
    def period(self) -> float:
        return self._period

    def follow(self, speed: float) -> None:
        self._period = row_period(speed, SAMPLE)

    def step(self) -> FloatArray:
        """The first row, also after ``reset``, is the base point itself."""
        if self._started:
            for _ in range(round(self._period / STEP)):
                self._state = _runge_kutta(self._slope(), self._state, STEP)
                self._time += STEP
        self._started = True
        return self._measure()

    def write(self, tag: str, value: float) -> None:
        setpoint = next((known for known in SETPOINTS if known.name == tag), None)
        if setpoint is None:
            raise OutOfRangeError(f"{tag} is measured: write F_B.SP or T_R.SP")
        if not setpoint.low <= value <= setpoint.high:
            raise OutOfRangeError(f"{tag} takes {setpoint.low:g} to {setpoint.high:g}")
        if not self._remote[tag]:
            raise InvalidStateError(f"{tag} is not writable now: set {_enable(setpoint)} first")
        self._setpoints[SETPOINTS.index(setpoint)] = value

    def inject_fault(self, fault: int, onset: float, magnitude: float) -> None:
        """Change feed A at once or k1 slowly by a share, ``onset`` plant hours from now."""
        low, high = MAGNITUDES
        if fault not in FAULTS:
            raise OutOfRangeError(f"fault {fault} is not known: choose 1 or 2")
        if not 0 <= onset < math.inf:
            raise OutOfRangeError(f"an onset of {onset:g} h is not possible: choose 0 or more")
        if not low <= magnitude <= high:
            raise OutOfRangeError(f"magnitude {magnitude:g} is not within {low:g} to {high:g}")
        self._faults[fault] = (self._time + onset * 3600.0, magnitude)

    def clear_faults(self) -> None:
        self._faults: dict[int, tuple[float, float]] = {}  # onset in plant seconds, magnitude

    def reset(self) -> None:
        """As just built."""
        self._random = np.random.default_rng(self._options.seed)
        self._time = 0.0  # plant seconds
        self._started = False
        self._setpoints = np.array(BASE)
        self._state = np.append(steady_state(*BASE), BASE)
        self._remote = {tag.name: self._options.remote_control for tag in SETPOINTS}
        self.clear_faults()
        if self._options.fault:
            self.inject_fault(self._options.fault, self._options.onset, self._options.magnitude)

    def _slope(self) -> Callable[[FloatArray], FloatArray]:
        """d state / d time with the disturbances of this moment."""
        f_a = self._feed_a()
        activity = np.array([1 + self._disturbance(2, DRIFT_TIME), 1, 1])

        def slope(state: FloatArray) -> FloatArray:
            x, loops = state[:6], state[6:]
            change = balance(x, activity * rate_constants(loops[1]), f_a, loops[0])
            return np.append(change, (self._setpoints - loops) / LAGS)

        return slope

    def _feed_a(self) -> float:
        return FEED_A * (1 + self._disturbance(1))

    def _disturbance(self, fault: int, ramp: float = STEP) -> float:
        """Share that a fault adds now: it grows from its onset on for ``ramp`` plant seconds."""
        onset, magnitude = self._faults.get(fault, (math.inf, 0.0))
        return magnitude * min(max(self._time - onset, 0.0) / ramp, 1.0)

    def _measure(self) -> FloatArray:
        """float64[13], the tags."""
        x, (f_b, t_r) = self._state[:6], self._state[6:]
        f_a = self._feed_a()
        flows = np.array([f_a, f_b, f_a + f_b])
        seen = np.concatenate([x, flows, [t_r]])
        if self._options.noise:
            deviations = [ANALYSER_NOISE * x, FLOW_NOISE * flows, [TEMPERATURE_NOISE]]
            seen += self._random.normal(scale=np.concatenate(deviations))
        return np.concatenate([seen, [profit(seen[:6], seen[6], seen[7])], self._setpoints])

    def _remote_control(self, tag: Tag) -> Control:
        def allow(enabled: bool) -> None:
            self._remote[tag.name] = enabled

        return Control(
            _enable(tag),
            "Boolean",
            f"A client may write {tag.name}",
            lambda: self._remote[tag.name],
            allow,
            group=tag.group,
        )

    def _acting(self) -> str:
        acting = (fault for fault, (onset, _) in self._faults.items() if onset <= self._time)
        return ", ".join(FAULTS[fault] for fault in sorted(acting))

    def _too_hot(self) -> str:
        hot = self._state[7] > ALARM_TEMPERATURE
        return f"The reactor is hotter than {ALARM_TEMPERATURE:g} degC" if hot else ""


def build(options: Options, _notice: Callable[[str], None]) -> Sequence[Plant]:
    """One reactor as the options ask for."""
    if options.seed < 0:
        raise ConfigurationError(f"--seed {options.seed} is no seed: choose 0 or more")
    try:
        return (WilliamsOtto(options),)
    except OutOfRangeError as error:
        raise ConfigurationError(str(error)) from None


def _enable(setpoint: Tag) -> str:
    """Name of the variable that lets clients write a setpoint."""
    return setpoint.name.replace(".SP", ".RemoteControlEnable")


def _runge_kutta(
    slope: Callable[[FloatArray], FloatArray], state: FloatArray, step: float
) -> FloatArray:
    """The state one step on, by the classical method of fourth order."""
    first = slope(state)
    second = slope(state + step / 2 * first)
    third = slope(state + step / 2 * second)
    fourth = slope(state + step * third)
    return state + step / 6 * (first + 2 * second + 2 * third + fourth)


PLANT = PlantType("simulates the Williams-Otto reactor: find the best profit", Options, build)
