"""Least squares: exact where it can be, honest where it cannot."""

import logging

import numpy as np
import pytest

from opcua_ai.core.types import Window
from opcua_ai.inference import load_bundle, write_bundle
from opcua_ai.inference.kinds import linear
from opcua_ai.inference.manifest import InputSpec, OutputSpec
from opcua_ai.inference.samples import sample_manifest, sample_windows

X = np.array([[1.0, 2.0], [2.0, 3.0], [3.0, 4.0], [4.0, 5.0]])
Y = np.array([3.0, 4.0, 5.0, 6.0])


def test_four_rows_predict_seven_and_the_deficient_rank_is_said(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING):
        fit = linear.fit(X, Y, ("X1", "X2"))
    assert fit.intercept + np.array([5.0, 6.0]) @ fit.coefficients == pytest.approx(7.0)
    assert fit.rank == 2
    assert "rank-deficient: rank 2 of 3 columns" in fit.warning
    assert "X1, X2" in fit.warning
    assert fit.warning in caplog.text


def test_a_full_rank_fit_has_no_warning_and_textbook_errors() -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(200, 2))
    y = 3.0 + x @ np.array([2.0, -1.0]) + 0.1 * rng.normal(size=200)
    fit = linear.fit(x, y)
    assert fit.warning == ""
    assert fit.coefficients == pytest.approx([2.0, -1.0], abs=0.05)
    design = np.column_stack([np.ones(200), x])
    residual = y - design @ np.array([fit.intercept, *fit.coefficients])
    expected = residual @ residual / 197 * np.linalg.inv(design.T @ design)
    np.testing.assert_allclose(fit.covariance, expected[1:, 1:], rtol=1e-9)


def test_slopes_bounds_and_parts_are_in_engineering_units(tmp_path) -> None:
    output = OutputSpec(name="y", type="value", unit="kW", interval=(-1.0, 2.0), level=0.95)
    manifest = sample_manifest("linear", "regression", (output,))
    fit = linear.Fit(100.0, np.array([4.0, -2.0, 0.0]), np.diag([0.04, 0.01, 0.0]), 4)
    folder = write_bundle(
        tmp_path, manifest, {linear.FILE: linear.to_bytes(fit, 2)}, sample_windows(manifest)
    )
    value = np.tile([10.0, 20.0, 30.0], (4, 1))
    value[2:, 0] = [12.0, 14.0]  # the mean of the two newest rows is 1.5 std above normal
    window = Window(value, np.zeros(value.shape, np.uint32), 9, 8)
    (found,) = load_bundle(folder).predict([window])[0]
    assert found.value == pytest.approx(106.0)
    assert (found.lower, found.upper) == pytest.approx((105.0, 108.0))
    assert found.confidence == 0.95
    assert found.slopes["A"] == pytest.approx((2.0, 0.1))
    assert found.slopes["B"] == pytest.approx((-1.0, 0.05))
    assert [(c.tag, c.weight) for c in found.contributions] == [("A", 1.0)]
    assert found.contributions[0].text == "A 2.0 std above normal"


def test_a_rank_deficient_bundle_predicts_and_carries_its_warning(tmp_path) -> None:
    fit = linear.fit(X - X.mean(axis=0), Y, ("X1", "X2"))
    base = sample_manifest("linear", "regression", (OutputSpec(name="y", type="value"),))
    inputs = tuple(
        InputSpec(name=n, mean=float(m), std=1.0)
        for n, m in zip(("X1", "X2"), X.mean(axis=0), strict=True)
    )
    training = base.training.model_copy(update={"warnings": (fit.warning,)})
    manifest = base.model_copy(update={"inputs": inputs, "rows": 1, "training": training})
    folder = write_bundle(
        tmp_path, manifest, {linear.FILE: linear.to_bytes(fit, 1)}, sample_windows(manifest)
    )
    model = load_bundle(folder)
    window = Window(np.array([[5.0, 6.0]]), np.zeros((1, 2), np.uint32), 1, 1)
    assert model.predict([window])[0][0].value == pytest.approx(7.0)
    assert "rank-deficient" in model.manifest.training.warnings[0]
