"""The Williams-Otto reactor against its published optimum, and what clients may do to it."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.optimize import minimize

from opcua_ai_simulator.errors import ConfigurationError, InvalidStateError, OutOfRangeError
from opcua_ai_simulator.plants.williams_otto import (
    BASE,
    COMPONENTS,
    FEED_A,
    LAGS,
    PLANT,
    TAGS,
    Options,
    WilliamsOtto,
    balance,
    profit,
    rate_constants,
    steady_state,
)

# Published: Forbes (1994), Marchetti et al. (2009)
OPTIMUM = (4.787, 89.70)  # F_B in kg/s, T_R in degC
BEST_PROFIT = 190.98  # $/s
COLUMN = {tag.name: i for i, tag in enumerate(TAGS)}
FRACTIONS = [COLUMN[f"X_{name}"] for name in COMPONENTS]
HOUR = 360  # rows


def quiet(**options):
    return WilliamsOtto(Options(noise=False, remote_control=True, **options))


def rows(plant, count):
    return np.array([plant.step() for _ in range(count)])


def control(plant, name):
    return next(control for control in plant.controls if control.name == name)


def call(plant, name, *arguments):
    next(command.run for command in plant.commands if command.name == name)(*arguments)


def move_to(plant, f_b, t_r):
    plant.write("F_B.SP", f_b)
    plant.write("T_R.SP", t_r)


def steady_profit(setpoints):
    return profit(steady_state(*setpoints), FEED_A, setpoints[0])


def test_the_optimum_is_the_published_one():
    found = minimize(lambda u: -steady_profit(u), BASE, method="Nelder-Mead")
    assert found.success
    np.testing.assert_allclose(found.x, OPTIMUM, rtol=1e-3)
    assert -found.fun == pytest.approx(BEST_PROFIT, rel=1e-4)
    assert steady_profit(BASE) == pytest.approx(128.58, rel=1e-4)


@pytest.mark.parametrize("f_b", [3.0, 4.5, 6.0])
@pytest.mark.parametrize("t_r", [70.0, 85.0, 100.0])
def test_rests_where_all_fractions_are_positive_and_their_sum_is_one(f_b, t_r):
    x = steady_state(f_b, t_r)
    assert (x > 0).all()
    assert x.sum() == pytest.approx(1, abs=1e-12)
    np.testing.assert_allclose(balance(x, rate_constants(t_r), FEED_A, f_b), 0, atol=1e-15)


def test_starts_at_rest_at_the_base_point():
    row, *_, later = rows(quiet(), HOUR)
    np.testing.assert_allclose(later, row, rtol=1e-12)
    np.testing.assert_allclose(row[FRACTIONS], steady_state(*BASE), rtol=1e-12)
    assert row[[COLUMN["F_B"], COLUMN["T_R"]]].tolist() == list(BASE)


def test_the_mass_balance_closes_whatever_happens():
    plant = quiet()
    move_to(plant, 3.0, 100.0)
    plant.inject_fault(1, 0.3, 0.5)
    plant.inject_fault(2, 0.0, -0.5)
    seen = rows(plant, 2 * HOUR)
    np.testing.assert_allclose(seen[:, FRACTIONS].sum(axis=1), 1, atol=1e-12)
    flows = seen[:, COLUMN["F_A"]] + seen[:, COLUMN["F_B"]]
    np.testing.assert_allclose(seen[:, COLUMN["F_R"]], flows, rtol=1e-12)


def test_integrates_exactly_enough():
    plant = quiet()
    plant.step()
    target = np.array([3.0, 100.0])
    move_to(plant, *target)

    def slope(_time, state):
        change = balance(state[:6], rate_constants(state[7]), FEED_A, state[6])
        return np.append(change, (target - state[6:]) / LAGS)

    start = np.append(steady_state(*BASE), BASE)
    times = 10.0 * np.arange(1, HOUR + 1)
    exact = solve_ivp(slope, (0, times[-1]), start, "LSODA", times, rtol=1e-10, atol=1e-12)
    seen = rows(plant, HOUR)[:, FRACTIONS]
    np.testing.assert_allclose(seen, exact.y[:6].T, atol=1e-6)


def test_the_setpoints_of_the_optimum_earn_its_profit():
    plant = quiet()
    before = plant.step()[COLUMN["Profit"]]
    move_to(plant, *OPTIMUM)
    first, *_, last = rows(plant, 2 * HOUR)
    assert before == pytest.approx(steady_profit(BASE))
    assert last[COLUMN["Profit"]] == pytest.approx(BEST_PROFIT, rel=1e-4)
    assert [last[COLUMN[name]] for name in ("F_B.SP", "T_R.SP")] == list(OPTIMUM)
    # after 10 s the flow has gone 63 % of its way, the temperature 3 %
    way = (first[[COLUMN["F_B"], COLUMN["T_R"]]] - BASE) / (np.array(OPTIMUM) - BASE)
    np.testing.assert_allclose(way, 1 - np.exp(-10 / LAGS), rtol=1e-3)


@pytest.mark.parametrize(
    ("tag", "value", "error"),
    [
        ("F_B.SP", 4.0, InvalidStateError),
        ("T_R.SP", 90.0, InvalidStateError),
        ("F_B.SP", 2.9, OutOfRangeError),
        ("T_R.SP", 100.1, OutOfRangeError),
        ("T_R.SP", np.nan, OutOfRangeError),
        ("F_B", 4.0, OutOfRangeError),
        ("X_P", 0.1, OutOfRangeError),
    ],
)
def test_a_refused_write_leaves_the_plant_as_it_was(tag, value, error):
    plant, other = WilliamsOtto(), WilliamsOtto()
    with pytest.raises(error, match=tag):
        plant.write(tag, value)
    np.testing.assert_array_equal(rows(plant, 10), rows(other, 10))


def test_each_setpoint_has_its_own_remote_control():
    plant = WilliamsOtto()
    enable = control(plant, "F_B.RemoteControlEnable")
    assert enable.read() is False
    assert enable.path == "Feeds/F_B.RemoteControlEnable"
    enable.write(True)
    plant.write("F_B.SP", 4.0)
    with pytest.raises(InvalidStateError, match=r"set T_R\.RemoteControlEnable first"):
        plant.write("T_R.SP", 90.0)
    enable.write(False)
    with pytest.raises(InvalidStateError):
        plant.write("F_B.SP", 5.0)
    assert plant.step()[COLUMN["F_B.SP"]] == 4.0


def test_noise_comes_from_the_seed_and_is_as_large_as_stated():
    one, same, other = (rows(WilliamsOtto(Options(seed=n)), 1000) for n in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert (one[:, FRACTIONS] != other[:, FRACTIONS]).all()
    true = quiet().step()
    deviation = (one / true - 1).std(axis=0)
    np.testing.assert_allclose(deviation[FRACTIONS], 0.005, rtol=0.1)
    np.testing.assert_allclose(deviation[[COLUMN[f"F_{s}"] for s in "ABR"]], 0.002, rtol=0.1)
    assert one[:, COLUMN["T_R"]].std() == pytest.approx(0.1, rel=0.1)


def test_profit_is_that_of_the_measured_values():
    row = WilliamsOtto().step()
    seen = profit(row[FRACTIONS], row[COLUMN["F_A"]], row[COLUMN["F_B"]])
    assert row[COLUMN["Profit"]] == seen


def test_a_step_of_feed_a_acts_at_its_onset():
    plant = quiet(fault=1, onset=100.0 / 3600.0, magnitude=-0.2)
    faults = control(plant, "Faults")
    before = rows(plant, 10)
    assert faults.read() == ""
    after = rows(plant, 10)
    assert faults.read() == "step of feed A"
    np.testing.assert_array_equal(before[:, COLUMN["F_A"]], FEED_A)
    np.testing.assert_allclose(after[1:, COLUMN["F_A"]], 0.8 * FEED_A)
    call(plant, "ClearFaults")
    assert plant.step()[COLUMN["F_A"]] == FEED_A
    assert faults.read() == ""


def test_k1_drifts_slowly_and_to_the_end():
    plant = quiet()
    plant.step()
    call(plant, "InjectFault", 2, 1.0, -0.2)
    earned = rows(plant, 8 * HOUR)[:, COLUMN["Profit"]]
    before, after, quarter, end, late = earned[[HOUR - 1, HOUR, 2 * HOUR, 6 * HOUR, 8 * HOUR - 1]]
    assert before == pytest.approx(steady_profit(BASE), rel=1e-9)
    assert before > after > quarter > end
    assert before - after < 1e-3 < before - quarter
    assert late == pytest.approx(end, rel=1e-6)


@pytest.mark.parametrize(
    "arguments", [(3, 0.0, 0.1), (1, -1.0, 0.1), (1, np.nan, 0.1), (1, 0.0, 0.6), (2, 0.0, np.nan)]
)
def test_refuses_disturbances_that_do_not_exist(arguments):
    plant = quiet()
    with pytest.raises(OutOfRangeError):
        call(plant, "InjectFault", *arguments)
    np.testing.assert_array_equal(rows(plant, 5), rows(quiet(), 5))


def test_reset_begins_again():
    plant = WilliamsOtto(Options(fault=1, onset=30.0 / 3600.0, seed=7))
    first = rows(plant, 20)
    control(plant, "T_R.RemoteControlEnable").write(True)
    plant.write("T_R.SP", 95.0)
    rows(plant, 20)
    call(plant, "Reset")
    np.testing.assert_array_equal(rows(plant, 20), first)
    assert control(plant, "T_R.RemoteControlEnable").read() is False


def test_the_alarm_tells_of_a_hot_reactor():
    plant = quiet()
    (alarm,) = plant.alarms
    plant.write("T_R.SP", 100.0)
    rows(plant, 90)
    assert alarm.message() == ""
    rows(plant, 10)
    assert alarm.message() == "The reactor is hotter than 99 degC"


def test_rows_thin_out_as_the_speed_rises_and_the_physics_stays():
    fine, coarse = quiet(), quiet()
    assert fine.period == 10
    coarse.follow(360)
    assert coarse.period == 40
    for plant in (fine, coarse):
        plant.step()
        move_to(plant, *OPTIMUM)
    np.testing.assert_array_equal(rows(fine, 80)[3::4], rows(coarse, 20))


def test_builds_one_reactor_or_names_the_wrong_option():
    (plant,) = PLANT.build(Options(remote_control=True), print)
    plant.write("F_B.SP", 4.0)
    for options in (Options(fault=3), Options(fault=1, magnitude=2.0), Options(seed=-1)):
        with pytest.raises(ConfigurationError):
            PLANT.build(options, print)
