"""What a client sends becomes what a plant expects, or an error."""

import math

import pytest

from opcua_ai_simulator.commands import accept, coerce
from opcua_ai_simulator.errors import InvalidArgumentError, OutOfRangeError
from opcua_ai_simulator.plant import Control


@pytest.mark.parametrize(
    ("value", "wanted", "expected"),
    [
        (5, "Int32", 5),
        (-(2**31), "Int32", -(2**31)),
        (2**32 - 1, "UInt32", 2**32 - 1),
        (5, "Double", 5.0),
        (1.5, "Double", 1.5),
        (True, "Boolean", True),
        ("d05", "String", "d05"),
    ],
)
def test_accepts_any_integer_for_an_integer_and_any_number_for_a_double(value, wanted, expected):
    assert coerce(value, wanted) == expected
    assert type(coerce(value, wanted)) is type(expected)


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (True, "Int32"),
        (5.0, "Int32"),
        ("5", "UInt32"),
        (None, "Double"),
        (True, "Double"),
        ([1.0], "Double"),
        (1, "Boolean"),
        (1, "String"),
        (None, "String"),
    ],
)
def test_refuses_another_kind(value, wanted):
    with pytest.raises(InvalidArgumentError):
        coerce(value, wanted)


@pytest.mark.parametrize(("value", "wanted"), [(2**31, "Int32"), (-1, "UInt32"), (2**32, "UInt32")])
def test_refuses_integers_that_do_not_fit(value, wanted):
    with pytest.raises(OutOfRangeError):
        coerce(value, wanted)


def test_leaves_nan_to_the_range_checks():
    assert math.isnan(float(coerce(math.nan, "Double")))


def test_a_control_with_states_takes_their_numbers():
    mode = Control("Mode", "UInt32", "Of a pump", lambda: 0, states=("Off", "On"))
    assert accept(mode, 1) == 1
    with pytest.raises(OutOfRangeError, match="choose 0 to 1"):
        accept(mode, 2)
    with pytest.raises(InvalidArgumentError):
        accept(mode, "On")
