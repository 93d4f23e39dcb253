"""Where noise and disturbances come from: NumPy's generators or the one of the original program.

Every plant has a stream of its own, so that a run does not depend on those beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from opcua_ai_simulator.arrays import BoolArray, FloatArray, IndexArray

CONTINUOUS = 22  # measurements that get noise at every step
_FILL = 16  # plants at a time, so that what is drawn stays in the cache until it is transposed


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
        self._seeds = np.array(seeds, np.int64)
        self._drawn = np.zeros((3, len(seeds)), np.int64)  # rows of noise, samples, knots
        self._noise, self._samples, self._knots = (
            _Rows(self._seeds, purpose, self._drawn[purpose], shape, draw)
            for purpose, (shape, draw) in enumerate(_ROWS)
        )

    def noise(self, active: BoolArray) -> FloatArray:
        if active.all():
            return self._noise.next()
        noise = np.zeros((CONTINUOUS, len(active)))
        noise[:, active] = self._noise.next(np.flatnonzero(active))
        return noise

    def sample_noise(self, count: int, plants: IndexArray) -> FloatArray:
        return self._samples.next(plants)[:count]

    def uniform(self, walk: int, count: int, plants: IndexArray) -> FloatArray:
        return self._knots.next(plants)[:count]

    @property
    def position(self) -> dict[str, NDArray[Any]]:
        return {"seed": self._seeds, "drawn": self._drawn}

    def moved(self, plant: int) -> None:
        for rows in (self._noise, self._samples, self._knots):
            rows.moved(plant)


class _Rows:
    """Rows of random numbers, a stream for each plant, drawn a block ahead.

    ``shape`` is that of a block; ``drawn`` int64[plants] counts the rows that each plant has had.
    """

    def __init__(
        self,
        seeds: NDArray[np.int64],
        purpose: int,
        drawn: NDArray[np.int64],
        shape: tuple[int, int],
        draw: Callable[[np.random.Generator, FloatArray], None],
    ) -> None:
        self._seeds, self._purpose, self._drawn, self._draw = seeds, purpose, drawn, draw
        self._ahead = np.empty((*shape, len(seeds)))
        self._block = np.full(len(seeds), -1)  # which one of each plant stands in _ahead
        self._all = np.arange(len(seeds))

    def next(self, plants: IndexArray | None = None) -> FloatArray:
        """The next row of these plants, in ascending order, or of all, float64[width, plants]."""
        some = slice(None) if plants is None else plants
        drawn = self._drawn[some]
        together = bool((drawn == drawn[0]).all())
        block, row = divmod(drawn[0] if together else drawn, len(self._ahead))
        stale = self._block[some] != block
        if stale.any():
            block = np.broadcast_to(block, stale.shape)
            self._fill(self._all[some][stale], block[stale])
        self._drawn[some] += 1
        if together:
            rows = self._ahead[row]
            return rows.copy() if plants is None else rows[:, plants]
        return self._ahead[row, :, self._all[some]].T

    def moved(self, plant: int) -> None:
        self._block[plant] = -1

    def _fill(self, plants: IndexArray, blocks: NDArray[np.int64]) -> None:
        ahead = self._ahead.reshape(-1, len(self._seeds))
        for start in range(0, len(plants), _FILL):
            some = plants[start : start + _FILL]
            drawn = np.empty((len(some), len(ahead)))
            for own, plant, block in zip(drawn, some, blocks[start:], strict=False):
                stream = [int(self._seeds[plant]), self._purpose, int(block)]
                self._draw(np.random.default_rng(stream), own)
            neighbours = some[-1] - some[0] < len(some)
            ahead[:, slice(some[0], some[-1] + 1) if neighbours else some] = drawn.T
        self._block[plants] = blocks


def _normal(generator: np.random.Generator, out: FloatArray) -> None:
    generator.standard_normal(out=out)


def _uniform(generator: np.random.Generator, out: FloatArray) -> None:
    out[:] = generator.uniform(-1.0, 1.0, len(out))


_ROWS = (((256, CONTINUOUS), _normal), ((16, 14), _normal), ((64, 3), _uniform))
"""Block and law of noise, samples of an analyser (at most 14 components) and knots."""


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
        return ahead.astype(np.float64) * 2.0**-29
