"""What all benchmarks do with their results: a table for people, a file for comparison."""

from __future__ import annotations

import json
import os
import platform
from importlib.metadata import version
from pathlib import Path

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).parents[2]


def machine() -> dict[str, object]:
    return {
        "cpu": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "load": os.getloadavg()[0],
        "python": platform.python_version(),
        **{name: version(name) for name in ("numpy", "tensorflow", "asyncua")},
    }


def report(name: str, title: str, results: dict[str, dict[str, float]]) -> None:
    """Print and write the results, rows by name, each with the same columns."""
    described = machine()
    table = Table(title=title)
    table.add_column("")
    for column in next(iter(results.values())):
        table.add_column(column.replace("_", " "), justify="right")
    for row, values in results.items():
        table.add_row(row, *(f"{value:.4g}" for value in values.values()))
    Console().print(table)
    target = ROOT / "bench-results" / f"{name}.json"
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps({"machine": described, "results": results}, indent=1))
    print(f"written to {target.relative_to(ROOT)}\n")
