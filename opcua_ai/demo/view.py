"""The demo in the terminal: a live Rich screen, or plain lines where there is no terminal."""

from __future__ import annotations

import math

from rich.console import Group, RenderableType
from rich.layout import Layout
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from opcua_ai.demo.state import LAST_FAULT, TREND, State

_BLOCKS = "▁▂▃▄▅▆▇█"
_COLOURS = {"Good": "green", "Uncertain": "yellow", "Bad": "red"}
SHOWN = [
    "OperatingCost", "XMEAS(7)", "XMEAS(9)", "XMEAS(11)", "XMV(11)", "XMEAS(22)", "XMV(10)",
    "XMEAS(6)", "XMEAS(8)", "XMEAS(1)", "XMEAS(10)", "XMEAS(18)", "XMEAS(20)", "XMV(6)",
]  # fmt: skip
"""Tags, the most telling first: a small terminal has no room for all."""


def sparkline(values: list[float]) -> str:
    """One block character a value, scaled to the least and greatest of them."""
    if not values:
        return ""
    low, high = min(values), max(values)
    if high - low < 1e-12:
        return _BLOCKS[3] * len(values)
    return "".join(_BLOCKS[round((value - low) / (high - low) * 7)] for value in values)


def number(value: object, digits: int = 4) -> str:
    if isinstance(value, float):
        return "-" if math.isnan(value) else f"{value:.{digits}g}"
    return "-" if value is None else str(value)


def screen(state: State) -> RenderableType:
    layout = Layout()
    layout.split_column(
        Layout(_header(state), size=4),
        Layout(name="middle"),
        Layout(_situation(state), size=6),
        Layout(_recommendation(state), size=5),
        Layout(_keys(state), size=2),
    )
    layout["middle"].split_row(
        Layout(Panel(_plant(state), title="Plant tags"), ratio=2),
        Layout(Panel(_faults(state), title="Prediction"), ratio=1),
    )
    return layout


def _header(state: State) -> Panel:
    text = Text.assemble(
        ("plant    ", "dim"), state.plant_endpoint, f"   {state.rate:.0f} values/s\n",
        ("advisory ", "dim"), state.server_endpoint, f"   heartbeat {state.heartbeat}",
    )  # fmt: skip
    when = f"{state.plant_time:%Y-%m-%d %H:%M:%S} plant time, " if state.plant_time else ""
    pace = f"{state.reached:.0f}x of {state.speed:.0f}x"
    return Panel(text, title="opcua-ai demo", subtitle=when + pace)


def phase(state: State) -> str:
    """What the plant suffers."""
    if state.trip:
        return f"TRIPPED: {state.trip}"
    if state.fault:
        return f"IDV({state.fault}) since {_minutes_in(state):.0f} plant minutes"
    if state.filling:
        return "normal; runs fast until the model has a window"
    if state.coming is not None:
        fault, when = state.coming
        return f"normal; IDV({fault}) begins at {when:%H:%M:%S} plant time"
    return "normal operation"


def _minutes_in(state: State) -> float:
    if state.onset is None or state.plant_time is None:
        return 0.0
    return max(0.0, (state.plant_time - state.onset).total_seconds() / 60.0)


def delays(state: State) -> str:
    """How long the prediction took."""
    if not state.fault:
        return ""
    alarm, name = state.alarm_delay(), state.alarm_delay(f"IDV({state.fault})")
    if alarm is None:
        return "no alarm yet"
    named = "not named yet" if name is None else f"right name after {name:.0f}"
    return f"alarm after {alarm:.0f} plant minutes, {named}"


