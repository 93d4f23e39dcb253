"""The detector: honest limits, and the same figures as Keras layers."""

import numpy as np
import pytest

from opcua_ai.core.errors import DataError
from opcua_ai.inference.kinds.keras import import_keras
from opcua_ai.training.config import DetectorSection
from opcua_ai.training.detector import Detector, detection_layers, fit_detector

SETTINGS = DetectorSection(
    past=3, future=2, states=3, average_rows=2, ridge=0.01, false_alarms=0.02, folds=4
)


def process(rows: int, seed: int, shift: float = 0.0) -> np.ndarray:
    """Two slow sources seen by four scaled tags; ``shift`` breaks their bond."""
    rng = np.random.default_rng(seed)
    source = np.zeros((rows, 2))
    for i in range(1, rows):
        source[i] = 0.7 * source[i - 1] + rng.normal(size=2)
    mix = np.array([[1.0, 1.0, 0.0, 0.5], [0.0, 0.5, 1.0, -0.5]])
    x = source @ mix + 0.1 * rng.normal(size=(rows, 4))
    x[:, 0] += shift
    return x / np.array([1.4, 1.6, 1.4, 1.0])


@pytest.fixture(scope="module")
def detector() -> Detector:
    return fit_detector([process(600, 1)], SETTINGS)


def scores(detector: Detector, scaled: np.ndarray) -> np.ndarray:
    """What the layers compute, for every row with enough past; 1 = limit."""
    return (detector.statistics(scaled) / detector.limits).max(axis=1)


def test_few_false_alarms_on_another_normal_run(detector: Detector) -> None:
    assert (scores(detector, process(2000, 2)) > 1.0).mean() < 0.06


def test_a_broken_bond_is_seen(detector: Detector) -> None:
    assert (scores(detector, process(500, 3, shift=1.0)) > 1.0).mean() > 0.9


def test_one_score_per_row_with_enough_past(detector: Detector) -> None:
    assert len(scores(detector, process(50, 4))) == 50 - 3 - 2 + 2


def test_the_layers_compute_the_same(detector: Detector) -> None:
    keras = import_keras()
    rows = process(60, 5)
    windows = np.stack([rows[i : i + 8] for i in range(40)])
    entry = keras.Input((8, 4))
    model = keras.Model(entry, detection_layers(detector, entry, "detection"))
    found = np.asarray(model(windows.astype(np.float32)))[:, 0]
    expected = [scores(detector, w)[-1] for w in windows]
    np.testing.assert_allclose(found, expected, rtol=1e-3)


def test_too_short_a_run_is_named() -> None:
    with pytest.raises(DataError, match="has 20 rows; the detector needs 28"):
        fit_detector([process(20, 6)], SETTINGS)
