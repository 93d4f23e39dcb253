"""Figures of merit against values worked out by hand and by scikit-learn."""

import math

import numpy as np
import pytest
from sklearn.metrics import f1_score

from opcua_ai.training.metrics import (
    detection_auc,
    first_consecutive,
    judge_names,
    judge_regression,
    judge_run,
    subset_accuracy,
)


@pytest.mark.parametrize(
    ("alarms", "expected"),
    [("00111", 2), ("11011", None), ("111", 0), ("11", None), ("", None), ("0110111", 4)],
)
def test_first_of_three_consecutive_alarms(alarms: str, expected: int | None) -> None:
    assert first_consecutive(np.array([a == "1" for a in alarms], bool), 3) == expected


def test_a_run_is_split_at_its_onset() -> None:
    # rows 2..9 are judged, the fault begins at row 5
    alarm = np.array([0, 1, 0, 0, 1, 1, 1, 1], bool)
    found = judge_run("r", "IDV(1)", alarm, first_row=2, onset=5, consecutive=3)
    assert found.far == pytest.approx(1 / 3)
    assert found.fdr == pytest.approx(4 / 5)
    assert found.delay == 1


def test_a_normal_run_has_false_alarms_only() -> None:
    found = judge_run("n", "normal", np.array([1, 0, 0, 0], bool), 1, 5, 3)
    assert found.far == 0.25
    assert math.isnan(found.fdr) and found.delay is None


def test_names_by_hand() -> None:
    truth = np.array([0, 0, 0, 1, 1, 2])
    guess = np.array([0, 0, 1, 1, 1, 0])
    probabilities = np.eye(3)[guess] * 0.8 + 0.1
    found = judge_names(truth, probabilities, ["a", "b", "c"])
    assert found.accuracy == pytest.approx(4 / 6)
    assert found.per_class["a"] == pytest.approx((2 / 3, 2 / 3, 2 / 3))
    assert found.per_class["b"] == pytest.approx((2 / 3, 1.0, 0.8))
    assert found.per_class["c"] == (0.0, 0.0, 0.0)
    assert found.macro_f1 == pytest.approx(f1_score(truth, guess, average="macro"))
    assert found.confusion.tolist() == [[2, 1, 0], [0, 2, 0], [1, 0, 0]]
    assert 0.5 < found.auc < 1.0


def test_a_subset_leaves_out_rows_and_answers() -> None:
    truth = np.array([0, 1, 2])
    probabilities = np.array([[0.3, 0.2, 0.5], [0.1, 0.8, 0.1], [0.0, 0.0, 1.0]])
    assert subset_accuracy(truth, probabilities, [2]) == 1.0
    assert subset_accuracy(truth, probabilities, []) == pytest.approx(2 / 3)


def test_auc_of_a_score() -> None:
    assert detection_auc(np.array([0.1, 0.2]), np.array([0.3, 0.15])) == 0.75
    assert math.isnan(detection_auc(np.array([]), np.array([1.0])))


def test_regression_by_hand() -> None:
    truth, guess = np.array([1.0, 2.0, 3.0]), np.array([1.0, 2.0, 5.0])
    found = judge_regression(truth, guess, (-1.0, 1.0))
    assert found.rmse == pytest.approx(math.sqrt(4 / 3))
    assert found.mae == pytest.approx(2 / 3)
    assert found.r2 == pytest.approx(-1.0)
    assert found.coverage == pytest.approx(200 / 3)
    assert math.isnan(judge_regression(truth, guess, None).coverage)
