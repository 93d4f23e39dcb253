"""What the keys of the terminal are and what they do to the plant."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, cast

import pytest
from asyncua import Node

from opcua_ai.demo.keys import ESCAPE, decode
from opcua_ai.demo.operate import Operator
from opcua_ai.demo.state import State


def test_a_block_is_its_keys_and_a_sequence_is_escape() -> None:
    assert decode(b"14\n") == ["1", "4", "\n"]
    assert decode(b"\x1b") == [ESCAPE]
    assert decode(b"\x1b[1;5C") == [ESCAPE], "an arrow types no digits"
    assert decode(b"") == []
    assert decode(b"\xff") == ["\ufffd"]


class Recorder:
    """A node that notes what happens to it."""

    def __init__(self, path: str, done: list[tuple[Any, ...]]) -> None:
        self.nodeid = path
        self._done = done

    async def write_value(self, value: Any) -> None:
        self._done.append((self.nodeid, value.Value.Value))

    async def call_method(self, method: str, *arguments: Any) -> None:
        self._done.append((method, *(getattr(value, "Value", value) for value in arguments)))


class Plant(dict[str, Recorder]):
    """A node for each path, and what was done with them."""

    def __init__(self) -> None:
        super().__init__()
        self.done: list[tuple[Any, ...]] = []

    def __missing__(self, path: str) -> Recorder:
        return Recorder(path.removeprefix("Simulation/"), self.done)


@pytest.fixture
def plant() -> Plant:
    return Plant()


@pytest.fixture
def state() -> State:
    return State(plant_time=datetime(2026, 11, 24, tzinfo=UTC))


@pytest.fixture
def operator(plant: Plant, state: State) -> Operator:
    return Operator(state, cast("dict[str, Node]", plant), 5, 360.0)


async def press(operator: Operator, keys: str) -> None:
    for key in keys:
        await operator.press(key)


async def test_a_number_and_enter_begin_a_fault(
    plant: Plant, state: State, operator: Operator
) -> None:
    await press(operator, "14")
    assert (state.typed, plant.done) == ("14", [])
    await press(operator, "\n")
    assert (state.typed, plant.done) == ("", [("Fault", 14)])
    assert state.message == "IDV(14) begins"
    await press(operator, "0\n1\x7f2\rc")
    assert plant.done[1:] == [("Fault", 0), ("Fault", 2), ("Fault", 0)]
    assert state.message == "All faults end"


async def test_a_wrong_number_is_said_and_other_keys_do_nothing(
    plant: Plant, state: State, operator: Operator
) -> None:
    await press(operator, "30\n")
    assert state.message == "There is no IDV(30): type 1 to 29, or 0 for none"
    await press(operator, "\nxé²\t7\x1b\n\x7f")
    assert (state.message, state.typed, plant.done) == ("", "", [])


async def test_the_first_fault_comes_once_the_model_predicts(
    plant: Plant, state: State, operator: Operator
) -> None:
    await operator.start()
    await operator.look()
    assert plant.done == [("SetSpeed", 2000.0), ("Resume",)]
    state.detection.add(0.5, "Uncertain")
    await operator.look()
    await operator.look()
    assert plant.done[2:] == [("SetSpeed", 360.0), ("InjectFault", 5, 1.0, 1.0)]
    assert state.coming == (5, datetime(2026, 11, 24, 1, tzinfo=UTC))
    await press(operator, "4\n")
    assert state.coming is None


async def test_who_chooses_before_has_no_other_fault(
    plant: Plant, state: State, operator: Operator
) -> None:
    await press(operator, "c+")
    state.detection.add(0.5, "Good")
    await operator.look()
    assert plant.done == [("Fault", 0), ("SetSpeed", 720.0)]
    assert state.coming is None


async def test_the_speed_stays_within_its_limits_and_r_resets(
    plant: Plant, state: State, operator: Operator
) -> None:
    state.filling = False
    await press(operator, "+++" + "-" * 12 + "r")
    speeds = [done[1] for done in plant.done[:-1]]
    assert speeds[:4] == [720.0, 1440.0, 2000.0, 1000.0]
    assert speeds[-2:] == [1.0, 1.0]
    assert plant.done[-1] == ("Reset",)
