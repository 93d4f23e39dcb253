"""What all benchmarks do with their results: a table for people, a file for comparison."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import shutil
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import psutil
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).parents[2]
WIDTH = 140
"""Of a table that goes to a file."""


class NotPossibleError(Exception):
    """This machine lacks something that a benchmark needs; says what."""


def machine() -> dict[str, object]:
    return {
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
        "card": _card(),
        "system": platform.platform(),
        "load": os.getloadavg()[0],
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        **{name: version(name) for name in ("numpy", "tensorflow", "asyncua")},
    }


def _cpu() -> str:
    """The processor's model, as far as the system tells."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _card() -> str:
    """Graphics cards for computing."""
    asked = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
    if shutil.which(asked[0]) is None:
        return "none"
    return subprocess.run(asked, capture_output=True, text=True).stdout.strip() or "none"


def report(name: str, title: str, results: dict[str, dict[str, float]]) -> None:
    """Print and write the results, rows by name, each with the same columns."""
    described = machine()
    table = Table(title=title)
    table.add_column("", no_wrap=True)
    for column in next(iter(results.values())):
        table.add_column(column.replace("_", " "), justify="right")
    for row, values in results.items():
        table.add_row(row, *(f"{value:.4g}" for value in values.values()))
    console = Console()
    if not console.is_terminal:
        console.width = WIDTH
    console.print(table)
    target = ROOT / "bench-results" / f"{name}.json"
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps({"machine": described, "results": results}, indent=1))
    print(f"written to {target.relative_to(ROOT)}\n")
