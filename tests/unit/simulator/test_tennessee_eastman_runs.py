"""Whole runs against those of the original program, and what a batch of plants must keep to."""

import numpy as np
import pytest

from opcua_ai_simulator.plants.tennessee_eastman import limits, operating_points
from opcua_ai_simulator.plants.tennessee_eastman.decentralised import START, DecentralisedControl
from opcua_ai_simulator.plants.tennessee_eastman.disturbances import (
    NUMBERS,
    PULSES,
    Walks,
    conditions,
)
from opcua_ai_simulator.plants.tennessee_eastman.generators import NumpyRandom
from opcua_ai_simulator.plants.tennessee_eastman.loops import OpenLoop
from opcua_ai_simulator.plants.tennessee_eastman.simulation import Simulation

FAULTS = 22
ONSET = 28800
ROW = 180
CHAOTIC = 14  # sticking of the fast cooling loop: the least rounding decides when it slips


def closed_loop(seeds, **options):
    return Simulation(DecentralisedControl, seeds, start=START, **options)


def original_runs(reference, hours, noise):
    """xmeas[rows, 22, 41], xmv[rows, 22, 12] every 3600 s as recorded, and the trip seconds."""
    seeds = [int(seed) for seed in reference.noisefree_seed]
    simulation = closed_loop(seeds, noise=noise, random="original")
    simulation.held[:] = 61.302  # as the program that made the published file has it
    xmeas, xmv = [], []
    trips = np.zeros(FAULTS, int)
    for second in range(1, hours * 3600 + 1):
        if second == ONSET:
            faulty = np.arange(1, FAULTS)
            simulation.idv[faulty, faulty] = 1.0
        simulation.control()
        if second % 3600 == 0:
            xmeas.append(simulation.xmeas.copy())
            xmv.append(simulation.xmv.copy())
        simulation.integrate()
        trips[(simulation.trip > 0) & (trips == 0)] = second
    return np.array(xmeas), np.array(xmv), trips


def relative(values, expected, fault):
    """Largest difference of a fault's run, in units of each column's largest value."""
    wanted = expected[fault].astype(float)
    scale = np.maximum(np.abs(wanted).max(axis=0), 1e-3)
    return float((np.abs(values[:, fault] - wanted[: len(values)]) / scale).max())


def check_noise_free(reference, hours):
    xmeas, xmv, trips = original_runs(reference, hours, noise=False)
    for fault in set(range(FAULTS)) - {CHAOTIC}:
        assert relative(xmeas, reference.noisefree_xmeas, fault) < 1e-9, fault
        assert relative(xmv, reference.noisefree_xmv, fault) < 1e-9, fault
    return xmeas, trips


def check_noisy(reference, hours):
    xmeas, xmv, trips = original_runs(reference, hours, noise=True)
    for fault in set(range(FAULTS)) - {CHAOTIC}:
        # float32 holds the reference: half a unit in its last place
        assert relative(xmeas, reference.noisy_xmeas, fault) < 1e-7, fault
        assert relative(xmv, reference.noisy_xmv, fault) < 1e-6, fault
    return trips


def test_ten_hours_without_noise_are_those_of_the_original(reference):
    check_noise_free(reference, 10)


def test_ten_hours_with_noise_are_those_of_the_original(reference):
    check_noisy(reference, 10)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_two_days_without_noise_are_those_of_the_original(reference):
    xmeas, trips = check_noise_free(reference, 48)
    np.testing.assert_array_equal(trips, reference.noisefree_shut_step)
    faulty = xmeas[9:, CHAOTIC]
    mean, spread = reference.noisefree_idv14_mean, reference.noisefree_idv14_std
    spread = np.maximum(spread, 1e-6 * np.abs(mean))
    assert (np.abs(faulty.mean(axis=0) - mean) < 0.5 * spread).all()


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_two_days_with_noise_are_those_of_the_original(reference):
    trips = check_noisy(reference, 48)
    np.testing.assert_array_equal(trips, reference.noisy_shut_step)


