"""Array types of the package; apart from ``plant`` so that help needs no numpy."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
StatusArray = NDArray[np.uint32]
"""OPC UA status codes."""
BoolArray = NDArray[np.bool_]
IndexArray = NDArray[np.intp]
