"""How values look in a terminal."""

from __future__ import annotations

from typing import Any

from rich.console import Console


def table_console() -> Console:
    """A console whose tables do not wrap in a file or a pipe."""
    console = Console()
    return console if console.is_terminal else Console(width=160)


def quality_colour(name: str) -> str:
    """A Rich colour for the name of a StatusCode."""
    return "red" if name.startswith("Bad") else "yellow" if name.startswith("Unc") else "green"


def shown(value: Any) -> str:
    """A value for people."""
    if value is None:
        return "-"
    if isinstance(value, list):
        text = ", ".join(shown(item) for item in value)
    else:
        text = f"{value:.6g}" if isinstance(value, float) else str(value)
    return text if len(text) <= 40 else text[:37] + "..."
