"""The classical answer to the same question on the same split, from scikit-learn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.decomposition import PCA
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestClassifier
from sklearn.linear_model import RidgeCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from opcua_ai.core.types import FloatArray
from opcua_ai.training.evaluation import DETECTION, FAULT, Outputs
from opcua_ai.training.fit import Examples
from opcua_ai.training.windows import blocks

FAULT_BASELINE = "PCA T2/SPE on the newest row (90 % variance), random forest on window statistics"


class FaultBaseline:
    """PCA for detection, a random forest for the name."""

    def __init__(self, pca: Any, limits: FloatArray, forest: Any) -> None:
        self._pca, self._limits, self._forest = pca, limits, forest

    def predict(self, windows: FloatArray) -> Outputs:
        """Scaled windows [batch, rows, tags] -> detection (1 = limit) and fault probabilities."""
        score = (_pca_statistics(self._pca, windows[:, -1]) / self._limits).max(axis=1)
        return {
            DETECTION: score[:, None],
            FAULT: np.asarray(self._forest.predict_proba(window_statistics(windows))),
        }


def fit_fault_baseline(
    normal: Sequence[FloatArray], examples: Examples, false_alarms: float, folds: int, seed: int
) -> FaultBaseline:
    """Fit on scaled normal runs [n, tags] and the classifier's examples; the limit comes from
    held-back blocks, as the detector's does."""
    held: list[FloatArray] = []
    for run in normal:
        for block in blocks(len(run), folds):
            rest = np.delete(run, np.arange(block.start, block.stop), axis=0)
            held.append(_pca_statistics(_pca(rest), run[block]))
    statistics = np.concatenate(held)
    single = np.quantile(statistics, 1.0 - false_alarms, axis=0)
    joint = np.quantile((statistics / single).max(axis=1), 1.0 - false_alarms)
    forest = RandomForestClassifier(
        200, min_samples_leaf=2, max_features="sqrt", random_state=seed, n_jobs=1
    )
    forest.fit(window_statistics(examples.windows), examples.classes)
    return FaultBaseline(_pca(np.concatenate(normal)), single * joint, forest)


def window_statistics(windows: FloatArray) -> FloatArray:
    """Mean, standard deviation, newest value and change per tag [batch, 4 * tags]."""
    statistics: FloatArray = np.concatenate(
        [
            windows.mean(axis=1),
            windows.std(axis=1),
            windows[:, -1],
            windows[:, -1] - windows[:, 0],
        ],
        axis=1,
    )
    return statistics


def _pca(x: FloatArray) -> Any:
    return PCA(n_components=0.9, svd_solver="full").fit(x)


def _pca_statistics(pca: Any, x: FloatArray) -> FloatArray:
    """T2 and squared prediction error of scaled rows [n, 2]."""
    scores = pca.transform(x)
    residual = x - pca.inverse_transform(scores)
    t2 = (scores**2 / pca.explained_variance_).sum(axis=1)
    return np.stack([t2, (residual**2).sum(axis=1)], axis=1)


def regression_baselines(x: FloatArray, y: FloatArray, seed: int) -> dict[str, Any]:
    """Name -> fitted scikit-learn regressor on the same columns [n, tags]."""
    ridge = make_pipeline(StandardScaler(), RidgeCV(np.logspace(-2, 4, 13)))
    boosting = HistGradientBoostingRegressor(random_state=seed, max_iter=200)
    return {"ridge": ridge.fit(x, y), "gradient_boosting": boosting.fit(x, y)}
