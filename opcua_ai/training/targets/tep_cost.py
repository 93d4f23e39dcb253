"""Operating cost of the Tennessee Eastman process, computed from its measurements.

Source: Downs and Vogel, Computers chem. Engng 17 (1993) 245-255, table 9: purge losses, product
losses, compressor work and stripper steam. Base case 170.6 $/h.
"""

from __future__ import annotations

import numpy as np

from opcua_ai.core.types import FloatArray

OUTPUT = "cost"
UNIT = "$/h"
DESCRIPTION = "Operating cost computed from measured flows and compositions"

_PRICES = {"A": 2.206, "C": 6.177, "D": 22.06, "E": 14.56, "F": 17.89, "G": 30.44, "H": 22.94}
"""$ per kgmol lost."""
_PURGE = {"A": 29, "C": 31, "D": 32, "E": 33, "F": 34, "G": 35, "H": 36}
"""Component -> number of its purge analyser (mol%)."""
_PRODUCT = {"D": 37, "E": 38, "F": 39}
_PURGE_KGMOL = 44.79
"""kgmol per kscm of purge gas, XMEAS(10) in kscmh."""
_PRODUCT_KGMOL = 9.21
"""kgmol per m3 of product, XMEAS(17) in m3/h."""
_COMPRESSOR, _STEAM = 0.0536, 0.0318
"""$ per kWh and per kg."""

_NUMBERS = (10, 17, 19, 20, *_PURGE.values(), *_PRODUCT.values())
COLUMNS = tuple(f"XMEAS({n})" for n in _NUMBERS)


def compute(table: FloatArray) -> FloatArray:
    """Cost [n] in $/h of rows [n, COLUMNS]."""
    x = {number: table[:, i] for i, number in enumerate(_NUMBERS)}
    purge = _PURGE_KGMOL * x[10] * _lost(x, _PURGE)
    product = _PRODUCT_KGMOL * x[17] * _lost(x, _PRODUCT)
    return np.asarray(purge + product + _COMPRESSOR * x[20] + _STEAM * x[19])


def _lost(x: dict[int, FloatArray], analysers: dict[str, int]) -> FloatArray:
    """$ per kgmol of a stream."""
    parts = [_PRICES[c] * x[number] / 100.0 for c, number in analysers.items()]
    return np.asarray(np.sum(parts, axis=0))
