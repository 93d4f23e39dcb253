"""Queues of items for events: what a full one loses, and how it says so (Part 4, 5.13.1.5)."""

from __future__ import annotations

from typing import Any

import pytest
from asyncua import ua
from asyncua.ua import uaerrors

from opcua_ai.server.asyncua_mends import filters
from opcua_ai.server.asyncua_mends.event_items import EventItem
from opcua_ai.server.values import node_id

OVERFLOW = node_id(ua.ObjectIds.EventQueueOverflowEventType)


def field(name: str) -> ua.SimpleAttributeOperand:
    return ua.SimpleAttributeOperand(
        BrowsePath=[ua.QualifiedName(name)], AttributeId=ua.AttributeIds.Value
    )


def wishes(size: int, discard_oldest: bool = True) -> ua.MonitoringParameters:
    selected = ua.EventFilter([field("EventType")], ua.ContentFilter())
    return ua.MonitoringParameters(7, 0.0, selected, size, discard_oldest)


def item(size: int, discard_oldest: bool = True) -> EventItem:
    request = ua.MonitoredItemCreateRequest(
        ua.ReadValueId(node_id(1), ua.AttributeIds.EventNotifier),
        ua.MonitoringMode.Reporting,
        wishes(size, discard_oldest),
    )
    return EventItem(request, 1)


def put(queue: EventItem, *names: str) -> list[bool]:
    return [queue.put(ua.EventFieldList(7, [ua.Variant(name)])) for name in names]


def taken(queue: EventItem, room: int = 100) -> list[Any]:
    events = queue.take(room)
    assert {event.ClientHandle for event in events} <= {7}
    values = [event.EventFields[0].Value for event in events]
    return ["lost" if value == OVERFLOW else value for value in values]


def test_the_overflow_comes_first_when_the_oldest_are_lost() -> None:
    queue = item(2)
    assert put(queue, "a", "b", "c", "d") == [True, True, False, False]
    assert queue.waiting == 3, "it takes no place of another event"
    assert taken(queue) == ["lost", "c", "d"]
    put(queue, "e")
    assert taken(queue) == ["e"]
    put(queue, "f", "g", "h")
    assert taken(queue) == ["lost", "g", "h"], "said again, for more were lost since"


def test_the_overflow_comes_last_when_the_newest_are_lost() -> None:
    queue = item(2, discard_oldest=False)
    put(queue, "a", "b", "c", "d")
    assert taken(queue, 1) == ["a"]
    assert taken(queue) == ["d", "lost"]
    assert queue.waiting == 0


def test_a_smaller_queue_loses_events() -> None:
    queue = item(10)
    put(queue, "a", "b", "c")
    queue.configure(wishes(2))
    assert taken(queue) == ["lost", "b", "c"]


def test_a_disabled_item_forgets() -> None:
    queue = item(2)
    put(queue, "a", "b", "c")
    queue.set_mode(ua.MonitoringMode.Disabled)
    assert queue.waiting == 0


@pytest.mark.parametrize(("wanted", "size"), [(0, 1_000), (1, 1_000), (2, 2), (10**6, 10_000)])
def test_the_size_is_revised(wanted: int, size: int) -> None:
    assert item(wanted).queue_size == size


@pytest.mark.parametrize("wanted", [None, ua.DataChangeFilter()])
def test_an_item_for_events_needs_a_filter_for_events(wanted: Any) -> None:
    with pytest.raises(uaerrors.BadMonitoredItemFilterInvalid):
        filters.check(wanted)


def test_a_filter_has_to_select_something() -> None:
    with pytest.raises(uaerrors.BadEventFilterInvalid):
        filters.check(ua.EventFilter([], ua.ContentFilter()))
