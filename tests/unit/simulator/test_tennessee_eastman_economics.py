"""What the operation costs, against the figures of Downs and Vogel and of Ricker."""

import numpy as np
import pytest

from opcua_ai_simulator.plants.tennessee_eastman import operating_points
from opcua_ai_simulator.plants.tennessee_eastman.economics import (
    Cost,
    mass_fraction_g,
    operating_cost,
    production,
)
from opcua_ai_simulator.plants.tennessee_eastman.loops import OpenLoop
from opcua_ai_simulator.plants.tennessee_eastman.simulation import Simulation

# $/h: purge, product loss, compressor, steam; Ricker (1995) and for the base case Downs and Vogel
PARTS = {
    "base": (114.7, 30.3, 18.3, 7.3),
    "mode1": (73.8, 25.5, 15.0, 0.2),
    "mode2": (130.0, 38.9, 14.7, 0.2),
    "mode3": (21.6, 7.0, 14.6, 0.2),
    "mode4": (142.3, 85.6, 14.1, 0.2),
    "mode5": (138.5, 44.4, 14.6, 0.2),
    "mode6": (23.9, 8.7, 15.7, 0.2),
}
# kg/h, mass % of G
PRODUCT = {
    "base": (14228, 50),
    "mode1": (14211, 50),
    "mode2": (14240, 10),
    "mode3": (11182, 90),
    "mode4": (22739, 50),
    "mode5": (14773, 10),
    "mode6": (12550, 90),
}


@pytest.fixture(scope="module")
def xmeas():
    """float64[7, 41], what the operating points measure without noise."""
    points = [operating_points.load(name) for name in operating_points.NAMES]
    return np.concatenate(
        [Simulation(OpenLoop, [0], start=point, noise=False).xmeas for point in points]
    )


def test_the_four_parts_are_those_published(xmeas):
    cost = operating_cost(xmeas)
    np.testing.assert_allclose(np.stack(cost, axis=-1), list(PARTS.values()), atol=0.06)
    np.testing.assert_allclose(cost.total, np.sum(cost, axis=0), rtol=1e-14)


def test_costs_have_the_shape_of_what_is_measured(xmeas):
    many = np.broadcast_to(xmeas[:6].reshape(2, 3, 41), (4, 2, 3, 41))
    assert {part.shape for part in operating_cost(many)} == {(4, 2, 3)}
    alone = operating_cost(xmeas[5]).total
    assert operating_cost(many).total[1, 1, 2] == pytest.approx(alone, rel=1e-14)
    assert production(many).shape == mass_fraction_g(many).shape == (4, 2, 3)


def test_only_what_has_a_price_costs():
    xmeas = np.zeros(41)
    xmeas[[9, 16]] = 1.0  # purge, product
    xmeas[[29, 39, 40]] = 100.0  # B in the purge, G and H in the product
    assert operating_cost(xmeas) == Cost(0.0, 0.0, 0.0, 0.0)


def test_rate_and_mix_are_those_of_the_operating_points(xmeas):
    rate, mix = np.array(list(PRODUCT.values()), float).T
    np.testing.assert_allclose(production(xmeas), rate, rtol=0.02)
    np.testing.assert_allclose(mass_fraction_g(xmeas), mix, atol=0.01)
