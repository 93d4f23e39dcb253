"""Rates of a source over the heartbeat, and figures that are written when they change."""

from __future__ import annotations

import math

import pytest
from asyncua import ua

from opcua_ai.core import status as codes
from opcua_ai.core.ports import SourceStats
from opcua_ai.server.rates import Meter
from opcua_ai.server.shown import Shown
from opcua_ai.server.values import Stamp, double, node_id


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_what_the_counters_gain_in_a_second() -> None:
    clock, stats = Clock(), SourceStats(values=1000, cpu_s=1.0)
    meter = Meter(clock)
    assert math.isnan(meter.measure(stats).values_per_s), "one heartbeat tells no rate"
    clock.now += 2.0
    stats.values, stats.cpu_s = 1500, 1.5
    rates = meter.measure(stats)
    assert (rates.values_per_s, rates.cpu_load) == (250.0, 0.25)


def test_two_looks_within_a_heartbeat_are_one() -> None:
    clock = Clock()
    meter = Meter(clock)
    meter.measure(SourceStats())
    clock.now += 1.0
    first = meter.measure(SourceStats(values=100))
    clock.now += 0.01
    assert meter.measure(SourceStats(values=200)) == first
    clock.now += 0.99
    assert meter.measure(SourceStats(values=300)).values_per_s == pytest.approx(200.0)


def test_counters_that_begin_again_are_no_negative_rate() -> None:
    clock = Clock()
    meter = Meter(clock)
    meter.measure(SourceStats(values=1000))
    clock.now += 1.0
    assert meter.measure(SourceStats(values=30)).values_per_s == 30.0


def test_only_a_new_value_or_status_is_written() -> None:
    shown, node = Shown(), node_id("Gaps", 2)

    def written(value: float, status: int = codes.GOOD) -> list[tuple[ua.NodeId, ua.DataValue]]:
        return list(shown.changes([(node, Stamp(status)(double(value)))]))

    assert len(written(1.0)) == 1
    assert not written(1.0), "a new time alone is no change"
    assert len(written(2.0)) == 1
    assert len(written(2.0, codes.UNCERTAIN)) == 1
