"""What the operation costs, from what the plant measures.

Source: J. J. Downs and E. F. Vogel, A plant-wide industrial process control problem, Computers
chem. Engng 17 (1993) 245-255, table 9. Row n - 1 of the arrays is XMEAS(n).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from opcua_ai_simulator.arrays import FloatArray
from opcua_ai_simulator.plants.tennessee_eastman.components import MOLAR_MASS, D, G, H

PRICES = np.array([2.206, 0.0, 6.177, 22.06, 14.56, 17.89, 30.44, 22.94])
"""$/kgmol of A to H; B is inert."""
_PURGE_DENSITY = 44.79  # kgmol per thousand standard cubic metres
_PRODUCT_DENSITY = 9.21  # kgmol per cubic metre
_PRODUCT_MASS = 620.0  # kg per cubic metre
_COMPRESSOR_PRICE = 0.0536  # $/kWh
_STEAM_PRICE = 0.0318  # $/kg
_PURGE, _PRODUCT, _STEAM, _COMPRESSOR = 9, 16, 18, 19
_IN_PURGE, _IN_PRODUCT = slice(28, 36), slice(36, 41)


class Cost(NamedTuple):
    """$/h, float64[...] each."""

    purge: FloatArray
    product_loss: FloatArray
    """D, E and F that leave with the product."""
    compressor: FloatArray
    steam: FloatArray

    @property
    def total(self) -> FloatArray:
        return self.purge + self.product_loss + self.compressor + self.steam


def operating_cost(xmeas: FloatArray) -> Cost:
    """From measurements float64[..., 41]; the base case costs 170.6 $/h."""
    lost = xmeas[..., _IN_PRODUCT][..., :3]
    return Cost(
        purge=_PURGE_DENSITY * xmeas[..., _PURGE] * (xmeas[..., _IN_PURGE] / 100.0 @ PRICES),
        product_loss=_PRODUCT_DENSITY * xmeas[..., _PRODUCT] * (lost / 100.0 @ PRICES[D:G]),
        compressor=_COMPRESSOR_PRICE * xmeas[..., _COMPRESSOR],
        steam=_STEAM_PRICE * xmeas[..., _STEAM],
    )


def production(xmeas: FloatArray) -> FloatArray:
    """Product in kg/h with its impurities, float64[...].

    With the density of the base case, within 2 % of the true flow at all operating points.
    """
    return _PRODUCT_MASS * xmeas[..., _PRODUCT]


def mass_fraction_g(xmeas: FloatArray) -> FloatArray:
    """G in G and H together in the product, mass %, float64[...]; the customers ask for it."""
    g, h = (xmeas[..., 36 + i - D] * MOLAR_MASS[i] for i in (G, H))
    return 100.0 * g / (g + h)
