"""When a recommendation is news, and when it expires."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any

import pytest
from asyncua import ua

from opcua_ai.core import status as codes
from opcua_ai.core.types import NS, Recommendation, Tag
from opcua_ai.server.occurrence import Occurrence
from opcua_ai.server.recommendations import Recommendations, State
from opcua_ai.server.values import node_id

START = 1_700_000_000
MEMBERS = """TargetNode TargetPath CurrentValue RecommendedValue ClampedValue ClampReason State
ExpectedBenefit BenefitLow BenefitHigh Confidence Reason ExpiresAt""".split()
NODES = {name: node_id(name, 2) for name in MEMBERS} | {"": node_id("purge", 2)}
RAISE = Recommendation(
    "line1", "purge", Tag("Plant/purge", "nsu=urn:plant;s=P"), 40.0, 100.0, 42.0, "step", 1.0,
    "$/h", 0.5, 1.5, 0.9, "raise purge", codes.GOOD, START * NS, (START + 900) * NS,
)  # fmt: skip


class Rig:
    """Recommendations on a clock that stands still."""

    def __init__(self) -> None:
        self.shown: dict[ua.NodeId, ua.DataValue] = {}
        self.events: list[Occurrence] = []
        self.clock = 0.0
        kind, module = node_id(1008, 2), node_id("AIAdvisory", 2)
        self._all = Recommendations(kind, module, self._write, self._emit, lambda: self.clock)

    async def _write(self, values: Iterable[tuple[ua.NodeId, ua.DataValue]]) -> None:
        self.shown.update(values)

    async def _emit(self, event: Occurrence) -> None:
        self.events.append(event)

    async def say(self, second: int, **changes: Any) -> None:
        at = (START + second) * NS
        r = dataclasses.replace(RAISE, source_time=at, expires=at + 900 * NS, **changes)
        await self._all.publish(NODES, node_id("line1", 2), r)

    async def wait(self, seconds: float) -> None:
        self.clock += seconds
        await self._all.expire()

    def value(self, name: str) -> ua.DataValue:
        return self.shown[NODES[name]]

    @property
    def told(self) -> list[tuple[State, float]]:
        return [
            (State(e.fields["State"].Value), e.fields["ClampedValue"].Value) for e in self.events
        ]


@pytest.fixture
def rig() -> Rig:
    return Rig()


async def test_the_first_one_is_proposed_and_climbs(rig: Rig) -> None:
    await rig.say(0)
    (event,) = rig.events
    assert event.notifiers == {node_id("line1", 2), node_id("AIAdvisory", 2), ua.NodeId(2253)}
    assert event.fields["SourceName"].Value == "line1"
    assert event.fields["Recommendation"].Value == NODES[""]
    assert event.fields["Time"].Value.timestamp() == START
    assert event.fields["Message"].Value.Text == "Proposed: raise purge"


async def test_noise_is_no_news(rig: Rig) -> None:
    for second in range(1000):
        noise = 0.4 * (-1) ** second
        await rig.say(second, current=40 + noise, clamped=42 + noise)
    assert len(rig.events) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"clamped": 38.0},
        {"clamped": 40.0, "recommended": 40.0},
        {"recommended": 90.0},
        {"current": 43.0, "clamped": 45.0},
    ],
    ids=["lower", "hold", "another best", "the setpoint was moved"],
)
async def test_another_proposal_is_news(rig: Rig, changes: dict[str, float]) -> None:
    await rig.say(0)
    await rig.say(100, **changes)
    assert [state for state, _ in rig.told] == [State.Proposed, State.Proposed]


async def test_at_its_limit_it_does_not_chatter(rig: Rig) -> None:
    await rig.say(0)
    for second in range(100, 2000):
        await rig.say(second, current=60 + 0.01 * (-1) ** second, clamped=60.0)
    assert rig.told == [(State.Proposed, 42.0), (State.Proposed, 60.0)]


async def test_to_hold_a_moving_setpoint_is_no_news(rig: Rig) -> None:
    for second in range(0, 1000, 100):
        at = 40.0 + second
        await rig.say(second, current=at, recommended=at, clamped=at)
    assert len(rig.events) == 1


async def test_what_swings_is_told_once_in_a_tenth_of_its_validity(rig: Rig) -> None:
    for second in range(900):
        await rig.say(second, clamped=42.0 if second % 2 else 38.0)
    assert 5 <= len(rig.events) <= 10


async def test_it_expires_on_the_plants_clock(rig: Rig) -> None:
    await rig.say(0)
    await rig.wait(900)
    assert len(rig.events) == 1, "not before ExpiresAt has passed"
    await rig.wait(0.1)
    assert rig.told[1:] == [(State.Expired, 42.0)]
    assert rig.events[-1].fields["Time"].Value.timestamp() == START + 900
    state, clamped = rig.value("State"), rig.value("ClampedValue")
    assert state.Value is not None
    assert (state.Value.Value, state.StatusCode) == (State.Expired, ua.StatusCode())
    assert clamped.StatusCode == ua.StatusCode(codes.UNCERTAIN_LAST_USABLE_VALUE)
    await rig.wait(1000)
    assert len(rig.events) == 2


async def test_inputs_that_go_on_carry_its_clock(rig: Rig) -> None:
    """A plant that runs faster than this machine's clock, with nothing usable any more."""
    await rig.say(0)
    await rig.say(901, status=codes.BAD_NO_DATA)
    await rig.wait(1)
    assert rig.told[1:] == [(State.Expired, 42.0)]


async def test_a_newer_one_keeps_it_from_expiring(rig: Rig) -> None:
    for second in range(0, 3000, 100):
        await rig.say(second)
        await rig.wait(100)
    assert len(rig.events) == 1


async def test_bad_ones_leave_it_expired_and_a_usable_one_is_news_again(rig: Rig) -> None:
    await rig.say(0)
    await rig.wait(901)
    await rig.say(0, status=codes.BAD_OUT_OF_SERVICE)
    assert rig.value("State").Value == ua.Variant(int(State.Expired), ua.VariantType.Int32)
    assert rig.value("ClampedValue").StatusCode == ua.StatusCode(codes.BAD_OUT_OF_SERVICE)
    await rig.say(1000)
    assert rig.value("State").Value == ua.Variant(int(State.Proposed), ua.VariantType.Int32)
    assert [state for state, _ in rig.told] == [State.Proposed, State.Expired, State.Proposed]


async def test_what_waits_is_neither_proposed_nor_expires(rig: Rig) -> None:
    waiting = dataclasses.replace(
        RAISE, status=codes.BAD_WAITING_FOR_INITIAL_DATA, source_time=0, expires=0
    )
    await rig._all.publish(NODES, node_id("line1", 2), waiting)
    await rig.wait(10_000)
    assert rig.events == []
    assert rig.value("State").StatusCode == ua.StatusCode(codes.BAD_WAITING_FOR_INITIAL_DATA)