def test_without_control_the_base_case_trips_after_four_hours():
    simulation = Simulation(OpenLoop, [0], start=operating_points.load("base"), noise=False)
    while not simulation.trip[0]:
        simulation.step()
    assert simulation.hours[0] == pytest.approx(4.06, abs=0.01)
    frozen = simulation.states.copy()
    simulation.step(10)
    np.testing.assert_array_equal(simulation.states, frozen)
    assert limits.REASONS[simulation.trip[0]] == "reactor pressure above 3000 kPa"


def test_figure_3_of_the_paper_trips_when_it_does_there():
    start = operating_points.load("base")
    start.xmv[9] = 38.0
    simulation = Simulation(OpenLoop, [0], start=start, noise=False)
    simulation.step(3705)
    assert not simulation.trip[0]
    simulation.step()
    assert simulation.trip[0]


def test_a_run_does_not_depend_on_the_batch():
    together, alone = closed_loop([5, 6, 7]), closed_loop([6])
    for simulation, plant in ((together, 1), (alone, 0)):
        simulation.disturb(plant, 1, 1.0, onset=0.1)
        simulation.step(1200)
    np.testing.assert_allclose(together.xmeas[1], alone.xmeas[0], rtol=1e-9)
    assert not np.allclose(together.xmeas[0], together.xmeas[1], rtol=1e-6)


@pytest.mark.parametrize("random", ["numpy", "original"])
def test_a_snapshot_goes_on_to_the_digit(random):
    simulation = closed_loop([1, 2], random=random)
    simulation.disturb(1, 8, 1.0)
    simulation.disturb(1, 4, 0.5, onset=0.2)
    simulation.step(500)
    kept = simulation.snapshot(1)
    simulation.step(700)
    expected = simulation.xmeas[1].copy()
    simulation.restore(1, kept)
    simulation.step(700)
    np.testing.assert_array_equal(simulation.xmeas[1], expected)


def test_a_snapshot_that_does_not_fit_changes_nothing():
    simulation = closed_loop([1])
    simulation.step(10)
    before = simulation.snapshot(0)
    wrong = dict(before) | {"states": np.zeros(3)}
    with pytest.raises(ValueError):
        simulation.restore(0, wrong)
    del wrong["states"]
    with pytest.raises(KeyError):
        simulation.restore(0, wrong)
    for name, array in simulation.snapshot(0).items():
        np.testing.assert_array_equal(array, before[name])


def test_a_plant_of_a_batch_can_start_anew_alone():
    simulation = closed_loop([1, 2])
    start = simulation.snapshot(0)
    simulation.step(400)
    simulation.restore(0, start)
    simulation.step(400)
    fresh = closed_loop([1, 2])
    fresh.step(400)
    np.testing.assert_allclose(simulation.xmeas[0], fresh.xmeas[0], rtol=1e-9)
    fresh.step(400)
    np.testing.assert_allclose(simulation.xmeas[1], fresh.xmeas[1], rtol=1e-9)


def test_a_fault_begins_at_its_onset_and_ends_when_told():
    simulation = closed_loop([0, 0], noise=False)
    simulation.disturb(1, 4, 1.0, onset=0.1)
    simulation.step(359)
    np.testing.assert_allclose(simulation.states[0], simulation.states[1], rtol=1e-9)
    simulation.step(30)
    assert abs(simulation.states[1, 36] - simulation.states[0, 36]) > 0.01
    simulation.disturb(1, 4, 0.0)
    simulation.step()
    assert not simulation.idv.any()


def test_magnitude_scales_a_fault():
    simulation = closed_loop([0, 0, 0], noise=False)
    for plant, magnitude in ((1, 0.5), (2, 1.0)):
        simulation.disturb(plant, 4, magnitude)
    simulation.step(5)
    half, whole = (simulation.states[plant, 36] - simulation.states[0, 36] for plant in (1, 2))
    assert whole > 0
    assert half == pytest.approx(whole / 2, rel=1e-3)


