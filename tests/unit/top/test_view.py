"""What the table shows, and in what width."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from rich.console import Console

from opcua_ai.top import view
from opcua_ai.top.figures import Figures, Members

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SOURCE: Members = {
    "State": "running", "ActiveEndpoint": "opc.tcp://10.0.0.17:4840/a/very/long/path",
    "ValuesPerSecond": 123456.0, "Lag": 12.0, "Gaps": 1, "LostMessages": 12345,
    "Overflows": 12345678, "FilledValues": 1200, "Reconnects": 33, "BadTags": 12, "CpuLoad": 3.04,
}  # fmt: skip
MODEL: Members = {
    "State": "Failed", "StateMessage": "ValueError: the input has 51 columns, 52 expected",
    "ModelId": "quality", "Version": "2.1.0", "InputCoverage": 71.0, "Runs": 1234567,
    "MissedRuns": 12,
}  # fmt: skip


def drawn(figures: Figures, width: int = 160, height: int | None = None, gone: str = "") -> str:
    console = Console(width=width, color_system=None)
    with console.capture() as capture:
        console.print(view.screen("opc.tcp://x", figures, width, height, gone))
    return capture.get()


def many(count: int) -> dict[str, Members]:
    return {f"s{i}": SOURCE for i in range(count)}


@pytest.mark.parametrize("width", [80, 160])
def test_nothing_is_cut_off(width: int) -> None:
    text = drawn(Figures({}, {"boiler_west_2": SOURCE}, {"quality": MODEL}), width)
    assert max(map(len, text.splitlines())) <= width
    assert "…" not in text
    for figure in ("123,456", "12 ms", "12,345", "12.35M", "33", "3.0 %", "1.235M", "71 %"):
        assert figure in text, figure
    assert ("endpoint" in text) == (width == 160)
    assert "52 expected" in " ".join(text.split())


def test_what_is_not_known_is_a_dash() -> None:
    lines = drawn(Figures({}, {"new": {"State": "connecting"}})).splitlines()
    (row,) = [line for line in lines if line.startswith("new")]
    assert set(row.split()[2:]) == {"-"}


def test_a_server_without_models() -> None:
    assert "no model" in drawn(Figures({}, {"plant": SOURCE}))


@pytest.mark.parametrize(("age_s", "still"), [(2, False), (30, True), (-1, False)])
def test_a_heartbeat_that_stands_still(age_s: float, still: bool) -> None:
    module = {"Heartbeat": 5, "HeartbeatPeriod": 1000.0}
    figures = Figures(module, heartbeat_at=NOW - timedelta(seconds=age_s), read_at=NOW)
    assert figures.stands_still is still
    assert f"heartbeat 5, {max(0, age_s)} s ago" in drawn(figures)


def test_a_server_that_is_gone() -> None:
    assert "gone for 3 s" in drawn(Figures({}, {"plant": SOURCE}), gone="gone for 3 s: refused")


def test_a_small_screen_shows_first_what_does_not_run() -> None:
    sources = many(50) | {"boiler": {**SOURCE, "State": "lost"}}
    text = drawn(Figures({}, sources, {"quality": MODEL}), 80, height=24)
    assert len(text.splitlines()) <= 24
    assert "boiler" in text
    assert "quality" in text
    assert "and 38 more" in text
    assert "more" not in drawn(Figures({}, sources, {"quality": MODEL}), 80)


def test_neither_table_takes_all_lines() -> None:
    text = drawn(Figures({}, many(50), dict.fromkeys(map("m{}".format, range(50)), SOURCE)), 80, 30)
    assert len(text.splitlines()) <= 30
    assert text.count("\ns") == 11  # ten rows and the head
    assert text.count("\nm") == 11


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [(0, "0 ms"), (0.42, "0.42 ms"), (12.4, "12 ms"), (3400, "3.4 s"), (-250, "-250 ms"),
     (120_000, "2 min"), (7.2e6, "2 h"), (1.8e8, "2.1 d")],
)  # fmt: skip
def test_durations(milliseconds: float, text: str) -> None:
    assert view.duration(milliseconds) == text


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0"), (12345.0, "12,345"), (1_234_567, "1.235M"), (2.5e9, "2.5G")]
)
def test_counts(number: float, text: str) -> None:
    assert view.count(number) == text


def test_small_rates_keep_a_digit() -> None:
    assert [view.rate(n) for n in (0.0, 0.5, 42.4)] == ["0", "0.5", "42"]
    assert [view.percent(n) for n in (0.0, 0.26, 50.2)] == ["0 %", "0.3 %", "50 %"]
