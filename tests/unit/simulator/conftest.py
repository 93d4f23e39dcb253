"""Reference values of the Tennessee Eastman process, see tests/data/README.md."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

_FILE = Path(__file__).parents[2] / "data" / "tennessee_eastman.npz"


@pytest.fixture(scope="session")
def reference() -> SimpleNamespace:
    with np.load(_FILE) as arrays:
        return SimpleNamespace(**arrays)
