"""The control whose setpoints carry the economics: rest, ramps, manual, overrides, memory."""

import numpy as np
import pytest

from opcua_ai_simulator.plants.tennessee_eastman import operating_points
from opcua_ai_simulator.plants.tennessee_eastman.economics import operating_cost
from opcua_ai_simulator.plants.tennessee_eastman.ricker import ricker
from opcua_ai_simulator.plants.tennessee_eastman.ricker_tables import (
    LOOPS,
    NAMES,
    SCAN,
    TUNING,
    setpoints_at,
)
from opcua_ai_simulator.plants.tennessee_eastman.simulation import Simulation

MODES = operating_points.NAMES[1:]
COST = np.array([114.30, 183.82, 43.38, 242.25, 197.63, 48.54])  # $/h of the modes, Ricker (1995)
ROW = {name: row for row, name in enumerate(NAMES)}
FREE = [row for row, loop in enumerate(LOOPS) if loop.master is None]  # what an operator sets
FAULTS = range(1, 21)
MINUTE, HOUR = 60, 3600


def simulation(seeds=(0,), start="base", **options):
    return Simulation(ricker(start), seeds, start=operating_points.load(start), **options)


def hourly_cost(plants, hours):
    """float64[hours, plants] in $/h, each the mean of an hour."""
    costs = []
    for _ in range(hours):
        minutes = []
        for _ in range(20):
            plants.step(3 * MINUTE)
            minutes.append(operating_cost(plants.xmeas).total)
        costs.append(np.mean(minutes, axis=0))
    return np.array(costs)


class Bench:
    """A controller of one plant with measurements that a test chooses."""

    def __init__(self, start="base"):
        source = simulation(start=start, noise=False)
        self.control = source.controller
        self.xmeas, self.xmv = source.xmeas.T.copy(), source.xmv.T.copy()
        self.second = np.zeros(1, np.int64)

    def measure(self, number, value):
        self.xmeas[number - 1] = value

    def run(self, seconds):
        for _ in range(seconds):
            self.second += 1
            self.control.act(self.second, self.xmeas, self.xmv)

    def setpoint(self, name):
        return self.control.setpoints[ROW[name], 0]

    def manual(self, *names):
        self.control.automatic[[ROW[name] for name in names]] = False

    @property
    def overrides(self):
        return " ".join(self.control.overrides(0))


@pytest.mark.parametrize("name", operating_points.NAMES)
def test_an_operating_point_is_at_rest_under_its_own_setpoints(name):
    plant = simulation(start=name, noise=False)
    before, valves = plant.xmeas.copy(), plant.xmv.copy()
    plant.step(20 * MINUTE)
    np.testing.assert_allclose(plant.xmeas, before, rtol=2e-3, atol=1e-6)
    np.testing.assert_allclose(plant.xmv, valves, atol=0.05)
    assert plant.controller.overrides(0) == []


@pytest.mark.parametrize("name", operating_points.NAMES)
def test_people_may_set_what_every_operating_point_needs(name):
    values = setpoints_at(name)
    for row in FREE:
        assert LOOPS[row].low <= values[row] <= LOOPS[row].high, NAMES[row]


def test_every_master_is_a_loop_and_has_no_master_itself():
    for loop in LOOPS:
        if loop.master:
            assert LOOPS[ROW[loop.master]].master is None


def test_written_setpoints_are_approached_at_the_speed_of_their_ramp():
    bench = Bench()
    bench.control.setpoints[FREE] = setpoints_at("mode1")[FREE, None]
    start = setpoints_at("base")
    bench.run(HOUR)
    working = bench.control.memory["working"][:, 0]
    for row in FREE:
        way = abs(setpoints_at("mode1")[row] - start[row])
        moved = min(TUNING[row].ramp, way)
        assert abs(working[row] - start[row]) == pytest.approx(moved, rel=1e-9), NAMES[row]
    assert bench.xmv[[4, 8, 11], 0] == pytest.approx([20.21, 45.446, 52.0], abs=0.01)
    np.testing.assert_array_equal(bench.control.setpoints[FREE, 0], setpoints_at("mode1")[FREE])


