"""The table: what stands out is coloured, what does not fit in a narrow terminal is left out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from opcua_ai.top.figures import Figures, Members

WIDE = 110
"""Columns of a terminal from which on everything is shown."""
_HEALTH = ("NORMAL", "FAILURE", "CHECK_FUNCTION", "OFF_SPEC", "MAINTENANCE_REQUIRED")
_STATES = {
    "running": "green", "Running": "green", "lost": "bold red", "Failed": "bold red",
}  # fmt: skip
_NONE = "-"
_FRAME = 10
"""Lines of the screen that are no rows: what is above the tables, their heads, and what is left
out."""


def duration(milliseconds: float) -> str:
    """With the unit that fits: ``12 ms``, ``3.4 s``, ``2.1 d``."""
    size, sign = abs(milliseconds), "-" if milliseconds < 0 else ""
    for unit, length in (("d", 86_400_000), ("h", 3_600_000), ("min", 60_000), ("s", 1000)):
        if size >= length:
            return f"{sign}{_short(size / length)} {unit}"
    return f"{sign}{_short(size)} ms"


def _short(number: float) -> str:
    return f"{number:.0f}" if number >= 9.95 else f"{number:.2g}"


def count(number: float) -> str:
    """``12,345``, ``1.23M``"""
    if abs(number) < 1e6:
        return f"{number:,.0f}"
    return f"{number / 1e6:.4g}M" if abs(number) < 1e9 else f"{number / 1e9:.4g}G"


def rate(number: float) -> str:
    """As ``count``, with a digit more where it is small."""
    return f"{number:.1f}" if 0 < number < 10 else count(number)


def percent(number: float) -> str:
    return f"{number:.1f} %" if 0 < number < 9.95 else f"{number:.0f} %"


@dataclass(frozen=True)
class _Column:
    title: str
    member: str
    form: Callable[[float], str] | None = None
    """None: text, to the left."""
    alarming: Callable[[float], bool] = lambda _: False
    wide: bool = False
    """Only where there is room."""
    folds: bool = False
    """Gives way where there is none: over several lines."""

    def cell(self, members: Members) -> Text:
        value = members.get(self.member)
        if isinstance(value, int | float) and self.form is not None:
            return Text(self.form(value), style="yellow" if self.alarming(value) else "")
        if value is None or value == "":
            return Text(_NONE, style="dim")
        style = _STATES.get(str(value), "yellow") if self.member == "State" else ""
        return Text(str(value), style=style)


def _some(number: float) -> bool:
    return number > 0


_SOURCES = (
    _Column("state", "State"),
    _Column("values/s", "ValuesPerSecond", rate),
    _Column("lag", "Lag", duration),
    _Column("gaps", "Gaps", count, _some),
    _Column("lost", "LostMessages", count, _some),
    _Column("overfl.", "Overflows", count, _some),
    _Column("filled", "FilledValues", count, wide=True),
    _Column("reconn.", "Reconnects", count, _some),
    _Column("bad tags", "BadTags", count, _some, wide=True),
    _Column("CPU", "CpuLoad", percent, lambda load: load > 80),
    _Column("endpoint", "ActiveEndpoint", wide=True, folds=True),
)
_MODELS = (
    _Column("state", "State"),
    _Column("latency", "LastLatency", duration),
    _Column("runs", "Runs", count),
    _Column("missed", "MissedRuns", count, _some),
    _Column("inputs", "InputCoverage", percent, lambda share: share < 100),
    _Column("bundle", "ModelId", wide=True),
    _Column("version", "Version", wide=True),
    _Column("why", "StateMessage", folds=True),
)


def screen(
    endpoint: str, figures: Figures, width: int, height: int | None = None, gone: str = ""
) -> RenderableType:
    """Everything, or what fits in the height; ``gone`` says why the figures are old."""
    parts: list[RenderableType] = [_head(endpoint, figures)]
    if gone:
        parts.append(Text(gone, style="bold white on red"))
    sources, models = _room(height, len(figures.sources), len(figures.models))
    parts += ["", *_table("source", _SOURCES, figures.sources, width, sources)]
    parts += ["", *_table("model", _MODELS, figures.models, width, models)]
    return Group(*parts)


def _room(height: int | None, sources: int, models: int) -> tuple[int, int]:
    """Rows for the two tables: each gets half of them, and what the other one does not need."""
    if height is None:
        return sources, models
    rows = max(2, height - _FRAME)
    for_models = min(models, max(rows // 2, rows - sources))
    return rows - for_models, for_models


def _head(endpoint: str, figures: Figures) -> Text:
    module = figures.module
    alarms, age = module.get("ActiveAlarms"), figures.heartbeat_age_s
    level, health = figures.service_level, module.get("DeviceHealth")
    named = _HEALTH[health] if isinstance(health, int) and 0 <= health < len(_HEALTH) else _NONE
    since = _NONE if age is None else f"{age:.0f} s ago"
    return Text.assemble(
        ("opcua-ai top", "bold"), "  ", endpoint, "\n",
        "heartbeat ", (f"{module.get('Heartbeat', _NONE)}", "bold"),
        (f", {since}", "bold red" if figures.stands_still else ""),
        "   service level ", (_NONE if level is None else str(level), _colour(level == 255)),
        "   health ", (named, "bold red" if health == 1 else _colour(health == 0)),
        "   alarms ", (_NONE if alarms is None else str(alarms), _colour(not alarms)),
    )  # fmt: skip


def _colour(good: bool) -> str:
    return "green" if good else "yellow"


def _table(
    what: str, columns: Sequence[_Column], rows: Mapping[str, Members], width: int, most: int
) -> Iterator[RenderableType]:
    if not rows:
        yield Text(f"no {what}", style="dim")
        return
    roomy = width >= WIDE
    shown = [column for column in columns if roomy or not column.wide]
    table = Table(box=None, pad_edge=False, padding=(0, 2 if roomy else 1, 0, 0))
    table.add_column(what, no_wrap=True, overflow="ellipsis", max_width=24 if roomy else 14)
    for column in shown:
        justify = "left" if column.form is None else "right"
        table.add_column(column.title, justify=justify, no_wrap=not column.folds)
    for name, members in _worst(rows, most):
        table.add_row(Text(name, style="bold"), *(column.cell(members) for column in shown))
    yield table
    if len(rows) > most:
        yield Text(f"and {len(rows) - most} more", style="dim")


def _worst(rows: Mapping[str, Members], most: int) -> list[tuple[str, Members]]:
    """As many as there is room for: where not all have it, those first that do not run."""
    order = list(rows.items())
    if len(order) > most:
        order.sort(key=lambda row: str(row[1].get("State")).lower() == "running")
    return order[:most]
