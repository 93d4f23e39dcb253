"""The eight components A to H: their constants, enthalpies, densities and vapour pressures.

Arrays in the rooms of the process have one row a variable and one column a plant, so that a value
of all plants lies together in memory: compositions are float64[8, plants], temperatures (degC)
float64[plants].

Source: subroutines TESUB1 to TESUB4 of the program of Downs and Vogel (1993). ``single`` marks a
constant that is a single-precision literal there; to the digit the process needs the rounded one.
Units inside the process: lb-mol, ft3, torr, degC, h and 1e6 BTU.

Nine rows often stand together, A to H and the enthalpy that they carry: per mole of a mixture, per
hour of a stream, and in the states for what a vessel holds.
"""

from __future__ import annotations

import numpy as np

from opcua_ai_simulator.arrays import FloatArray


def single(value: float) -> float:
    """The double of a single-precision literal."""
    return float(np.float32(value))


def _singles(*values: float) -> FloatArray:
    return np.array(values, np.float32).astype(np.float64)


A, B, C, D, E, F, G, H, ENTHALPY = range(9)
COMPONENTS = slice(A, ENTHALPY)
VOLATILE = slice(A, D)  # A, B and C never condense
CONDENSABLE = slice(D, H + 1)

MOLAR_MASS = _singles(2.0, 25.4, 28.0, 32.0, 46.0, 48.0, 62.0, 76.0)
KELVIN = single(273.15)
GAS_ENERGY = 3.57696e-6  # gas constant of the vapour header's internal energy
GAS_PRESSURE = single(998.9)  # gas constant of pressures: torr ft3 / (lb-mol K)

_ANTOINE = np.stack(
    [
        _singles(15.92, 16.35, 16.35, 16.43, 17.21),
        _singles(-1444.0, -2114.0, -2114.0, -2748.0, -3318.0),
        _singles(259.0, 265.5, 265.5, 232.9, 249.6),
    ]
)[:, :, None]
# lb / ft3, of D to H; that of A, B and C is 1, so that their molar volume is their molar mass.
_DENSITY = np.stack(
    [
        _singles(23.3, 33.9, 32.8, 49.9, 50.5),
        _singles(-0.0700, -0.0957, -0.0995, -0.0191, -0.0541),
        _singles(-0.0002, -0.000152, -0.000233, -0.000425, -0.000150),
    ]
)[:, :, None]
_LIQUID_HEAT = np.array(
    [
        [1.0e-6, 1.0e-6, 1.0e-6, 0.960e-6, 0.573e-6, 0.652e-6, 0.515e-6, 0.471e-6],
        [0.0, 0.0, 0.0, 8.70e-9, 2.41e-9, 2.18e-9, 5.65e-10, 8.70e-10],
        [0.0, 0.0, 0.0, 4.81e-11, 1.82e-11, 1.94e-11, 3.82e-12, 2.62e-12],
    ]
)
_VAPOUR_HEAT = np.array(
    [
        [3.411e-6, 0.3799e-6, 0.2491e-6, 0.3567e-6, 0.3463e-6, 0.3930e-6, 0.170e-6, 0.150e-6],
        [7.18e-10, 1.08e-9, 1.36e-11, 8.51e-10, 8.96e-10, 1.02e-9, 0.0, 0.0],
        [6.0e-13, -3.98e-13, -3.93e-14, -3.12e-13, -3.27e-13, -3.12e-13, 0.0, 0.0],
    ]
)
_VAPORISATION = np.array([1.0e-6, 1.0e-6, 1.0e-6, 86.7e-6, 160.0e-6, 160.0e-6, 225.0e-6, 209.0e-6])
_ORDER = np.array([[1.0], [2.0], [3.0]])  # of the powers of T that integrating a heat gives

# float64[4, 8]: a mixture's molar enthalpy is the cubic in T of these, weighted by composition.
LIQUID = np.vstack([np.zeros(8), 1.8 * MOLAR_MASS * _LIQUID_HEAT / _ORDER])
VAPOUR = np.vstack([MOLAR_MASS * _VAPORISATION, 1.8 * MOLAR_MASS * _VAPOUR_HEAT / _ORDER])


# float64[8, 3]: mole fractions of the pure feeds D, E and A, in the order of their valves.
FEEDS = np.zeros((8, 3))
FEEDS[[D, E, A], range(3)] = single(0.9999)
FEEDS[[B, F, B], range(3)] = single(0.0001)


def cubic(coefficients: FloatArray, temperature: FloatArray) -> FloatArray:
    """Molar enthalpy in 1e6 BTU / lb-mol from ``LIQUID`` or ``VAPOUR`` @ composition."""
    c0, c1, c2, c3 = coefficients
    return c0 + temperature * (c1 + temperature * (c2 + temperature * c3))


def root(coefficients: FloatArray, start: FloatArray) -> FloatArray:
    """Temperature at which the cubic is 0, by Halley's method from ``start``."""
    c0, c1, c2, c3 = coefficients
    temperature = start
    for _ in range(100):
        # Horner's scheme, thrice: value, slope and half the curvature
        third = c3 * temperature
        square = c2 + third
        linear = c1 + temperature * square
        value = c0 + temperature * linear
        square += third
        slope = linear + temperature * square
        square += third
        change = value / (slope - value / slope * square)
        temperature = temperature - change
        if np.abs(change).max() < 0.01:  # converges cubically: the next would be below 1e-10
            break
    return temperature


def liquid_volume(composition: FloatArray, temperature: FloatArray) -> FloatArray:
    """Molar volume in ft3 / lb-mol, float64[n, plants], of liquids float64[n, 8, plants]."""
    constant, linear, square = _DENSITY
    temperature = temperature[:, None]
    density = square * temperature
    density += linear
    density *= temperature
    density += constant
    volume = np.divide(MOLAR_MASS[CONDENSABLE, None], density, out=density)
    volume *= composition[:, CONDENSABLE]
    return np.add.reduce(volume, axis=1) + MOLAR_MASS[VOLATILE] @ composition[:, VOLATILE]


def vapour_pressure(temperature: FloatArray) -> FloatArray:
    """float64[n, 5, plants], torr, of the condensable components D to H (Antoine)."""
    a, b, c = _ANTOINE
    return np.exp(a + b / (temperature[:, None] + c))
