"""The figures in Prometheus' words."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from opcua_ai.core import status as codes
from opcua_ai.core.ports import SourceStats
from opcua_ai.core.types import FaultVerdict, ModelHealth, ModelState
from opcua_ai.metrics.figures import Figures

PAGE = Path(__file__).parents[3] / "docs/how-to/watch-the-collector.md"
MOMENT = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def figures() -> Figures:
    return Figures()


def shown(figures: Figures) -> dict[str, float]:
    """Series -> value, as they are exposed."""
    registry = CollectorRegistry()
    registry.register(figures)
    lines = generate_latest(registry).decode().splitlines()
    pairs = (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    return {series: float(value) for series, value in pairs}


async def test_a_source(figures: Figures) -> None:
    stats = SourceStats(
        values=10, reconnects=1, bad_tags=2, gaps=3, lost_messages=4, overflows=5, filled=6,
        lag_s=0.25, cpu_s=1.5,
    )  # fmt: skip
    await figures.publish_source("plant", "running", stats)
    expected = {
        "up": 1, "values_total": 10, "reconnects_total": 1, "bad_tags": 2, "gaps_total": 3,
        "lost_messages_total": 4, "overflows_total": 5, "filled_values_total": 6,
        "lag_seconds": 0.25, "cpu_seconds_total": 1.5,
    }  # fmt: skip
    found = shown(figures)
    for name, value in expected.items():
        assert found[f'opcua_ai_source_{name}{{source="plant"}}'] == value, name
    stats.values = 20
    assert shown(figures)['opcua_ai_source_values_total{source="plant"}'] == 20, "as of now"
    await figures.publish_source("plant", "lost", stats)
    assert shown(figures)['opcua_ai_source_up{source="plant"}'] == 0


async def test_a_model(figures: Figures) -> None:
    health = ModelHealth(
        ModelState.RUNNING, last_run=MOMENT, runs=7, missed_runs=1, latency=0.02, coverage=75.0
    )
    await figures.publish_health("faults", health)
    expected = {
        "up": 1, "runs_total": 7, "missed_runs_total": 1, "latency_seconds": 0.02,
        "input_coverage_ratio": 0.75, "last_run_timestamp_seconds": MOMENT.timestamp(),
    }  # fmt: skip
    found = shown(figures)
    for name, value in expected.items():
        assert found[f'opcua_ai_model_{name}{{model="faults"}}'] == value, name


async def test_what_is_not_known_is_not_shown(figures: Figures) -> None:
    await figures.publish_source("plant", "connecting", SourceStats())
    await figures.publish_health("faults", ModelHealth())
    names = " ".join(shown(figures))
    for name in ("lag_seconds", "latency_seconds", "coverage", "last_run"):
        assert name not in names, name


async def test_alarms_by_decision(figures: Figures) -> None:
    for asset, active in (("a", True), ("b", True), ("b", False), ("c", True)):
        verdict = FaultVerdict(asset, active, "secret fault", 700, "", codes.GOOD, 0)
        await figures.publish_decision("alarm", "FaultPrediction", verdict)
    found = shown(figures)
    assert found['opcua_ai_alarms_active{decision="alarm"}'] == 2
    assert "secret" not in " ".join(found)


async def test_the_heartbeat(figures: Figures) -> None:
    await figures.beat()
    await figures.beat()
    assert shown(figures)["opcua_ai_heartbeats_total"] == 2


async def test_the_page_names_each_figure_and_no_other(figures: Figures) -> None:
    registry = CollectorRegistry()
    registry.register(figures)
    types = re.findall(r"^# TYPE (\S+) ", generate_latest(registry).decode(), re.MULTILINE)
    others = {"opcua_ai_build_info", "opcua_ai_event_loop_lag_seconds"}
    documented = re.findall(r"opcua_ai_[a-z_]+", PAGE.read_text("utf-8"))
    bare = {re.sub("_bucket$", "", name) for name in documented}
    assert bare == set(types) | others


async def test_a_source_that_the_configuration_has_no_more_has_no_figures() -> None:
    figures = Figures()
    for name in ("plant", "other"):
        await figures.publish_source(name, "running", SourceStats())
    await figures.forget_source("plant")
    text = generate_latest(figures).decode()
    assert 'source="other"' in text and 'source="plant"' not in text
