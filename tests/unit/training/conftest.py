"""A plant with two faults that trains in seconds."""

from pathlib import Path

import numpy as np
import pytest

CONFIG = """
name = "tiny"
version = "1.0.0"
title = "Tiny"
task = "fault"
seeds = [1]
period_s = 1.0
rows = 6
runs = [
  { name = "n", use = "train" },
  { name = "f", use = "train", label = "F" },
  { name = "g", use = "train", label = "G" },
  { name = "n_te", use = "test" },
  { name = "f_te", use = "test", label = "F", onset = 20 },
  { name = "g_te", use = "test", label = "G", onset = 20 },
]
inputs = [{ name = "A" }, { name = "B" }, { name = "C" }]
[labels]
F = "F high"
G = "G low"
[data]
file = "runs.npz"
columns = ["A", "B", "C"]
[network]
architecture = "cnn_gru"
epochs = 4
batch = 16
learning_rate = 0.02
options = { filters = 4, units = 4, hidden = 8, dropout = 0.1 }
[detector]
past = 2
future = 2
states = 3
folds = 3
[evaluation.subsets]
"only F" = ["G"]
"""


def run(rows: int, seed: int, shift: float = 0.0, onset: int = 0) -> np.ndarray:
    x = np.random.default_rng(seed).normal(size=(rows, 3))
    x[onset:, 0] += shift
    return x


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """Path of a configuration whose data lies beside it."""
    np.savez(
        tmp_path / "runs.npz",
        n=run(300, 0),
        f=run(60, 1, 6.0),
        g=run(60, 2, -6.0),
        n_te=run(100, 3),
        f_te=run(80, 4, 6.0, 20),
        g_te=run(80, 5, -6.0, 20),
    )
    path = tmp_path / "tiny.toml"
    path.write_text(CONFIG)
    return path