def _situation(state: State) -> Panel:
    """What the plant suffers beside what is predicted of it."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column()
    suffers = Text(phase(state), style="bold white on red" if state.trip else "bold")
    suffers.append(_hint(state), style="not bold")
    suffers.no_wrap, suffers.overflow = True, "ellipsis"
    grid.add_row("Plant", suffers)
    grid.add_row("Delay", delays(state))
    grid.add_row("Alarm", _alarm(state))
    return Panel(grid, title="Fault and alarm (OPC UA event)")


def _hint(state: State) -> str:
    """What the fault is, or what a person can do now."""
    if state.trip:
        return "; r brings the plant back" if state.keys else ""
    if state.fault:
        return f"  {state.fault_name}"
    return "; type another number" if state.keys and state.coming else ""


def _alarm(state: State) -> Text:
    if not state.alarms:
        return Text("none", style="green")
    newest = state.alarms[-1]
    style = "bold red" if newest.active else "green"
    since = f"since {newest.when:%H:%M:%S}, " if newest.when else ""
    return Text(f"{since}severity {newest.severity}: {newest.message}", style=style)


def _keys(state: State) -> Group:
    if not state.keys:
        return Group(Text("Ctrl-C ends", style="dim"))
    entry = Text(f" Fault: {state.typed}_  ", style="bold").append(state.message, style="yellow")
    keys = f" 1..{LAST_FAULT} Enter: fault   c: no fault   r: reset   + -: speed   q: quit"
    return Group(entry, Text(keys, style="dim"))


def detection(state: State) -> str:
    """The index, or what it waits for."""
    index = state.detection
    if math.isnan(index.value):
        why = state.models.get("faults", {}).get("StateMessage") or index.quality
        return f"no prediction ({why})"
    value = f"{index.value:.{0 if index.value >= 100 else 2}f} (limit 1)"
    return value if index.quality == "Good" else f"{value} {index.quality}"


def _plant(state: State) -> Table:
    table = Table(expand=True, box=None, padding=(0, 1))
    table.add_column("Tag", no_wrap=True, min_width=9)
    table.add_column("Value", no_wrap=True, justify="right", min_width=7)
    table.add_column("Unit", no_wrap=True, min_width=5)
    table.add_column("Trend", no_wrap=True, min_width=TREND)
    table.add_column("", no_wrap=True, ratio=1, overflow="ellipsis")
    for name in SHOWN:
        trend = state.plant.get(name)
        if trend is not None:
            colour = _COLOURS[trend.quality]
            line = Text(sparkline(list(trend.history)), style=colour)
            table.add_row(name, number(trend.value, 5), trend.unit, line, trend.title)
    return table


def _faults(state: State) -> Group:
    index = state.detection
    style = "bold red" if index.value > 1 else "green"
    head = Text.assemble(
        "Index ", (detection(state), style), "\n",
        (sparkline(list(index.history)), style),
    )  # fmt: skip
    bars = Table(expand=True, box=None, padding=(0, 1))
    bars.add_column("If a fault, it is", no_wrap=True)
    bars.add_column("", justify="right", no_wrap=True, min_width=4)
    bars.add_column("", ratio=1)
    for label, probability in state.top_faults():
        bars.add_row(label, f"{probability:.0%}", ProgressBar(1.0, max(probability, 0.0)))
    health = [
        f"{name}: {info.get('State', '')} {info.get('StateMessage', '')} "
        f"{number(info.get('LastLatency'), 3)} ms, missed {info.get('MissedRuns', 0)}"
        for name, info in sorted(state.models.items())
    ]
    return Group(head, bars, Text("\n" + "\n".join(health), style="dim"))


def _recommendation(state: State) -> Panel:
    r = state.recommendation
    if not r.get("Reason"):
        return Panel(Text("waiting for the cost model", style="dim"), title="Recommendation")
    text = Text.assemble(
        (f"{r.get('Reason')}\n", "bold"),
        f"now {number(r.get('CurrentValue'))}, advised {number(r.get('ClampedValue'))} "
        f"({r.get('ClampReason') or 'no limit binds'}; the model alone would go to "
        f"{number(r.get('RecommendedValue'))})\n",
        benefit(state),
    )
    return Panel(text, title="Recommended setpoint", subtitle="advisory only: never written")


def benefit(state: State) -> str:
    r = state.recommendation
    low, high = number(r.get("BenefitLow"), 3), number(r.get("BenefitHigh"), 3)
    return f"saves {number(r.get('ExpectedBenefit'), 3)} $/h (95 %: {low} to {high})"


def line(state: State) -> str:
    """One plain line for logs and pipes."""
    likely = ", ".join(f"{label} {p:.0%}" for label, p in state.top_faults(2))
    alarm = state.alarms[-1].message if state.alarms and state.alarms[-1].active else "none"
    when = f"{state.plant_time:%Y-%m-%d %H:%M}" if state.plant_time else "-"
    waited = delays(state)
    return (
        f"{when} ({phase(state)}) | detection index {detection(state)} | "
        f"{likely or 'no diagnosis'} | alarm: {alarm} | "
        f"{waited + ' | ' if waited else ''}{state.rate:.0f} values/s"
    )
