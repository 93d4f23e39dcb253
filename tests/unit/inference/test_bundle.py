"""Finding, verifying and writing bundle folders."""

import hashlib
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from opcua_ai.core.errors import BundleError
from opcua_ai.core.types import Window
from opcua_ai.inference import list_bundles, load_bundle, verify_bundle, write_bundle
from opcua_ai.inference.bundle import find_bundle
from opcua_ai.inference.kinds import linear
from opcua_ai.inference.manifest import Manifest, OutputSpec
from opcua_ai.inference.samples import sample_manifest, sample_windows


def write(root: Path, version: str = "1.0.0", intercept: float = 5.0) -> Path:
    """A linear bundle ``sample_linear`` of a version."""
    output = OutputSpec(name="y", type="value", unit="kW")
    manifest = sample_manifest("linear", "regression", (output,))
    manifest = manifest.model_copy(update={"version": version})
    fit = linear.Fit(intercept, np.array([1.0, 0.0, 0.0]), np.eye(3), 4)
    return write_bundle(root, manifest, {linear.FILE: linear.to_bytes(fit, 1)}, windows(manifest))


def windows(manifest: Manifest) -> list[Window]:
    return sample_windows(manifest)


def test_a_name_means_the_newest_version_in_the_order_of_numbers(tmp_path: Path) -> None:
    for version in ("1.0.0", "1.10.0", "1.9.0"):
        write(tmp_path, version)
    assert load_bundle("sample_linear", tmp_path).manifest.version == "1.10.0"
    assert load_bundle("sample_linear/1.9.0", tmp_path).manifest.version == "1.9.0"
    assert load_bundle(tmp_path / "sample_linear" / "1.0.0").manifest.version == "1.0.0"
    assert [v for _, v in list_bundles(tmp_path)] == ["1.0.0", "1.9.0", "1.10.0"]


def test_a_missing_bundle_lists_what_exists(tmp_path: Path) -> None:
    write(tmp_path)
    with pytest.raises(BundleError, match=r"no bundle 'nothing'.*sample_linear/1\.0\.0"):
        load_bundle("nothing", tmp_path)
    with pytest.raises(BundleError, match="no bundle 'sample_linear/2.0.0'"):
        load_bundle("sample_linear/2.0.0", tmp_path)
    with pytest.raises(BundleError, match="there: none"):
        load_bundle("x", tmp_path / "empty")


def test_a_name_does_not_climb_out_of_the_root(tmp_path: Path) -> None:
    write(tmp_path / "outside")
    with pytest.raises(BundleError):
        find_bundle("../outside/sample_linear", tmp_path / "models")


def test_the_digest_is_the_sum_of_the_manifest(tmp_path: Path) -> None:
    folder = write(tmp_path)
    expected = hashlib.sha256((folder / "manifest.json").read_bytes()).hexdigest()
    assert load_bundle(folder).digest == expected


def test_writing_replaces_a_version_and_leaves_no_drafts(tmp_path: Path) -> None:
    write(tmp_path)
    folder = write(tmp_path, intercept=6.0)
    model = load_bundle(folder)
    assert model.outputs(np.zeros((1, 4, 3)))["y"][0, 0] == 6.0
    assert [p.name for p in folder.parent.iterdir()] == ["1.0.0"]


def test_predictions_say_how_far_ahead_they_look(tmp_path: Path) -> None:
    output = OutputSpec(name="y", type="value", horizon_s=300)
    manifest = sample_manifest("linear", "regression", (output,))
    fit = linear.Fit(5.0, np.array([1.0, 0.0, 0.0]), np.eye(3), 4)
    files = {linear.FILE: linear.to_bytes(fit, 1)}
    model = load_bundle(write_bundle(tmp_path, manifest, files, windows(manifest)))
    for window in windows(manifest):
        (prediction,) = model.predict([window])[0]
        assert prediction.horizon_s == 300


def test_a_model_that_does_not_load_leaves_nothing_behind(tmp_path: Path) -> None:
    output = OutputSpec(name="y", type="value")
    manifest = sample_manifest("linear", "regression", (output,))
    with pytest.raises(BundleError, match=r"model\.npz"):
        write_bundle(tmp_path, manifest, {linear.FILE: b"rubbish"}, windows(manifest))
    assert list((tmp_path / "sample_linear").iterdir()) == []


def test_a_pickle_in_an_npz_is_refused(tmp_path: Path) -> None:
    import io

    buffer = io.BytesIO()
    np.savez(buffer, intercept=np.array([print], dtype=object))
    manifest = sample_manifest("linear", "regression", (OutputSpec(name="y", type="value"),))
    with pytest.raises(BundleError, match="not a linear model"):
        write_bundle(tmp_path, manifest, {linear.FILE: buffer.getvalue()}, windows(manifest))


def test_verification_is_fast_and_loads_no_framework() -> None:
    import subprocess

    code = (
        "import sys; from opcua_ai.inference import verify_bundle; "
        "assert verify_bundle('tep_faults').kind == 'keras'; "
        "assert not {'tensorflow', 'keras', 'sklearn', 'matplotlib'} & set(sys.modules)"
    )
    root = Path(__file__).parents[3]
    start = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert time.monotonic() - start < 5.0  # 0.3 s on an idle machine


def test_verification_finds_a_changed_file(tmp_path: Path) -> None:
    folder = write(tmp_path)
    (folder / linear.FILE).write_bytes(b"x")
    with pytest.raises(BundleError, match="sha256"):
        verify_bundle(folder)
