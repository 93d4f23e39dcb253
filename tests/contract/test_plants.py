"""What every simulated plant keeps to; a new file in ``plants/`` is tested as it stands."""

import asyncio
import contextlib
import dataclasses
import inspect
from datetime import UTC, datetime

import numpy as np
import pytest

from opcua_ai_simulator import plants
from opcua_ai_simulator.cli import main
from opcua_ai_simulator.commands import accept, pace_commands, pace_controls
from opcua_ai_simulator.errors import ConfigurationError, InvalidStateError, OutOfRangeError
from opcua_ai_simulator.pace import Pace, PlantClock
from opcua_ai_simulator.plant import PlantType

STEPS = 50
SPEEDS = (1, 60, 360, 2000)
# What the server itself puts beside a plant's controls and commands.
PACE = Pace(lambda: 0.0, 360)
TAKEN = {"PlantTime", "Misbehave"}
TAKEN |= {control.name for control in pace_controls(PACE, PACE.set_speed)}
TAKEN |= {command.name for command in pace_commands(PACE, PACE.set_speed)}


@pytest.fixture(params=plants.names())
def name(request) -> str:
    return request.param


@pytest.fixture
def kind(name) -> PlantType:
    return plants.load(name)


def options(kind):
    return dataclasses.fields(kind.options)


def build(kind):
    return kind.build(kind.options(), lambda _text: None)


@pytest.fixture
def plant(kind):
    return build(kind)[0]


def test_says_what_it_is_and_explains_every_option(kind):
    assert kind.summary
    assert dataclasses.is_dataclass(kind.options)
    for field in options(kind):
        assert field.metadata["help"]
        assert field.default is not dataclasses.MISSING


def test_the_command_line_offers_every_option(name, kind, capsys):
    with pytest.raises(SystemExit) as end:
        main(["run", name, "--help"])
    assert end.value.code == 0
    shown = capsys.readouterr().out
    assert all(f"--{field.name.replace('_', '-')}" in shown for field in options(kind))


def test_plants_of_one_server_have_roots_of_their_own_and_one_period(kind):
    built = build(kind)
    assert built
    assert len({plant.root for plant in built}) == len(built)
    assert len({plant.identification.serial_number for plant in built}) == len(built)
    for speed in SPEEDS:
        for plant in built:
            plant.follow(speed)
        assert len({plant.period for plant in built}) == 1


def test_tags_are_unique_described_and_have_a_range(plant):
    assert plant.tags
    assert len({tag.name for tag in plant.tags}) == len(plant.tags)
    assert len({tag.path for tag in plant.tags}) == len(plant.tags)
    for tag in plant.tags:
        assert tag.display_name and tag.description
        assert np.isfinite([tag.low, tag.high]).all()
        assert tag.low < tag.high
        assert tag.group != "Simulation" and tag.path != "Simulation"


def test_steps_give_one_finite_or_missing_value_per_tag(plant):
    for _ in range(STEPS):
        values = plant.step()
        assert values.dtype == np.float64
        assert values.shape == (len(plant.tags),)
        assert not np.isinf(values).any()


def test_plant_time_only_goes_forward(plant):
    clock = PlantClock(datetime(2024, 1, 1, tzinfo=UTC))
    times = []
    for _ in range(STEPS):
        plant.step()
        times.append(clock.time)
        assert np.isfinite(plant.period) and plant.period > 0
        clock.advance(plant.period)
    assert all(later > earlier for earlier, later in zip(times, times[1:], strict=False))


def test_has_a_period_at_every_speed(plant):
    for speed in SPEEDS:
        plant.follow(speed)
        plant.step()
        assert np.isfinite(plant.period) and plant.period > 0


def test_two_of_a_kind_with_the_same_options_agree(kind):
    (one, *_), (other, *_) = build(kind), build(kind)
    for _ in range(5):
        np.testing.assert_array_equal(one.step(), other.step())


def test_starts_inside_the_ranges(plant):
    low = np.array([tag.low for tag in plant.tags])
    high = np.array([tag.high for tag in plant.tags])
    values = plant.step()
    assert ((values >= low) & (values <= high) | np.isnan(values)).all()


def test_controls_and_commands_have_names_of_their_own_and_descriptions(plant):
    names = [command.name for command in plant.commands]
    names += [control.name for control in plant.controls if control.group == "Simulation"]
    assert len(set(names)) == len(names)
    assert not TAKEN & set(names)
    assert all(item.description for item in (*plant.controls, *plant.commands))
    assert plant.root and plant.label


def test_every_node_has_a_path_of_its_own(plant):
    groups = {item.group for item in (*plant.tags, *plant.controls, *plant.alarms)}
    variables = [item.path for item in (*plant.tags, *plant.controls)]
    variables += [f"{alarm.group}/{alarm.name}".strip("/") for alarm in plant.alarms]
    assert len(set(variables)) == len(variables)
    assert not groups & set(variables)
    assert "Identification" not in {*groups, *variables}
    assert all(control.group for control in plant.controls)


def test_alarms_are_described_and_silent_at_the_start(plant):
    assert len({alarm.name for alarm in plant.alarms}) == len(plant.alarms)
    for alarm in plant.alarms:
        assert alarm.name and alarm.description
        assert 1 <= alarm.severity <= 1000
        assert alarm.message() == ""


def test_identifies_the_machine(plant):
    machine = plant.identification
    assert machine.model and machine.serial_number and machine.device_class


def test_controls_hold_values_of_their_type(plant):
    for _ in range(2):
        for control in plant.controls:
            value = control.read()
            assert accept(control, value) == value
            assert not control.states or control.type == "UInt32"
        plant.step()


def test_commands_take_the_arguments_that_they_state(plant):
    for command in plant.commands:
        inspect.signature(command.run).bind(*command.arguments)
        assert not asyncio.iscoroutinefunction(command.run)
        assert all(argument.name and argument.description for argument in command.arguments)


def test_refuses_to_write_what_is_not_writable(plant):
    for tag in plant.tags:
        if not tag.writable:
            with pytest.raises(OutOfRangeError):
                plant.write(tag.name, tag.low)


def test_takes_what_lies_in_the_range_of_a_writable_tag_unless_its_state_forbids(plant):
    for tag in plant.tags:
        if tag.writable:
            with contextlib.suppress(InvalidStateError):
                plant.write(tag.name, (tag.low + tag.high) / 2)
            with pytest.raises((OutOfRangeError, InvalidStateError)):
                plant.write(tag.name, float("nan"))
    plant.step()


def test_an_unknown_plant_is_named():
    with pytest.raises(ConfigurationError, match="no plant is called 'fridge': choose one of"):
        plants.load("fridge")
