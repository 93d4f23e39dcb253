"""The Tennessee Eastman plant as the server sees it: tags, modes, faults, states, alarms."""

import numpy as np
import pytest

from opcua_ai_simulator import plants
from opcua_ai_simulator.errors import ConfigurationError, InvalidStateError, OutOfRangeError

KIND = plants.load("tennessee-eastman")
COOLING = "ReactorCoolingWater"  # its master is ReactorTemperature, its valve XMV(10)


@pytest.fixture
def build(tmp_path):
    """Plants whose first row is out, as those that a client meets."""

    def make(**options):
        options.setdefault("states", tmp_path / "states")
        plants = list(KIND.build(KIND.options(**options), print))
        for plant in plants:
            plant.step()
        return plants

    return make


@pytest.fixture
def plant(build):
    return build(remote_control=True)[0]


def value(plant, tag):
    names = [item.name for item in plant.tags]
    return plant.step()[names.index(tag)]


def control(plant, name):
    return next(item for item in plant.controls if item.name == name)


def set_control(plant, name, value):
    write = control(plant, name).write
    assert write is not None
    write(value)


def read(plant, name):
    return control(plant, name).read()


def alarm(plant, name):
    return next(item for item in plant.alarms if item.name == name).message()


def run(plant, seconds):
    for _ in range(seconds):
        plant.step()


def test_shows_measurements_valves_setpoints_and_economics(plant):
    groups = {tag.group for tag in plant.tags}
    assert {"Feeds", "Reactor", "Separator", "Stripper", "Compressor", "Analysers"} < groups
    names = [tag.name for tag in plant.tags]
    assert [f"XMEAS({i})" for i in range(1, 42)] == names[:41]
    assert [f"XMV({i})" for i in range(1, 13)] == names[41:53]
    assert value(plant, "OperatingCost") == pytest.approx(170.6, abs=0.1)
    assert value(plant, "ProductionRate") == pytest.approx(14228, rel=0.02)


def test_the_parts_of_the_cost_add_up(plant):
    run(plant, 30)
    row = dict(zip([tag.name for tag in plant.tags], plant.step(), strict=True))
    parts = ("PurgeCost", "ProductLossCost", "CompressorCost", "SteamCost")
    assert row["OperatingCost"] == pytest.approx(sum(row[part] for part in parts))


def test_a_setpoint_moves_the_plant(plant):
    run(plant, 60)
    set_control(plant, "ReactorTemperature.Mode", 0)
    before = value(plant, "XMEAS(21)")
    plant.write(f"{COOLING}.SP", 97.0)
    run(plant, 300)
    assert value(plant, "XMEAS(21)") > before + 1.0


def test_refuses_a_setpoint_that_a_master_moves(plant):
    with pytest.raises(InvalidStateError, match="ReactorTemperature.Mode to Manual"):
        plant.write(f"{COOLING}.SP", 95.0)


def test_refuses_everything_until_remote_control_is_enabled(build):
    plant = build()[0]
    with pytest.raises(InvalidStateError, match="ReactorLevel.RemoteControlEnable"):
        plant.write("ReactorLevel.SP", 70.0)
    set_control(plant, "ReactorLevel.RemoteControlEnable", True)
    plant.write("ReactorLevel.SP", 70.0)
    assert value(plant, "ReactorLevel.SP") == 70.0


@pytest.mark.parametrize("wrong", [49.9, 100.1, float("nan"), float("inf")])
def test_refuses_what_is_out_of_range_before_all_else(build, wrong):
    plant = build()[0]
    with pytest.raises(OutOfRangeError, match=r"ReactorLevel.SP = .* choose 50 to 100"):
        plant.write("ReactorLevel.SP", wrong)
    assert value(plant, "ReactorLevel.SP") == 75.0


def test_a_valve_is_written_in_manual_only(plant):
    with pytest.raises(InvalidStateError, match=f"{COOLING}.Mode to Manual"):
        plant.write("XMV(10)", 45.0)
    set_control(plant, f"{COOLING}.Mode", 0)
    plant.write("XMV(10)", 45.0)
    run(plant, 60)
    assert value(plant, "XMV(10)") == 45.0
    set_control(plant, f"{COOLING}.Mode", 1)
    run(plant, 60)
    assert value(plant, "XMV(10)") != 45.0


def test_the_agitator_belongs_to_no_loop_of_the_decentralised_control(build):
    plant = build()[0]
    plant.write("XMV(12)", 60.0)
    assert value(plant, "XMV(12)") == 60.0


def test_faults_begin_and_end(plant):
    plant.inject_fault(4, 0.01, 1.0)
    assert read(plant, "Fault") == 0
    run(plant, 38)
    assert (read(plant, "Fault"), read(plant, "Faults")) == (4, "IDV(4)")
    assert "cooling water" in read(plant, "FaultName")
    set_control(plant, "Fault", 1)
    run(plant, 2)
    assert read(plant, "Faults") == "IDV(1)"
    set_control(plant, "Fault", 0)
    run(plant, 2)
    assert read(plant, "Faults") == ""


