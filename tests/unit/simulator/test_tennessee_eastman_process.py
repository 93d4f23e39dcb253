"""The process against the original program, and against physics."""

import numpy as np
import pytest

from opcua_ai_simulator.plants.tennessee_eastman import (
    disturbances,
    economics,
    limits,
    measurements,
    operating_points,
    process,
    valves,
    vessels,
)
from opcua_ai_simulator.plants.tennessee_eastman.components import COMPONENTS, MOLAR_MASS

PUBLISHED_COST = {
    "base": 170.62,
    "mode1": 114.30,
    "mode2": 183.82,
    "mode3": 43.38,
    "mode4": 242.25,
    "mode5": 197.63,
    "mode6": 48.54,
}
WARM = np.array([[120.0], [80.0], [65.0], [86.0]])


def undisturbed(plants):
    walks = disturbances.Walks.start(plants).values(np.zeros(plants))
    return disturbances.conditions(walks, np.zeros((disturbances.NUMBERS, plants)))


def evaluate(states, command, now=None):
    states = np.ascontiguousarray(np.atleast_2d(states).T)
    command = np.atleast_2d(command).T
    plants = states.shape[1]
    warm = np.repeat(WARM, plants, axis=1)
    return process.evaluate(states, command, warm, now or undisturbed(plants))


@pytest.fixture(scope="module")
def points(reference):
    """The process at the 496 reference points."""
    count = len(reference.point_yy)
    walks = disturbances.Walks.start(count).values(np.zeros(count))
    walks[: disturbances.PULSES] = reference.point_walk.T
    idv = np.zeros((disturbances.NUMBERS, count))
    idv[1:21] = reference.point_idv.T
    command = valves.commands(reference.point_vcv_in.T, reference.point_xmv.T, idv)
    now = disturbances.conditions(walks, idv)
    return command, evaluate(reference.point_yy, command.T, now)


def of_scale(error, column_values):
    return np.abs(error).max(axis=0) / np.abs(column_values).max(axis=0)


def test_derivatives_are_those_of_the_original(points, reference):
    rates = points[1].rates.T
    assert of_scale(rates - reference.point_yp, reference.point_yp).max() < 1e-12


def test_measurements_are_those_of_the_original(points, reference):
    _, at = points
    values = np.vstack([measurements.continuous(at), measurements.compositions(at)]).T
    assert of_scale(values - reference.point_xmeas, reference.point_xmeas).max() < 1e-12


def test_sticking_valves_follow_as_in_the_original(points, reference):
    assert reference.point_idv[:, [13, 14, 18]].any()
    np.testing.assert_array_equal(points[0].T, reference.point_vcv_out)


def test_shutdown_is_seen_where_the_original_sees_it(points, reference):
    np.testing.assert_array_equal(points[1].trip > 0, reference.point_shut > 0)
    assert (points[1].rates[:, points[1].trip > 0] == 0.0).all()


def test_a_point_does_not_depend_on_those_beside_it(reference):
    together = evaluate(reference.point_yy[:50], reference.point_vcv_out[:50])
    for i in (0, 17, 49):
        alone = evaluate(reference.point_yy[i], reference.point_vcv_out[i])
        np.testing.assert_allclose(alone.rates[:, 0], together.rates[:, i], rtol=1e-9, atol=1e-9)


def test_states_of_the_whole_plant_stand_still_at_the_operating_points():
    for name in operating_points.NAMES:
        point = operating_points.load(name)
        rates = evaluate(point.states, point.xmv).rates[:38, 0]
        assert np.abs(rates).max() < 0.03, name


def test_operating_points_cost_what_is_published():
    for name, cost in PUBLISHED_COST.items():
        point = operating_points.load(name)
        at = evaluate(point.states, point.xmv)
        values = np.vstack([measurements.continuous(at), measurements.compositions(at)]).T
        assert economics.operating_cost(values).total[0] == pytest.approx(cost, abs=0.01), name


def test_mass_is_conserved():
    point = operating_points.load("base")
    at = evaluate(point.states, point.xmv)
    gained = float((at.rates[process.HOLDUPS].reshape(4, 9)[:, COMPONENTS] @ MOLAR_MASS).sum())
    fed = MOLAR_MASS @ (at.feeds.into_header + at.feeds.ac)[COMPONENTS, 0]
    purge = at.purge * at.gases.content[vessels.GAS_SEPARATOR]
    product = at.product * at.liquids.content[vessels.STRIPPER]
    left = MOLAR_MASS @ (purge + product)[COMPONENTS, 0]
    assert gained == pytest.approx(fed - left, abs=1e-9 * fed)


@pytest.mark.parametrize(
    ("where", "value", "reason"),
    [
        (0, 3000.1, "reactor pressure above 3000 kPa"),
        (1, 175.1, "reactor temperature above 175 °C"),
        (2, 25 * 35.3145, "reactor level above 24 m³"),
        (2, 1 * 35.3145, "reactor level below 2 m³"),
        (3, 12.1 * 35.3145, "separator level above 12 m³"),
        (3, 0.9 * 35.3145, "separator level below 1 m³"),
        (4, 8.1 * 35.3145, "stripper level above 8 m³"),
        (4, 0.9 * 35.3145, "stripper level below 1 m³"),
    ],
)
def test_every_shutdown_limit(where, value, reason):
    usual = [2705.0, 120.4, 580.0, 170.0, 150.0]
    assert limits.tripped(*(np.array([v]) for v in usual))[0] == 0
    usual[where] = value
    assert limits.REASONS[limits.tripped(*(np.array([v]) for v in usual))[0]] == reason
