"""Deadbands against the last reported value (Part 4, 7.22.2)."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from asyncua import ua
from asyncua.server.address_space import AddressSpace, AttributeValue
from asyncua.ua import uaerrors

from opcua_ai.server.asyncua_mends.change_filter import change_filter
from opcua_ai.server.values import node_id

NODE = node_id("value", 2)
ITEM = ua.ReadValueId(NodeId=NODE, AttributeId=ua.AttributeIds.Value)
ABSOLUTE, PERCENT = ua.DeadbandType.Absolute, ua.DeadbandType.Percent
TRIGGER = ua.DataChangeTrigger


def deadband(kind: int, value: float, trigger: Any = TRIGGER.StatusValue) -> ua.DataChangeFilter:
    return ua.DataChangeFilter(trigger, kind, value)


def number(value: Any, status: int = 0, source: Any = None) -> ua.DataValue:
    kind = ua.VariantType.Double
    return ua.DataValue(ua.Variant(value, kind), ua.StatusCode(status), source)


async def test_a_slow_ramp_is_reported(watching: Any) -> None:
    ramp = [0.4 * step for step in range(1, 11)]  # each step is below the deadband of 1
    async with watching() as mended, watching(plain=True) as plain:
        for watcher in (mended, plain):
            await watcher.monitor(Filter=deadband(ABSOLUTE, 1.0))
        await mended.write(*ramp)
        assert await mended.numbers() == pytest.approx([0.0, 1.2, 2.4, 3.6])
        assert [v.Value.Value for r in plain.results for v in _values(r)] == [0.0]


async def test_percent_of_the_range(watching: Any) -> None:
    ramp = [1.5 * step for step in range(1, 6)]  # 1 % of 200 is 2
    async with watching() as mended, watching(plain=True) as plain:
        for watcher in (mended, plain):
            await watcher.monitor(Filter=deadband(PERCENT, 1.0))
        await mended.write(*ramp)
        assert await mended.numbers() == [0.0, 3.0, 6.0]
        assert [v.Value.Value for r in plain.results for v in _values(r)] == [0.0, *ramp]


def _values(result: ua.PublishResult) -> list[ua.DataValue]:
    return [
        item.Value
        for change in result.NotificationMessage.NotificationData
        for item in change.MonitoredItems
    ]


@pytest.mark.parametrize(
    ("old", "new", "passes"),
    [
        (number(1.0), number(2.0), False),  # exactly the deadband
        (number(1.0), number(2.001), True),
        (number(2.0), number(0.5), True),
        (number(1.0), number(1.0, ua.StatusCodes.UncertainSubNormal), True),
        (number(1.0), number(math.nan), True),
        (number(math.nan), number(1.0), True),
        (number([1.0, 5.0]), number([1.0, 5.5]), False),
        (number([1.0, 5.0]), number([1.0, 7.0]), True),
        (number([1.0]), number([1.0, 1.0]), True),
    ],
)
def test_absolute(aspace: AddressSpace, old: Any, new: Any, passes: bool) -> None:
    assert change_filter(aspace, ITEM, deadband(ABSOLUTE, 1.0))(old, new) is passes


def test_triggers(aspace: AddressSpace) -> None:
    now = datetime.now(UTC)
    old = number(1.0, source=now)
    later = number(1.0, source=now + timedelta(seconds=1))
    moved = number(2.0, source=now)
    bad = number(1.0, ua.StatusCodes.BadNoData, now)

    def passing(wanted: Any) -> list[bool]:
        passes = change_filter(aspace, ITEM, wanted)
        return [passes(old, new) for new in (later, moved, bad)]

    none = ua.DeadbandType.None_
    assert passing(None) == [False, True, True]
    assert passing(deadband(none, 0, TRIGGER.Status)) == [False, False, True]
    assert passing(deadband(none, 0, TRIGGER.StatusValueTimestamp)) == [True, True, True]
    assert passing(deadband(ABSOLUTE, 5, TRIGGER.Status)) == [False, False, True]
    assert passing(deadband(ABSOLUTE, 5, TRIGGER.StatusValueTimestamp)) == [True, False, True]


@pytest.mark.parametrize(
    ("wanted", "error"),
    [
        (deadband(ABSOLUTE, -1.0), uaerrors.BadDeadbandFilterInvalid),
        (deadband(ABSOLUTE, math.nan), uaerrors.BadDeadbandFilterInvalid),
        (deadband(PERCENT, 101.0), uaerrors.BadDeadbandFilterInvalid),
        (deadband(7, 1.0), uaerrors.BadDeadbandFilterInvalid),
        (ua.EventFilter(), uaerrors.BadFilterNotAllowed),
        (ua.AggregateFilter(), uaerrors.BadMonitoredItemFilterUnsupported),
    ],
)
async def test_a_bad_filter(watching: Any, wanted: Any, error: Any) -> None:
    async with watching() as mended, watching(plain=True) as plain:
        created = await mended.monitor(Filter=wanted)
        assert created.StatusCode.value == error.code
        if isinstance(wanted, ua.DataChangeFilter):
            assert (await plain.monitor(Filter=wanted)).StatusCode.is_good()


def test_a_percent_deadband_needs_a_range(aspace: AddressSpace) -> None:
    aspace[NODE].references.clear()
    with pytest.raises(uaerrors.BadMonitoredItemFilterUnsupported):
        change_filter(aspace, ITEM, deadband(PERCENT, 1.0))


def test_a_deadband_is_for_numbers(aspace: AddressSpace) -> None:
    text = ua.DataValue(ua.Variant("text", ua.VariantType.String))
    aspace[NODE].attributes[ua.AttributeIds.Value] = AttributeValue(text)
    with pytest.raises(uaerrors.BadFilterNotAllowed):
        change_filter(aspace, ITEM, deadband(ABSOLUTE, 1.0))


def test_a_number_that_has_no_value_yet(aspace: AddressSpace) -> None:
    aspace[NODE].attributes[ua.AttributeIds.Value] = AttributeValue(ua.DataValue())
    kind = ua.DataValue(ua.Variant(node_id(ua.ObjectIds.Double), ua.VariantType.NodeId))
    aspace[NODE].attributes[ua.AttributeIds.DataType] = AttributeValue(kind)
    passes = change_filter(aspace, ITEM, deadband(ABSOLUTE, 1.0))
    assert passes(ua.DataValue(), number(0.1))