@pytest.mark.parametrize("arguments", [(0, 0, 1), (30, 0, 1), (4, -1, 1), (4, 0, 11), (4, 0, -1)])
def test_refuses_a_fault_that_does_not_exist(plant, arguments):
    with pytest.raises(OutOfRangeError, match="choose"):
        plant.inject_fault(*arguments)
    plant.step()
    assert read(plant, "Fault") == 0


def test_trips_stands_still_and_comes_back_by_reset(plant):
    assert alarm(plant, "Trip") == ""
    for loop in ("ReactorTemperature", COOLING):
        set_control(plant, f"{loop}.Mode", 0)
    plant.write("XMV(10)", 0.0)
    while not read(plant, "Tripped"):
        plant.step()
    plant.step()
    assert alarm(plant, "Trip") == "reactor pressure above 3000 kPa"
    assert alarm(plant, "ReactorPressureHigh").endswith("above the normal limit of 2895 kPa")
    assert not read(plant, "Ok")
    with pytest.raises(InvalidStateError, match="has tripped"):
        plant.write("XMV(10)", 50.0)
    plant.reset()
    plant.step()
    assert read(plant, "Ok") and alarm(plant, "Trip") == ""
    assert read(plant, f"{COOLING}.Mode") == 1


def test_reset_brings_the_same_run_again(plant):
    run(plant, 50)
    first = plant.step()
    plant.reset()
    run(plant, 50)
    np.testing.assert_array_equal(plant.step(), first)


def test_a_saved_state_goes_on_as_before_and_enables_nothing(plant):
    plant.inject_fault(1, 0.0, 1.0)
    run(plant, 100)
    plant.save_state("before-lunch")
    expected = [plant.step() for _ in range(20)][-1]
    plant.load_state("before-lunch")
    np.testing.assert_array_equal([plant.step() for _ in range(20)][-1], expected)
    assert not read(plant, f"{COOLING}.RemoteControlEnable")


@pytest.mark.parametrize("name", ["", "../evil", "a b", "x" * 65])
def test_a_state_has_a_plain_name(plant, name):
    for command in (plant.save_state, plant.load_state):
        with pytest.raises(OutOfRangeError, match="is no name for a state"):
            command(name)


def test_a_state_that_is_missing_broken_or_of_another_control_is_refused(build, tmp_path):
    plant, other = build()[0], build(control="ricker")[0]
    with pytest.raises(OutOfRangeError, match="no state is called 'lost'"):
        plant.load_state("lost")
    plant.save_state("mine")
    with pytest.raises(InvalidStateError, match="--control decentralised, this one has ricker"):
        other.load_state("mine")
    (tmp_path / "states" / "torn.npz").write_bytes(b"PK\x03\x04 torn")
    with pytest.raises(InvalidStateError, match="is not a saved state"):
        plant.load_state("torn")
    plant.step()


def test_a_folder_that_cannot_be_written_is_said(build, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InvalidStateError, match="cannot save"):
        build(states=tmp_path / "file")[0].save_state("x")


def test_plants_of_a_batch_go_in_step_and_have_faults_of_their_own(build):
    one, other = build(plants=2)
    assert (one.root, other.root) == ("TennesseeEastman01", "TennesseeEastman02")
    one.inject_fault(4, 0.0, 1.0)
    for _ in range(30):
        rows = [plant.step() for plant in (one, other)]
    assert (read(one, "Fault"), read(other, "Fault")) == (4, 0)
    assert read(one, "Hours") == read(other, "Hours") == pytest.approx(30 / 3600)
    assert not np.array_equal(rows[0], rows[1])


def test_rows_come_as_often_as_the_speed_allows(build):
    plant = build()[0]
    for speed, period in ((1, 1), (10, 1), (360, 36), (2000, 201)):
        plant.follow(speed)
        assert plant.period == period
    fixed = build(row_period=180)[0]
    fixed.follow(2000)
    assert fixed.period == 180


def test_without_noise_rows_are_smooth(build):
    plant = build(noise=False)[0]
    rows = np.array([plant.step()[:22] for _ in range(5)])
    assert np.abs(np.diff(rows, axis=0)).max() < 0.1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"control": "pid"}, "--control pid: choose one of decentralised, ricker"),
        ({"start": "mode9"}, "no operating point is called .mode9"),
        ({"start": "mode1"}, "--start mode1 needs --control ricker"),
        ({"generator": "dice"}, "--generator dice: choose one of"),
        ({"plants": 0}, "--plants 0: choose 1 to 100"),
        ({"fault": 31}, "fault 31 is not known: choose 1 to 29"),
        ({"fault": 1, "onset": -1.0}, "onset -1 h"),
        ({"row_period": 0}, "--row-period 0"),
    ],
)
def test_says_which_option_is_wrong(build, options, message):
    with pytest.raises(ConfigurationError, match=message):
        build(**options)


def test_a_row_has_the_valves_that_its_measurements_ask_for(build):
    plant = build(row_period=180)[0]
    names = [tag.name for tag in plant.tags]
    rows = np.array([plant.step() for _ in range(30)])
    level, valve = rows[:, names.index("XMEAS(12)")], rows[:, names.index("XMV(7)")]
    # the separator's level has a proportional controller, so the noise of both is the same
    assert np.corrcoef(level, valve)[0, 1] > 0.9999
