"""Where noise and disturbances come from: NumPy's generators or the one of the original program.

Every plant has a stream of its own, so that a run does not depend on those beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from opcua_ai_simulator.arrays import BoolArray, FloatArray, IndexArray

CONTINUOUS = 22  # measurements that get noise at every step
_BLOCK = 256  # rows of noise drawn at once


class RandomSource(Protocol):
    """Random numbers of a batch of plants; ``plants`` are indices into it."""

    def noise(self, active: BoolArray) -> FloatArray:
        """float64[22, plants] of mean 0 and variance 1; only the active plants' streams go on."""
        ...

    def sample_noise(self, count: int, plants: IndexArray) -> FloatArray:
        """float64[count, len(plants)] of mean 0 and variance 1."""
        ...

    def uniform(self, walk: int, count: int, plants: IndexArray) -> FloatArray:
        """float64[count, len(plants)] within (-1, 1) for the next knot of a walk."""
        ...

    @property
    def position(self) -> dict[str, NDArray[Any]]:
        """Arrays that say where each stream stands; the last axis is the plant."""
        ...

    def moved(self, plant: int) -> None:
        """Someone has written to a plant's ``position``."""
        ...


class NumpyRandom:
    """NumPy's PCG64. Each number is a function of seed and count alone, so a position is small."""

    def __init__(self, seeds: Sequence[int]) -> None:
        plants = len(seeds)
        self._seeds = np.array(seeds, np.int64)
        self._drawn = np.zeros((3, plants), np.int64)  # rows of noise, samples, knots
        self._blocks = np.empty((plants, _BLOCK, CONTINUOUS))
        self._filled = np.full(plants, -1)  # which block each plant's row of _blocks holds
        self._all = np.arange(plants)

    def noise(self, active: BoolArray) -> FloatArray:
        block, row = np.divmod(self._drawn[0], _BLOCK)
        for plant in np.flatnonzero(block != self._filled):
            self._stream(plant, 0, block[plant]).standard_normal(out=self._blocks[plant])
            self._filled[plant] = block[plant]
        self._drawn[0] += active
        return self._blocks[self._all, row].T

    def sample_noise(self, count: int, plants: IndexArray) -> FloatArray:
        drawn = [self._next(plant, 1).standard_normal(count) for plant in plants]
        return np.array(drawn).reshape(len(plants), count).T

    def uniform(self, walk: int, count: int, plants: IndexArray) -> FloatArray:
        drawn = [self._next(plant, 2).uniform(-1.0, 1.0, count) for plant in plants]
        return np.array(drawn).reshape(len(plants), count).T

    @property
    def position(self) -> dict[str, NDArray[Any]]:
        return {"seed": self._seeds, "drawn": self._drawn}

    def moved(self, plant: int) -> None:
        self._filled[plant] = -1

    def _next(self, plant: int, purpose: int) -> np.random.Generator:
        self._drawn[purpose, plant] += 1
        return self._stream(plant, purpose, self._drawn[purpose, plant])

    def _stream(self, plant: int, purpose: int, number: int) -> np.random.Generator:
        return np.random.default_rng([int(self._seeds[plant]), purpose, int(number)])


class OriginalRandom:
    """The generator of the original program, to the digit, with its noise of twelve uniforms.

    G <- G * 9228907 mod 2^32 in double precision, where the product is rounded. After a few
    draws (five to sixteen with some seeds of the published files) G is a multiple of 8 and stays
    so; from then on G = 8 k and k <- k * 9228907 mod 2^29 exactly,
    so that the n-th number ahead needs one multiplication. The noise repeats after at most 2^27
    draws, about 141 h.
    """

    _FACTOR, _MODULUS = 9228907, 2**29

    def __init__(self, seeds: Sequence[int]) -> None:
        self._g = np.array(seeds, np.float64)
        self._all = np.arange(len(seeds))
        powers = [1]
        for _ in range(12 * CONTINUOUS):
            powers.append(powers[-1] * self._FACTOR % self._MODULUS)
        self._powers = np.array(powers[1:], np.uint64)[:, None]

    def noise(self, active: BoolArray) -> FloatArray:
        plants = self._all if active.all() else np.flatnonzero(active)
        drawn = self._sums_of_twelve(CONTINUOUS, plants)
        if plants is self._all:
            return drawn
        noise = np.zeros((CONTINUOUS, len(self._all)))
        noise[:, plants] = drawn
        return noise

    def sample_noise(self, count: int, plants: IndexArray) -> FloatArray:
        return self._sums_of_twelve(count, plants)

    def uniform(self, walk: int, count: int, plants: IndexArray) -> FloatArray:
        return self._draw(count, plants) * 2.0 - 1.0

    @property
    def position(self) -> dict[str, NDArray[Any]]:
        return {"g": self._g}

    def moved(self, plant: int) -> None:
        """Nothing is kept beside the position."""

    def _sums_of_twelve(self, count: int, plants: IndexArray) -> FloatArray:
        uniforms = self._draw(12 * count, plants).reshape(count, 12, len(plants))
        return uniforms.sum(axis=1) - 6.0

    def _draw(self, count: int, plants: IndexArray) -> FloatArray:
        """float64[count, len(plants)] within (0, 1)."""
        first: list[FloatArray] = []
        while len(first) < count and (self._g[plants] % 8.0).any():
            self._g[plants] = np.fmod(self._g[plants] * float(self._FACTOR), 2.0**32)
            first.append(self._g[plants] / 2.0**32)
        return np.vstack([*first, self._draw_exact(count - len(first), plants)])

    def _draw_exact(self, count: int, plants: IndexArray) -> FloatArray:
        if count == 0:
            return np.empty((0, len(plants)))
        k = (self._g[plants] / 8.0).astype(np.uint64)
        ahead = self._powers[:count] * k % np.uint64(self._MODULUS)
        self._g[plants] = ahead[-1] * 8.0
        return ahead * 2.0**-29
