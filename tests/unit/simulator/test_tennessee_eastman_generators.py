"""Random numbers: those of the original to the digit, NumPy's by seed and place."""

import numpy as np
import pytest

from opcua_ai_simulator.plants.tennessee_eastman.generators import NumpyRandom, OriginalRandom

BOTH = pytest.mark.parametrize("kind", [NumpyRandom, OriginalRandom])
SEEDS = [4651207995, 1431655765, 2994833239]
ALL = np.arange(3)
ACTIVE = np.ones(3, bool)


def test_original_draws_are_those_of_the_program(reference):
    expected = np.stack([getattr(reference, f"lcg_{seed}") for seed in SEEDS], axis=1)
    random = OriginalRandom(SEEDS)
    drawn = np.vstack([random.uniform(0, count, ALL) for count in (1, 2, 3, 1, 200, 57)])
    np.testing.assert_array_equal((drawn + 1.0) / 2.0, expected[: len(drawn)])


def test_original_noise_is_twelve_uniforms(reference):
    expected = np.stack([getattr(reference, f"lcg_{seed}") for seed in SEEDS], axis=1)
    noise = OriginalRandom(SEEDS).noise(ACTIVE)
    sums = expected[:264].reshape(22, 12, 3).sum(axis=1) - 6.0
    np.testing.assert_allclose(noise, sums, rtol=0, atol=1e-14)


@BOTH
def test_a_plant_draws_the_same_whatever_stands_beside_it(kind):
    together, alone = kind(SEEDS), kind(SEEDS[1:2])
    one, single = np.array([1]), np.array([0])
    for _ in range(300):
        np.testing.assert_array_equal(together.noise(ACTIVE)[:, 1], alone.noise(ACTIVE[:1])[:, 0])
    np.testing.assert_array_equal(
        together.uniform(0, 3, one)[:, 0], alone.uniform(0, 3, single)[:, 0]
    )
    np.testing.assert_array_equal(
        together.sample_noise(14, ALL)[:, 1], alone.sample_noise(14, single)[:, 0]
    )


@BOTH
def test_position_brings_a_stream_back(kind):
    random = kind(SEEDS)
    random.noise(ACTIVE)
    random.uniform(0, 3, ALL)
    place = {name: array.copy() for name, array in random.position.items()}
    first = [random.noise(ACTIVE)[:, 2], random.sample_noise(5, ALL)[:, 2]]
    for name, array in random.position.items():
        array[..., 2] = place[name][..., 2]
    random.moved(2)
    again = [random.noise(ACTIVE)[:, 2], random.sample_noise(5, ALL)[:, 2]]
    for one, other in zip(first, again, strict=True):
        np.testing.assert_array_equal(one, other)


@BOTH
def test_only_active_streams_of_the_original_go_on(kind):
    random = kind(SEEDS)
    place = {name: array.copy() for name, array in random.position.items()}
    random.noise(np.array([True, False, True]))
    for name, array in random.position.items():
        if name != "seed":
            assert (array != place[name]).any()
            np.testing.assert_array_equal(array[..., 1], place[name][..., 1])


@BOTH
def test_a_stream_that_stood_still_goes_on_where_it_was(kind):
    together, alone = kind(SEEDS), kind(SEEDS[1:2])
    for _ in range(3):
        together.noise(np.array([True, False, True]))
    for _ in range(300):
        np.testing.assert_array_equal(together.noise(ACTIVE)[:, 1], alone.noise(ACTIVE[:1])[:, 0])


@BOTH
def test_noise_has_unit_variance(kind):
    random = kind([7])
    noise = np.stack([random.noise(ACTIVE[:1])[:, 0] for _ in range(3000)])
    assert abs(noise.mean()) < 0.02
    assert noise.std() == pytest.approx(1.0, abs=0.02)