def test_a_change_of_rate_moves_every_feed_in_its_ratio():
    bench = Bench()
    before = bench.control.setpoints[:4].copy()
    bench.control.automatic[:] = False
    bench.control.automatic[ROW["ProductionRate"]] = True
    bench.control.setpoints[ROW["ProductionRate"]] *= 0.99
    bench.measure(17, bench.setpoint("ProductionRate"))
    bench.run(2 * HOUR)
    np.testing.assert_allclose(bench.control.setpoints[:4] / before, 0.99, atol=2e-3)


def test_a_change_of_mix_exchanges_d_for_e():
    bench = Bench()
    mix = setpoints_at("mode2")[ROW["GInProduct"]]
    bench.control.setpoints[ROW["GInProduct"]] = mix
    for _ in range(240):  # 24 h, in which the product follows
        bench.measure(40, bench.control.memory["expected_g"][0])
        bench.measure(2, bench.setpoint("DFeed"))
        bench.measure(3, bench.setpoint("EFeed"))
        bench.run(6 * MINUTE)
    assert bench.setpoint("DFeed") == pytest.approx(setpoints_at("mode2")[ROW["DFeed"]], abs=60)
    assert bench.setpoint("EFeed") == pytest.approx(setpoints_at("mode2")[ROW["EFeed"]], abs=150)


@pytest.mark.parametrize("loop", LOOPS, ids=NAMES)
def test_manual_holds_what_the_loop_moves_and_automatic_takes_over_without_a_bump(loop):
    bench = Bench()
    others = [name for name in NAMES if name != loop.name]
    bench.manual(*others, loop.name)
    before = bench.control.setpoints.copy(), bench.xmv.copy()
    bench.xmeas *= 1.02
    bench.run(15 * MINUTE + SCAN)
    np.testing.assert_array_equal(bench.control.setpoints, before[0])
    np.testing.assert_array_equal(bench.xmv, before[1])
    bench.control.automatic[ROW[loop.name]] = True
    bench.run(TUNING[ROW[loop.name]].period)
    spans = np.array([other.high for other in LOOPS])[:, None]
    assert (np.abs(bench.control.setpoints - before[0]) < 0.01 * spans).all()
    assert np.abs(bench.xmv - before[1]).max() < 0.5


def test_a_valve_moved_by_hand_goes_back_to_its_setpoint_slowly():
    bench = Bench()
    bench.manual("RecycleValve")
    bench.xmv[4] = 60.0
    bench.run(MINUTE)
    assert bench.xmv[4, 0] == 60.0
    bench.control.automatic[ROW["RecycleValve"]] = True
    bench.run(HOUR)
    assert bench.xmv[4, 0] == pytest.approx(58.0, abs=0.01)


def test_a_flow_written_by_hand_stays_while_its_master_is_manual():
    bench = Bench()
    bench.manual("GInProduct")
    bench.control.setpoints[ROW["DFeed"]] = 3000.0
    bench.measure(2, 3000.0)
    bench.run(10 * MINUTE)
    assert bench.setpoint("DFeed") == pytest.approx(3000.0)


def test_high_pressure_holds_production_back_until_it_is_gone():
    bench = Bench()
    before = bench.control.setpoints[:4].copy()
    bench.manual("AToC", "GInProduct", "AAndC")
    bench.measure(7, 2960.0)
    bench.run(10 * MINUTE)
    assert (bench.control.setpoints[:4] < 0.995 * before).all()
    assert "pressure above 2950 kPa" in bench.overrides
    bench.measure(7, 2705.0)
    bench.run(10 * MINUTE)
    np.testing.assert_allclose(bench.control.setpoints[:4], before, rtol=1e-9)
    assert bench.overrides == ""