def test_faults_of_the_revision_disturb_the_plant():
    simulation = closed_loop([3] * 9, noise=False)
    for plant, fault in enumerate(range(22, 30), start=1):
        simulation.disturb(plant, fault, 1.0)
    simulation.step(1800)
    apart = np.abs(simulation.states[1:, :38] / simulation.states[0, :38] - 1.0).max(axis=1)
    assert (apart > 1e-6).all()


def test_walks_of_the_revision_begin_at_once_and_come_to_rest():
    random, walks = NumpyRandom([0, 1]), Walks.start(2)
    idv = np.zeros((NUMBERS, 2))
    rest = walks.values(np.zeros(2))[PULSES:].copy()
    time = np.zeros(2)

    def hour():
        seen = []
        for _ in range(360):
            walks.advance(time, idv, random)
            seen.append(walks.values(time)[PULSES:])
            time[:] += 1.0 / 360.0
        return np.abs(np.array(seen) - rest[None]).max(axis=0)

    assert (hour() == 0.0).all()
    idv[22:30, 1] = 1.0
    walks.wake(time, idv)
    moved = hour()
    assert (moved[:, 1] > 0.0).all() and (moved[:, 0] == 0.0).all()
    idv[:] = 0.0
    for _ in range(4):
        hour()
    np.testing.assert_array_equal(walks.values(time)[PULSES:], rest)
    assert np.isinf(walks.next[PULSES:]).all()


def test_a_fault_of_the_revision_leaves_the_original_random_stream_alone():
    one, other = (closed_loop([3], random="original") for _ in range(2))
    one.disturb(0, 23, 0.0)
    for simulation in (one, other):
        simulation.step(600)
    np.testing.assert_array_equal(one.xmeas, other.xmeas)


def test_the_surroundings_are_those_of_the_moment():
    simulation = closed_loop([3, 4, 5], noise=False)
    for plant, fault in enumerate((8, 17, 29)):
        simulation.disturb(plant, fault, 1.0)
    moved = np.zeros(3, bool)
    for second in range(4 * 3600):
        if second == 2 * 3600:
            for plant, fault in enumerate((8, 17, 29)):
                simulation.disturb(plant, fault, 0.0)
        simulation.control()
        time = simulation.hours.copy()
        simulation.integrate()
        moved |= simulation._walks.moving
        if second % 7 == 0:
            expected = conditions(simulation._walks.values(time), simulation.idv)
            for value, wanted in zip(simulation._now, expected, strict=True):
                np.testing.assert_array_equal(value, wanted)
    assert moved.all() and not simulation._walks.moving.all()


def test_a_held_valve_stays_where_it_is():
    simulation = closed_loop([0])
    simulation.step(100)
    simulation.disturb(0, 21, 1.0)
    stood = simulation.xmv[0, 3]
    simulation.step(300)
    assert simulation.xmv[0, 3] == pytest.approx(stood, abs=0.1)
    held = simulation.xmv[0, 3]
    simulation.step(30)
    assert simulation.xmv[0, 3] == held


def test_manual_holds_a_valve_and_automatic_goes_on_without_a_bump():
    simulation = closed_loop([0])
    simulation.step(60)
    loop = next(i for i, loop in enumerate(simulation.controller.loops) if loop.valve == 10)
    simulation.controller.automatic[loop, 0] = False
    held = simulation.xmv[0, 9]
    simulation.step(120)
    assert simulation.xmv[0, 9] == held
    simulation.controller.automatic[loop, 0] = True
    simulation.step(3)
    assert simulation.xmv[0, 9] == pytest.approx(held, abs=0.5)
    simulation.step(60)
    assert simulation.xmv[0, 9] != held
