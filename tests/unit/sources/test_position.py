"""Which message is next, whatever order they come in; how many Publish requests are kept."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from opcua_ai.sources._decode import Message
from opcua_ai.sources._position import LAST, Position, distance, following
from opcua_ai.sources._publish import FEWEST_REQUESTS, MOST_REQUESTS, Depth


def message(number: int, **more) -> Message:
    return Message(7, number, **more)


def numbers(messages: list[Message]) -> list[int]:
    return [m.sequence for m in messages]


def test_numbers_roll_over_to_one():
    assert (following(LAST), following(LAST - 1), following(1, LAST)) == (1, LAST, 1)
    assert (distance(LAST, 1), distance(1, LAST), distance(LAST - 1, 3)) == (1, -1, 4)


@given(
    st.sampled_from([1, 5, LAST - 3, LAST]),
    st.lists(st.integers(0, 9), max_size=30),
    st.sets(st.integers(0, 9)),
)
def test_each_message_once_and_in_order_around_the_roll_over(first, arrivals, lost):
    """Ten messages in any order, some twice; those that never come are given up at the end."""
    position = Position(7, first, first)
    delivered = []
    for step in arrivals:
        if step not in lost:
            delivered += numbers(position.arrived(message(following(first, step))))
    came = {step for step in arrivals if step not in lost}
    given_up = 0
    while position.missing:
        gone, ready = position.skip(1)
        given_up += gone
        delivered += numbers(ready)
    assert delivered == [following(first, step) for step in sorted(came)]
    assert given_up == (max(came) + 1 - len(came) if came else 0)
    assert len(position.take_acknowledgements()) == sum(step not in lost for step in arrivals)
    assert not position.received


def test_a_keep_alive_tells_what_is_missing_and_is_not_acknowledged():
    position = Position(7)
    assert position.arrived(message(1, keep_alive=True)) == []
    assert position.missing == 0
    position.arrived(message(3, keep_alive=True))
    assert position.missing == 2
    position.arrived(message(2, keep_alive=True))
    assert position.missing == 2
    assert position.acknowledgements == []


def test_messages_of_another_subscription_are_acknowledged_only():
    position = Position(7)
    assert position.arrived(Message(8, 40)) == []
    assert (position.missing, position.take_acknowledgements()) == (0, [(8, 40)])


def test_what_the_server_still_has_after_a_transfer():
    position = Position(7, 5, 5)
    position.arrived(message(6))
    position.acknowledgements.clear()
    position.resume([3, 4, 5, 6, 7])
    assert position.missing == 3
    assert position.acknowledgements == [(7, 3), (7, 4), (7, 6)]


def test_a_wide_gap_is_given_up_at_once():
    position = Position(7)
    position.arrived(message(2_000_000))
    position.arrived(message(1000))
    lost, ready = position.skip(1_999_990)
    assert (lost, numbers(ready), position.missing) == (1_999_989, [1000], 10)


def test_as_many_requests_as_are_answered_in_one_round_trip():
    depth = Depth()
    assert depth.wanted == FEWEST_REQUESTS
    depth.round_trip_s = 0.1
    for answer in range(40):
        depth.answered(answer * 0.02)
    assert depth.wanted == FEWEST_REQUESTS + 5
    for answer in range(40):
        depth.answered(1 + answer * 0.001)
    assert depth.wanted == MOST_REQUESTS
    assert depth.refused(4)
    assert depth.wanted == 3
    assert not depth.refused(1)
    assert depth.wanted == 1