def test_production_waits_for_a_feed_that_cannot_follow():
    bench = Bench()
    bench.manual("GInProduct")
    bench.xmv[0] = 100.0
    bench.measure(2, 3400.0)
    bench.run(4 * HOUR)
    assert bench.setpoint("DFeed") == pytest.approx(3400.0, rel=0.03)
    assert "feed valve fully open" in bench.overrides
    bench.xmv[0] = 60.0
    bench.measure(2, 3664.0)
    bench.run(24 * HOUR)
    assert bench.overrides == ""


def test_the_recycle_valve_closes_while_the_reactor_is_too_full():
    bench = Bench()
    bench.measure(8, 79.0)
    bench.run(2 * SCAN)
    assert bench.xmv[4, 0] == pytest.approx(22.21 - 8.0 * 2.0, abs=0.01)
    assert "reactor level too high" in bench.overrides
    bench.measure(8, 75.0)
    bench.run(SCAN)
    assert bench.xmv[4, 0] == pytest.approx(22.21)
    assert bench.overrides == ""


def test_stream_4_stands_in_for_a_lost_feed_a():
    plant = simulation(noise=False)
    setpoints = plant.controller.setpoints
    a, ac = setpoints[[ROW["AFeed"], ROW["ACFeed"]], 0]
    plant.disturb(0, 6, 1.0)
    plant.step(2 * MINUTE)
    assert "feed A lost" in plant.controller.overrides(0)[0]
    assert setpoints[ROW["ACFeed"], 0] == pytest.approx(ac + a / 0.485, rel=1e-3)
    plant.step(30 * MINUTE)
    plant.disturb(0, 6, 0.0)
    plant.step(2 * MINUTE)
    assert plant.controller.overrides(0) == []
    assert setpoints[ROW["ACFeed"], 0] == pytest.approx(ac, rel=5e-3)


def test_a_snapshot_continues_to_the_digit_beside_plants_that_run_at_other_times():
    plants = simulation(seeds=[1, 2, 3])
    plants.controller.setpoints[FREE, 1] = setpoints_at("mode1")[FREE]
    plants.disturb(1, 6, 1.0)
    plants.step(901)
    saved = plants.snapshot(1)
    plants.step(902)
    expected = plants.snapshot(1)
    plants.restore(0, plants.snapshot(2))
    plants.restore(1, saved)
    assert len({plants.snapshot(i)["second"].item() % SCAN for i in (0, 1)}) == 2
    plants.step(902)
    for name, value in plants.snapshot(1).items():
        np.testing.assert_allclose(value, expected[name], rtol=1e-12, err_msg=name)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_all_modes_are_reached_from_base_when_their_setpoints_are_written_at_once():
    seeds = 4  # of each mode: their mean is not a matter of luck
    plants = simulation(seeds=range(seeds * len(MODES)))
    targets = np.stack([setpoints_at(mode) for mode in MODES], axis=1)
    plants.controller.setpoints[FREE] = np.tile(targets, seeds)[FREE]
    cost = hourly_cost(plants, 84)  # the rate of mode 4 alone takes 46 h
    assert (plants.trip == 0).all()
    reached = cost[-20:].mean(axis=0).reshape(seeds, len(MODES))
    np.testing.assert_allclose(reached.mean(axis=0), COST, rtol=0.01)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(("name", "cost"), list(zip(MODES, COST, strict=True)))
def test_a_mode_as_start_keeps_its_cost(name, cost):
    plants = simulation(seeds=range(4), start=name)
    seen = hourly_cost(plants, 24)
    assert (plants.trip == 0).all()
    assert seen.mean() == pytest.approx(cost, rel=0.01)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", ["base", "mode1"])
def test_no_fault_trips_the_plant_in_46_hours(name):
    seeds = [1000 * run + fault for run in (1, 2) for fault in FAULTS]
    plants = simulation(seeds=seeds, start=name)
    for plant, seed in enumerate(seeds):
        plants.disturb(plant, seed % 1000, 1.0)
    plants.step(46 * HOUR)
    assert {s for s, trip in zip(seeds, plants.trip, strict=True) if trip} == set()
