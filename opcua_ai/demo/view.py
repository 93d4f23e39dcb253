"""The demo in the terminal: a live Rich screen, or plain lines where there is no terminal."""

from __future__ import annotations

import math

from rich.console import Group, RenderableType
from rich.layout import Layout
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from opcua_ai.demo.state import TREND, State

_BLOCKS = "▁▂▃▄▅▆▇█"
_COLOURS = {"Good": "green", "Uncertain": "yellow", "Bad": "red"}


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


def screen(state: State, tags: list[str]) -> RenderableType:
    layout = Layout()
    layout.split_column(
        Layout(_header(state), size=4),
        Layout(name="middle"),
        Layout(_recommendation(state), size=6),
        Layout(_alarm(state), size=5),
    )
    layout["middle"].split_row(
        Layout(Panel(_plant(state, tags), title="Plant tags"), ratio=2),
        Layout(Panel(_faults(state), title="Fault prediction"), ratio=1),
    )
    return layout


def _header(state: State) -> Panel:
    text = Text.assemble(
        ("plant    ", "dim"), state.plant_endpoint, f"   {state.rate:.0f} values/s\n",
        ("advisory ", "dim"), state.server_endpoint, f"   heartbeat {state.heartbeat}",
    )  # fmt: skip
    when = f"{state.plant_time:%Y-%m-%d %H:%M} plant time" if state.plant_time else ""
    return Panel(text, title="opcua-ai demo", subtitle=f"{when}  {phase(state)}  Ctrl-C ends")


def phase(state: State) -> str:
    if not state.fault:
        return "normal operation"
    if state.fault_is_in:
        return f"IDV({state.fault}) has been in for {(state.row - state.onset) * 3} plant minutes"
    rows = state.onset - state.row
    return f"normal; IDV({state.fault}) begins in {rows} row{'s' if rows != 1 else ''}"


def detection(state: State) -> str:
    """The index, or what it waits for."""
    index = state.detection
    if math.isnan(index.value):
        return f"waiting ({state.models.get('faults', {}).get('StateMessage') or index.quality})"
    return f"{number(index.value, 3)} (limit 1) {index.quality}"


def _plant(state: State, tags: list[str]) -> Table:
    table = Table(expand=True, box=None, padding=(0, 1))
    table.add_column("Tag", no_wrap=True, min_width=9)
    table.add_column("Value", no_wrap=True, justify="right", min_width=7)
    table.add_column("Unit", no_wrap=True, min_width=5)
    table.add_column("Trend", no_wrap=True, min_width=TREND)
    table.add_column("", no_wrap=True, ratio=1, overflow="ellipsis")
    for name in tags:
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
        (sparkline(list(index.history)), style), "\n",
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
        f"{benefit(state)}\n",
        ("Advisory only: nothing is written to the plant.", "dim"),
    )
    return Panel(text, title="Recommended setpoint")


def benefit(state: State) -> str:
    r = state.recommendation
    low, high = number(r.get("BenefitLow"), 3), number(r.get("BenefitHigh"), 3)
    return f"saves {number(r.get('ExpectedBenefit'), 3)} $/h (95 %: {low} to {high})"


def _alarm(state: State) -> Panel:
    if not state.alarms:
        return Panel(Text("no alarm", style="green"), title="Alarm (OPC UA event)")
    newest = state.alarms[-1]
    style = "bold white on red" if newest.active else "green"
    when = f"{newest.when:%H:%M:%S} " if newest.when else ""
    text = Text(f"{when}severity {newest.severity}: {newest.message}", style=style)
    return Panel(text, title="Alarm (OPC UA event)")


def line(state: State) -> str:
    """One plain line for logs and pipes."""
    likely = ", ".join(f"{label} {p:.0%}" for label, p in state.top_faults(2))
    alarm = state.alarms[-1].message if state.alarms and state.alarms[-1].active else "none"
    return (
        f"row {state.row} ({phase(state)}) | detection index {detection(state)} | "
        f"{likely or 'no diagnosis'} | alarm: {alarm} | {state.rate:.0f} values/s"
    )
