"""Steady states to start from: the base case and the six optimal modes.

Sources: base case of Downs and Vogel (1993); modes 1 to 6 from the archive of N. L. Ricker,
Optimal steady-state operation of the Tennessee Eastman challenge process, Computers chem. Engng
19 (1995) 949-959. States and XMV stand in ``operating_points.json``.
"""

from __future__ import annotations

import json
from importlib import resources
from typing import NamedTuple

import numpy as np

from opcua_ai_simulator.arrays import FloatArray

_PACKAGE = "opcua_ai_simulator.plants.tennessee_eastman"


class OperatingPoint(NamedTuple):
    states: FloatArray
    """float64[50], see ``process``."""
    xmv: FloatArray
    """float64[12] in %."""


def load(name: str) -> OperatingPoint:
    """``base`` or ``mode1`` to ``mode6``."""
    text = (resources.files(_PACKAGE) / "operating_points.json").read_text("utf-8")
    point = json.loads(text)[name]
    return OperatingPoint(np.array(point["states"]), np.array(point["xmv"]))


NAMES = ("base", "mode1", "mode2", "mode3", "mode4", "mode5", "mode6")
