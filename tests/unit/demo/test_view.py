from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from opcua_ai.demo import view
from opcua_ai.demo.processes import free_port
from opcua_ai.demo.run import SHOWN, _save_screen
from opcua_ai.demo.state import Alarm, State, Trend


def state() -> State:
    found = State(
        plant_endpoint="opc.tcp://127.0.0.1:4840/simulator",
        labels=["IDV(1)", "IDV(5)"],
        probabilities=[0.1, 0.9],
        fault=5,
        onset=160,
        row=180,
        plant_time=datetime(2026, 11, 24, tzinfo=UTC),
    )
    found.plant["XMEAS(7)"] = Trend("Reactor pressure", "kPa")
    for value in (2700.0, 2705.0, 2710.0):
        found.plant["XMEAS(7)"].add(value, "Good")
    found.detection.add(3.5, "Good")
    found.alarms.append(Alarm(True, "Predicted fault: IDV(5)", 700, None))
    found.recommendation |= {"Reason": "lower XMV(6)", "ExpectedBenefit": 5.6, "BenefitLow": 5.0}
    return found


def test_a_sparkline_spans_its_range() -> None:
    assert view.sparkline([0.0, 1.0, 7.0]) == "▁▂█"
    assert view.sparkline([2.0, 2.0]) == "▄▄"
    assert view.sparkline([]) == ""


def test_the_screen_shows_value_fault_alarm_and_advice_even_on_a_small_terminal() -> None:
    for width, height in ((120, 34), (80, 24)):
        console = Console(width=width, height=height, record=True, file=Path("/dev/null").open("w"))
        console.print(view.screen(state(), SHOWN))
        text = console.export_text()
        console.file.close()
        for part in ("XMEAS(7)", "2710", "kPa", "IDV(5)", "90%", "Predicted fault", "lower XMV(6)"):
            assert part in text, (part, width)


def test_a_plain_line_tells_the_same() -> None:
    line = view.line(state())
    assert "IDV(5) has been in for 60 plant minutes" in line
    assert "detection index 3.5 (limit 1) Good | IDV(5) 90%" in line
    assert "alarm: Predicted fault: IDV(5)" in line
    assert "waiting (Bad) | no diagnosis" in view.line(State())


def test_a_screenshot_calls_nowhere(tmp_path: Path) -> None:
    target = tmp_path / "demo.svg"
    _save_screen(state(), target)
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
