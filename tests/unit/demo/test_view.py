from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from rich.console import Console

from opcua_ai.demo import view
from opcua_ai.demo.processes import free_port
from opcua_ai.demo.show import save_screen
from opcua_ai.demo.state import Alarm, State, Trend

ONSET = datetime(2026, 11, 24, tzinfo=UTC)


def state() -> State:
    found = State(
        plant_endpoint="opc.tcp://127.0.0.1:4840/simulator",
        labels=["IDV(1)", "IDV(5)"],
        probabilities=[0.1, 0.9],
        fault=5,
        fault_name="Condenser cooling water inlet temperature: step",
        onset=ONSET,
        plant_time=ONSET + timedelta(minutes=60),
        filling=False,
        speed=360.0,
        keys=True,
    )
    found.plant["XMEAS(7)"] = Trend("Reactor pressure", "kPa")
    for value in (2700.0, 2705.0, 2710.0):
        found.plant["XMEAS(7)"].add(value, "Good")
    found.detection.add(3.5, "Good")
    found.alarms.append(Alarm(True, "Unusual operation", 700, ONSET + timedelta(minutes=9)))
    found.alarms.append(Alarm(True, "Predicted fault: IDV(5)", 700, ONSET + timedelta(minutes=18)))
    found.recommendation |= {"Reason": "lower XMV(6)", "ExpectedBenefit": 5.6, "BenefitLow": 5.0}
    return found


def test_a_sparkline_spans_its_range() -> None:
    assert view.sparkline([0.0, 1.0, 7.0]) == "▁▂█"
    assert view.sparkline([2.0, 2.0]) == "▄▄"
    assert view.sparkline([]) == ""


def drawn(state: State, width: int = 120, height: int = 34) -> str:
    with Path("/dev/null").open("w") as nowhere:
        console = Console(width=width, height=height, record=True, file=nowhere)
        console.print(view.screen(state))
        return console.export_text()


@pytest.mark.parametrize(("width", "height"), [(120, 34), (80, 24)])
def test_the_screen_shows_plant_fault_alarm_advice_and_keys(width: int, height: int) -> None:
    text = drawn(state(), width, height)
    for part in (
        *("XMEAS(7)", "2710", "kPa", "3.50 (limit 1)", "IDV(5)", "90%", "360x"),
        "IDV(5) since 60 plant minutes  Condenser cooling water inlet temp",
        "alarm after 9 plant minutes, right name after 18",
        "Predicted fault",
        "lower XMV(6)",
        "q: quit",
    ):
        assert part in text, part


@pytest.mark.parametrize(("width", "height"), [(120, 34), (80, 24)])
def test_a_trip_says_why_and_what_to_do(width: int, height: int) -> None:
    tripped = state()
    tripped.trip = "reactor pressure above 3000 kPa"
    expected = "TRIPPED: reactor pressure above 3000 kPa; r brings the plant back"
    assert expected in drawn(tripped, width, height)


def test_the_first_fault_is_announced_and_can_be_changed() -> None:
    coming = State(filling=False, coming=(5, ONSET), keys=True, typed="1", message="no")
    text = drawn(coming)
    assert "normal; IDV(5) begins at 00:00:00 plant time; type another number" in text
    assert "Fault: 1_  no" in text
    coming.keys = False
    text = drawn(coming)
    assert "type another number" not in text
    assert "Ctrl-C ends" in text


def test_a_plain_line_tells_the_same() -> None:
    line = view.line(state())
    assert line.startswith("2026-11-24 01:00 (IDV(5) since 60 plant minutes) | ")
    assert "detection index 3.50 (limit 1) | IDV(5) 90%" in line
    assert "alarm: Predicted fault: IDV(5)" in line
    assert "no prediction (Bad) | no diagnosis" in view.line(State())


def test_delays_count_from_the_onset_and_only_what_came_after_it() -> None:
    found = state()
    assert found.alarm_delay() == 9.0
    found.onset = ONSET + timedelta(minutes=10)
    assert found.alarm_delay() == 8.0
    assert found.alarm_delay("IDV(1)") is None
    assert view.delays(found) == "alarm after 8 plant minutes, right name after 8"
    found.alarms.clear()
    assert view.delays(found) == "no alarm yet"
    assert view.delays(State()) == ""


def test_a_screenshot_calls_nowhere(tmp_path: Path) -> None:
    target = tmp_path / "demo.svg"
    save_screen(state(), target)
    text = target.read_text()
    assert "<svg" in text
    assert "url(http" not in text
    assert 'url("http' not in text


def test_a_taken_port_is_replaced() -> None:
    import socket

    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        assert free_port(taken) != taken
    assert free_port(taken) == taken
