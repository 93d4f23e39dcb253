"""Reports as tables in the terminal."""

from __future__ import annotations

import re

from rich.console import Console
from rich.table import Table

from opcua_ai.inference.manifest import Figures, Manifest
from opcua_ai.training.evaluation import FAULT, FaultReport, flat_figures, number, run_cells
from opcua_ai.training.regression import RegressionReport


def show_faults(console: Console, report: FaultReport, manifest: Manifest) -> None:
    """Main figures, one row per fault, and the confusion matrix."""
    console.print(_figures(flat_figures(report)))
    console.print(_per_fault(report))
    console.print(_confusion(report, manifest))


def show_regression(console: Console, report: RegressionReport, manifest: Manifest) -> None:
    """Errors over all test runs and run by run."""
    unit = manifest.outputs[0].unit
    table = Table(title=f"Test runs, errors in {unit}" if unit else "Test runs")
    table.add_column("run")
    for name in ("RMSE", "MAE", "R2", "in interval %"):
        table.add_column(name, justify="right")
    rows = {
        "kinds of runs that the fit has seen": report.overall,
        "all": report.everything,
        **report.per_run,
    }
    for name, found in rows.items():
        table.add_row(
            name,
            number(found.rmse, 3),
            number(found.mae, 3),
            number(found.r2, 3),
            number(found.coverage, 1),
        )
    console.print(table)


def _figures(figures: Figures) -> Table:
    table = Table("figure", "value", title="Test runs")
    for name, value in figures.items():
        table.add_row(name, "" if value is None else str(value))
    return table


def _per_fault(report: FaultReport) -> Table:
    table = Table(title="Fault by fault (delays in rows)")
    table.add_column("run")
    for name in ("FDR", "FAR", "delay", "named after", "precision", "recall", "F1"):
        table.add_column(name, justify="right")
    for found, cells in run_cells(report):
        table.add_row(f"{found.run} {found.label}", *cells)
    return table


def _confusion(report: FaultReport, manifest: Manifest) -> Table:
    """Percent of each fault's rows; columns by position in the list of labels."""
    labels = manifest.output(FAULT).labels
    title = "Confusion, percent of the true fault's rows (down) by the name given (across)"
    table = Table(title=title, box=None, padding=0)  # 21 classes fit in 80 columns
    table.add_column("true", no_wrap=True, min_width=8)
    numbers = [re.sub(r"\D", "", label) for label in labels]
    if len(set(numbers)) < len(labels) or "" in numbers:
        numbers = [str(position) for position in range(1, len(labels) + 1)]
        labels = [f"{n} {label}" for n, label in zip(numbers, labels, strict=True)]
    for heading in numbers:
        table.add_column(heading, justify="right", no_wrap=True, min_width=3)
    for label, row in zip(labels, report.naming.confusion, strict=True):
        total = max(int(row.sum()), 1)
        cells = [f"{100 * int(n) / total:.0f}" if n else "·" for n in row]
        table.add_row(label, *cells)
    return table
