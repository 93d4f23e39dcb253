"""The bundles that ship load here, reproduce their golden outputs and do what they promise."""

from pathlib import Path

import numpy as np
import pytest

from opcua_ai.core import status as codes
from opcua_ai.core.resources import models_dir
from opcua_ai.core.types import Prediction, Window
from opcua_ai.inference import Model, list_bundles, load_bundle
from opcua_ai.inference.manifest import CARD, CONFIG, Manifest

ROOT = Path(__file__).parents[3]
DATA = ROOT / "simulator/opcua_ai_simulator/recordings/tep_braatz.npz"
ONSET = 160


@pytest.fixture(scope="module")
def faults() -> Model:
    return load_bundle("tep_faults")


@pytest.fixture(scope="module")
def cost() -> Model:
    return load_bundle("tep_cost")


def recorded(run: str, row: int, manifest: Manifest) -> Window:
    """Window that ends at a row of a recorded run."""
    names = [f"XMEAS({i})" for i in range(1, 42)] + [f"XMV({i})" for i in range(1, 12)]
    columns = [names.index(i.name) for i in manifest.inputs]
    with np.load(DATA) as data:
        value = data[run][row - manifest.rows + 1 : row + 1, columns].astype(float)
    return Window(value, np.full(value.shape, codes.GOOD, np.uint32), row, row)


def replay(model: Model, run: str, rows: range) -> list[list[Prediction]]:
    return model.predict([recorded(run, row, model.manifest) for row in rows])


def test_two_bundles_ship_and_are_small() -> None:
    assert {name for name, _ in list_bundles()} >= {"tep_faults", "tep_cost"}
    for name, version in list_bundles():
        folder = models_dir() / name / version
        assert sum(f.stat().st_size for f in folder.iterdir()) < 3_000_000


@pytest.mark.parametrize("name", ["tep_faults", "tep_cost"])
def test_a_shipped_bundle_carries_its_protocol_and_card(name: str) -> None:
    model = load_bundle(name)
    assert {CARD, CONFIG} <= set(model.manifest.files)
    assert model.manifest.metrics and model.manifest.baseline


def test_fault_5_is_detected_and_named_soon(faults: Model) -> None:
    rows = range(ONSET, ONSET + 60)
    found = replay(faults, "d05_te", rows)
    alarms = [p[0].value > 1.0 for p in found]
    named = [a and p[1].label == "IDV(5)" for a, p in zip(alarms, found, strict=True)]
    first = next(i for i in range(58) if all(alarms[i : i + 3]))
    first_named = next(i for i in range(58) if all(named[i : i + 3]))
    assert first <= 5  # rows, 15 minutes of the plant
    assert first_named <= 20
    assert sum(named[20:]) >= 30  # of 40; chance is 2


def test_normal_operation_alarms_seldom(faults: Model) -> None:
    found = replay(faults, "d00_te", range(100, 960, 4))
    assert np.mean([p[0].value > 1.0 for p in found]) < 0.05


@pytest.mark.parametrize(
    ("run", "row", "causes"),
    [
        ("d04_te", ONSET + 10, {"XMV(10)", "XMEAS(9)"}),  # reactor cooling water
        ("d06_te", ONSET + 5, {"XMEAS(1)", "XMV(3)"}),  # A feed
        ("d14_te", ONSET + 20, {"XMEAS(21)", "XMEAS(9)", "XMV(10)"}),  # reactor cooling valve
        ("d05_te", ONSET + 15, {"XMEAS(11)", "XMEAS(22)", "XMV(11)"}),  # condenser water
    ],
)
def test_contributions_point_at_the_known_root(
    faults: Model, run: str, row: int, causes: set[str]
) -> None:
    detection = faults.predict([recorded(run, row, faults.manifest)])[0][0]
    assert detection.value > 1.0
    assert detection.contributions[0].tag in causes
    assert detection.contributions[0].weight > 0


def test_a_dead_tag_makes_it_uncertain_and_a_dead_plant_bad(faults: Model) -> None:
    one = recorded("d00_te", 300, faults.manifest)
    one.status[:, 3] = codes.BAD_NO_COMMUNICATION
    all_dead = recorded("d00_te", 300, faults.manifest)
    all_dead.status[:] = codes.BAD_NO_COMMUNICATION
    uncertain, bad = faults.predict([one, all_dead])
    assert {p.status for p in uncertain} == {codes.UNCERTAIN_SUB_NORMAL}
    assert {p.status for p in bad} == {codes.BAD_NO_DATA}


def test_the_cost_is_right_and_its_slope_is_known(cost: Model) -> None:
    (found,) = cost.predict([recorded("d00_te", 500, cost.manifest)])[0]
    assert found.value == pytest.approx(170.6, abs=10.0)
    assert found.lower < found.value < found.upper
    assert found.unit == "$/h"
    slope, error = found.slopes["XMV(6)"]
    assert slope > 5 * error > 0  # a wider purge valve costs money
