"""Every file in inference/kinds keeps the contract of a model kind, without being named here."""

import json
import math
import shutil
from pathlib import Path

import numpy as np
import pytest

from opcua_ai.core import plugins
from opcua_ai.core import status as codes
from opcua_ai.core.errors import BundleError
from opcua_ai.core.types import Window
from opcua_ai.inference import Model, load_bundle, verify_bundle
from opcua_ai.inference.manifest import GOLDEN
from opcua_ai.inference.samples import sample_windows

KINDS = plugins.names("inference.kinds")


@pytest.fixture(scope="module", params=KINDS)
def bundle(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny bundle that the kind has written itself."""
    folder = tmp_path_factory.mktemp(request.param)
    return plugins.load("inference.kinds", request.param).sample_bundle(folder)


@pytest.fixture(scope="module")
def model(bundle: Path) -> Model:
    return load_bundle(bundle)


def numbers(predictions: list[list]) -> np.ndarray:
    """Everything numeric that a prediction says, one row per window."""
    rows = []
    for window in predictions:
        row: list[float] = []
        for p in window:
            row += [p.value, p.confidence, p.lower, p.upper, *p.probabilities.values()]
            row += [c.weight for c in sorted(p.contributions, key=lambda c: c.tag)]
        rows.append(row)
    return np.array(rows)


def test_there_are_kinds() -> None:
    assert {"keras", "linear"} <= set(KINDS)


def test_the_written_bundle_loads_and_is_verified(bundle: Path, model: Model) -> None:
    assert verify_bundle(bundle) == model.manifest
    assert model.manifest.kind in model.manifest.name
    assert model.digest[:12] in model.name


def test_a_prediction_per_output_with_source_time_and_unit(model: Model) -> None:
    windows = sample_windows(model.manifest)
    for window, predictions in zip(windows, model.predict(windows), strict=True):
        assert [p.output for p in predictions] == [o.name for o in model.manifest.outputs]
        for p, spec in zip(predictions, model.manifest.outputs, strict=True):
            assert math.isfinite(p.value)
            assert p.status == codes.GOOD
            assert p.source_time == window.newest_sample
            assert p.unit == spec.unit
            if spec.type == "classes":
                assert p.label == spec.labels[int(p.value)]
                assert p.confidence == max(p.probabilities.values())
                assert sum(p.probabilities.values()) == pytest.approx(1.0, abs=1e-5)


def test_the_size_of_the_batch_changes_nothing(model: Model) -> None:
    windows = sample_windows(model.manifest, count=3)
    together = numbers(model.predict(windows))
    apart = np.concatenate([numbers(model.predict([w])) for w in windows])
    np.testing.assert_allclose(together, apart, rtol=1e-3, atol=1e-4)


def test_it_is_deterministic(model: Model) -> None:
    windows = sample_windows(model.manifest, count=5)
    np.testing.assert_array_equal(numbers(model.predict(windows)), numbers(model.predict(windows)))


def test_no_window_no_prediction(model: Model) -> None:
    assert model.predict([]) == []


def test_a_dead_window_gives_bad_and_leaves_its_neighbour_alone(model: Model) -> None:
    good, dead = sample_windows(model.manifest, count=2)
    dead = Window(
        np.full_like(dead.value, np.nan),
        np.full_like(dead.status, codes.BAD_NO_COMMUNICATION),
        dead.time,
        0,
    )
    alive, gone = model.predict([good, dead])
    for p in gone:
        assert codes.is_bad(p.status)
        assert math.isnan(p.value)
        assert p.confidence == 0.0
        assert p.label == "" and not p.contributions
    np.testing.assert_allclose(
        numbers([alive]), numbers(model.predict([good])), rtol=1e-3, atol=1e-4
    )


def test_poor_inputs_never_give_good(model: Model) -> None:
    window = sample_windows(model.manifest, count=1)[0]
    window.status[0, 0] = codes.UNCERTAIN_LAST_USABLE_VALUE
    assert all(p.status == codes.UNCERTAIN_SUB_NORMAL for p in model.predict([window])[0])


def test_contributions_are_shares(model: Model) -> None:
    for predictions in model.predict(sample_windows(model.manifest)):
        weights = [c.weight for c in predictions[0].contributions]
        assert weights
        assert sum(map(abs, weights)) <= 1.0 + 1e-9
        assert weights == sorted(weights, key=abs, reverse=True)
        names = {i.name for i in model.manifest.inputs}
        assert all(c.tag in names and c.text for c in predictions[0].contributions)


def test_a_window_of_another_shape_is_refused(model: Model) -> None:
    window = sample_windows(model.manifest, count=1)[0]
    short = Window(window.value[1:], window.status[1:], window.time, window.newest_sample)
    with pytest.raises(BundleError, match="rows and tags"):
        model.predict([short])


def test_a_changed_file_is_refused_before_it_is_opened(bundle: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(bundle, tmp_path / "copy"))
    for name in json.loads((copy / "manifest.json").read_text())["files"]:
        original = (copy / name).read_bytes()
        (copy / name).write_bytes(original[:-1] + bytes([original[-1] ^ 1]))
        with pytest.raises(BundleError, match=rf"{name}: sha256"):
            load_bundle(copy)
        (copy / name).unlink()
        with pytest.raises(BundleError, match=rf"{name}: the file is missing"):
            load_bundle(copy)
        (copy / name).write_bytes(original)
    load_bundle(copy)


def test_other_golden_outputs_are_refused(bundle: Path, tmp_path: Path) -> None:
    import hashlib

    copy = Path(shutil.copytree(bundle, tmp_path / "copy"))
    with np.load(copy / GOLDEN) as data:
        arrays = {name: data[name] for name in data.files}
    first = next(name for name in arrays if name.startswith("output_"))
    arrays[first] = arrays[first] + 0.01
    np.savez(copy / GOLDEN, **arrays)
    manifest = json.loads((copy / "manifest.json").read_text())
    manifest["files"][GOLDEN] = hashlib.sha256((copy / GOLDEN).read_bytes()).hexdigest()
    (copy / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(BundleError, match="golden mismatch"):
        load_bundle(copy)


def test_rubbish_as_model_file_is_a_bundle_error(bundle: Path, tmp_path: Path) -> None:
    import hashlib

    copy = Path(shutil.copytree(bundle, tmp_path / "copy"))
    manifest = json.loads((copy / "manifest.json").read_text())
    file = next(n for n in manifest["files"] if n.startswith("model."))
    (copy / file).write_bytes(b"rubbish")
    manifest["files"][file] = hashlib.sha256(b"rubbish").hexdigest()
    (copy / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(BundleError, match=file):
        load_bundle(copy)
