"""History over the wire: node-opcua reads what the server has kept (Part 11)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from opcua_ai.server.advisory import AdvisoryServer
from tests.integration.node_client import needs_node, start
from tests.integration.server.history.recorded import (
    CLASS,
    LABEL,
    LINE,
    LOAD,
    TARGET,
    iso,
)

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.fixture
def ask(server: AdvisoryServer, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Run commands of history.js; their answers."""

    async def run(*commands: dict[str, Any]) -> list[dict[str, Any]]:
        pki = tmp_path_factory.getbasetemp() / "node-pki"
        client = await start(pki, server.endpoint, json.dumps(commands), script="history.js")
        try:
            await client.until("done")
        finally:
            await client.close()
        return client.all("answer")

    return run


class TestNodeOpcua:
    pytestmark = needs_node

    async def test_raw_values_page_by_page(self, ask: Any) -> None:
        whole, paged, backward, bounds = await ask(
            {"do": "raw", "node": LOAD, "start": iso(0), "end": iso(100)},
            {"do": "raw", "node": LOAD, "start": iso(0), "end": iso(100), "number": 33},
            {"do": "raw", "node": LOAD, "start": iso(12), "end": iso(10)},
            {"do": "raw", "node": LOAD, "start": iso(98.5), "end": iso(100.5), "bounds": True},
        )
        assert whole["pages"] == [100]
        assert whole["values"][0] == [iso(0), 0, "Good"]
        assert whole["values"][50] == [iso(50), 50, "BadOutOfService"]
        assert whole["values"][60] == [iso(60), 60, "UncertainSubNormal"]
        assert paged["pages"] == [33, 33, 33, 1]
        assert paged["values"] == whole["values"]
        assert [value for _, value, _ in backward["values"]] == [12, 11]
        assert bounds["values"] == [
            [iso(98), 98, "Good"], [iso(99), 99, "Good"], [iso(100.5), None, "BadBoundNotFound"],
        ]  # fmt: skip

    async def test_number_alone_ends_a_read_that_has_one_time(self, ask: Any) -> None:
        newest, nothing, neither = await ask(
            {"do": "raw", "node": LOAD, "end": iso(1000), "number": 2},
            {"do": "raw", "node": LOAD, "start": iso(1000), "end": iso(2000)},
            {"do": "raw", "node": LOAD, "start": iso(0)},
        )
        assert [value for _, value, _ in newest["values"]] == [99, 98]
        assert newest["pages"] == [2]
        assert nothing["status"] == "GoodNoData"
        assert neither["status"] == "BadHistoryOperationInvalid"

    async def test_texts_are_kept_when_they_change(self, ask: Any) -> None:
        labels, classes, clamped = await ask(
            {"do": "raw", "node": LABEL, "start": iso(0), "end": iso(100)},
            {"do": "at", "node": CLASS, "times": [iso(19.5)]},
            {"do": "at", "node": TARGET, "times": [iso(5), iso(20), iso(30)]},
        )
        assert labels["values"] == [[iso(0), "normal", "Good"], [iso(20), "fault 5", "Good"]]
        # there is nothing between two classes
        assert classes["values"] == [[iso(19.5), 0, "Good Interpolated"]]
        assert clamped["values"] == [
            [iso(5), None, "BadNoData"], [iso(20), 10, "Good Interpolated"], [iso(30), 30, "Good"],
        ]  # fmt: skip

    async def test_values_at_times(self, ask: Any) -> None:
        sloped, simple = await ask(
            {"do": "at", "node": LOAD, "times": [iso(1), iso(1.5), iso(50), iso(200)]},
            {"do": "at", "node": LOAD, "times": [iso(1.5), iso(50)], "simple": True},
        )
        assert sloped["values"] == [
            [iso(1), 1, "Good"],
            [iso(1.5), 1.5, "Good Interpolated"],
            [iso(50), 50, "BadOutOfService"],  # it is there: nothing to interpolate
            [iso(200), 99, "UncertainDataSubNormal Interpolated"],
        ]
        assert simple["values"] == [
            [iso(1.5), 1.5, "Good Interpolated"],
            [iso(50), 50, "BadOutOfService"],
        ]

    async def test_aggregates(self, ask: Any) -> None:
        def asked(function: str, start: int = 0, end: int = 40) -> dict[str, Any]:
            return {
                "do": "aggregate", "node": LOAD, "start": iso(start), "end": iso(end),
                "interval": 20_000, "function": function,
            }  # fmt: skip

        names = ("Average", "Minimum", "Maximum", "Count", "TimeAverage", "Interpolative")
        answers = await ask(*(asked(name) for name in names), asked("Average", 40, 60))
        found = {name: answer["values"] for name, answer in zip(names, answers, strict=False)}
        wanted = {
            "Average": (9.5, 29.5), "Minimum": (0, 20), "Maximum": (19, 39), "Count": (20, 20),
            "TimeAverage": (10, 30), "Interpolative": (0, 20),
        }  # fmt: skip
        for name, (first, second) in wanted.items():
            # a value that is one of the samples is raw, the others are calculated
            good = "Good" if name in ("Minimum", "Interpolative") else "Good Calculated"
            assert found[name] == [[iso(0), first, good], [iso(20), second, good]], name
        # one of twenty is Bad
        average = (sum(range(40, 60)) - 50) / 19
        assert answers[-1]["values"] == [[iso(40), average, "UncertainDataSubNormal Calculated"]]

    async def test_aggregates_that_do_not_fit_the_node(self, ask: Any) -> None:
        (answer,) = await ask({
            "do": "aggregate", "node": LABEL, "start": iso(0), "end": iso(10), "interval": 0,
            "function": "Average",
        })  # fmt: skip
        assert answer["status"] == "BadAggregateNotSupported"

    async def test_events_of_an_asset(self, ask: Any) -> None:
        asked = {"do": "events", "start": iso(-10), "end": iso(100)}
        of_asset, of_server, others, none = await ask(
            {**asked, "node": LINE},
            {**asked, "node": "ns=0;i=2253", "type": "AlarmConditionType", "number": 1},
            {**asked, "node": LINE, "type": "AuditEventType"},
            {**asked, "node": LINE, "start": iso(500), "end": iso(600)},
        )
        assert of_asset["events"][0] | {"EventType": ""} == {
            "EventType": "", "SourceName": "line1", "Time": iso(0), "Message": "Fault 5 is coming",
            "Severity": "700", "ActiveState.Id": "true",
        }  # fmt: skip
        assert [event["Message"] for event in of_asset["events"][1:]] == ["Proposed: cheaper"]
        assert of_server["events"] == of_asset["events"][:1]
        assert (others["status"], others["events"]) == ("GoodNoData", [])
        assert (none["status"], none["events"]) == ("GoodNoData", [])

    async def test_a_released_point_is_gone(self, ask: Any) -> None:
        (answer,) = await ask(
            {"do": "release", "node": LOAD, "start": iso(0), "end": iso(100), "number": 10}
        )
        assert answer["first"] == 10
        assert answer["released"] == "Good"
        assert answer["again"] == "BadContinuationPointInvalid"
