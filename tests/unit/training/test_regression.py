"""Regression: the cost formula, errors over whole runs, intervals of runs left out."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from opcua_ai.core.errors import DataError
from opcua_ai.training.config import RegressionSection
from opcua_ai.training.data import Run
from opcua_ai.training.judge import evaluate
from opcua_ai.training.regression import Rows, left_out_interval, target_of
from opcua_ai.training.targets import tep_cost


def test_the_cost_of_the_base_case() -> None:
    # base case of Downs and Vogel (1993): 114.7 + 30.3 + 18.3 + 7.3 = 170.6 $/h
    base = {
        10: 0.33712, 17: 22.949, 19: 230.31, 20: 341.43, 29: 32.958, 31: 23.978, 32: 1.2565,
        33: 18.579, 34: 2.2633, 35: 4.8436, 36: 2.2986, 37: 0.01787, 38: 0.83570, 39: 0.09858,
    }  # fmt: skip
    row = np.array([[base[int(name[6:-1])] for name in tep_cost.COLUMNS]])
    assert tep_cost.compute(row)[0] == pytest.approx(170.6, abs=0.2)


def test_the_interval_is_that_of_runs_left_out() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 1))
    run = np.repeat(np.arange(3), 100)
    y = 2.0 * x[:, 0] + np.array([-5.0, 0.0, 5.0])[run]  # each run has an offset of its own
    low, high = left_out_interval(Rows(x, y, run), 0.95)
    assert low < -7.0 and high > 7.0  # inside the fit they would be 5


def test_a_gap_in_a_column_of_the_target_is_named() -> None:
    table = np.ones((3, len(tep_cost.COLUMNS)))
    table[1, 4] = np.nan
    run = Run("r", "train", "normal", 0, {c: i for i, c in enumerate(tep_cost.COLUMNS)}, table)
    with pytest.raises(DataError, match="run r: row 1: the target 'tep_cost'"):
        target_of(run, RegressionSection(target="tep_cost"))


def test_the_shipped_cost_model_is_evaluated_from_data(tmp_path: Path) -> None:
    console = Console(file=io.StringIO(), width=120)
    report = evaluate(
        "tep_cost", console, png_file=tmp_path / "x.png", json_file=tmp_path / "x.json"
    )
    assert report.overall.r2 > 0.98
    assert 85.0 < report.overall.coverage <= 100.0
    record = json.loads((tmp_path / "x.json").read_text())
    assert record["overall"]["r2"] == pytest.approx(report.overall.r2)
    assert (tmp_path / "x.png").read_bytes().startswith(b"\x89PNG")
