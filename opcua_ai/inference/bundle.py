"""Bundle folders ``models/<name>/<version>/``: finding, checking, loading and writing them.

A bundle is data. Every file's sha256 is compared with the manifest before anything is opened, and
after loading the golden windows must give the golden outputs.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from opcua_ai.core import plugins
from opcua_ai.core.errors import BundleError
from opcua_ai.core.resources import models_dir
from opcua_ai.core.types import FloatArray, Window
from opcua_ai.inference.manifest import FILE_NAME, GOLDEN, Manifest, parse_manifest
from opcua_ai.inference.model import Model
from opcua_ai.inference.preprocess import clean

TOLERANCE = 1e-4
"""Golden outputs must be reproduced within this, relative to values above 1."""

Content = bytes | Callable[[Path], object]
"""A file of a bundle: its bytes, or what writes it to a path (``keras.Model.save``)."""

_VERSION = re.compile(r"\d+\.\d+\.\d+")


def load_bundle(path_or_name: str | Path, root: Path | None = None) -> Model:
    """A model ready to predict: checked, loaded, warmed up, golden outputs reproduced.

    ``path_or_name`` is ``tep_faults`` (newest version), ``tep_faults/1.0.0`` or a folder.
    Raises BundleError naming the bundle or the file and what to do.
    """
    folder = find_bundle(path_or_name, root)
    manifest, digest = _verified(folder)
    kind = plugins.load("inference.kinds", manifest.kind)
    model = Model(manifest, digest, kind.load(folder, manifest))
    _reproduce_golden(folder, model)
    return model


def verify_bundle(path_or_name: str | Path, root: Path | None = None) -> Manifest:
    """Manifest of a bundle whose sha256 sums are right; loads no model. Raises BundleError."""
    return _verified(find_bundle(path_or_name, root))[0]


def find_bundle(path_or_name: str | Path, root: Path | None = None) -> Path:
    """Folder of a bundle. Raises BundleError listing the bundles that exist."""
    direct = Path(path_or_name)
    if (direct / FILE_NAME).is_file():
        return direct
    base = models_dir() if root is None else root
    name, _, version = str(path_or_name).partition("/")
    candidates = [v for n, v in list_bundles(base) if n == name and version in ("", v)]
    if candidates:
        return base / name / max(candidates, key=_version_key)
    known = ", ".join(f"{n}/{v}" for n, v in list_bundles(base)) or "none"
    raise BundleError(
        f"there is no bundle {str(path_or_name)!r} in {base}; there: {known}; or give the folder "
        "that holds a bundle's manifest.json"
    )


def list_bundles(root: Path | None = None) -> list[tuple[str, str]]:
    """(name, version) of every bundle, by name and then by version order."""
    base = models_dir() if root is None else root
    found = [
        (manifest.parent.parent.name, manifest.parent.name)
        for manifest in base.glob(f"*/*/{FILE_NAME}")
        if _VERSION.fullmatch(manifest.parent.name)
    ]
    return sorted(found, key=lambda entry: (entry[0], _version_key(entry[1])))


def write_bundle(
    root: Path, manifest: Manifest, files: Mapping[str, Content], golden: Sequence[Window]
) -> Path:
    """Write ``root/<name>/<version>`` and return it; an older one of that version is replaced.

    The folder appears whole or not at all: it is made beside its place, loaded once to compute
    the golden outputs, and then renamed. Raises BundleError when the model does not load.
    """
    target = root / manifest.name / manifest.version
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{manifest.version}-", dir=target.parent))
    try:
        for name, content in files.items():
            _write(draft / name, content)
        _write_golden(draft, manifest, golden)
        sums = {p.name: _sha256(p.read_bytes()) for p in sorted(draft.iterdir())}
        complete = manifest.model_copy(update={"files": sums})
        text = complete.model_dump_json(indent=1)
        (draft / FILE_NAME).write_text(text + "\n", encoding="utf-8")
        load_bundle(draft)
        draft.chmod(0o755)
        _replace(draft, target)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    return target


def _write(path: Path, content: Content) -> None:
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        content(path)


def _replace(draft: Path, target: Path) -> None:
    if target.exists():
        old = Path(tempfile.mkdtemp(prefix=".old-", dir=target.parent))
        os.replace(target, old / target.name)
        os.replace(draft, target)
        shutil.rmtree(old, ignore_errors=True)
    else:
        os.replace(draft, target)


def _version_key(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _verified(folder: Path) -> tuple[Manifest, str]:
    """(manifest, sha256 of manifest.json) of a folder with correct sums."""
    text = _read(folder / FILE_NAME)
    manifest = parse_manifest(text, folder / FILE_NAME)
    if GOLDEN not in manifest.files:
        raise BundleError(f"{folder / FILE_NAME}: files: {GOLDEN} is not listed")
    for name, expected in manifest.files.items():
        path = folder / name
        if _sha256(_read(path)) != expected:
            raise BundleError(
                f"{path}: sha256 differs from the manifest: the file was changed or damaged; "
                "install the bundle again"
            )
    return manifest, _sha256(text)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise BundleError(f"{path}: the file is missing; install the bundle again") from error
    except OSError as error:
        raise BundleError(f"{path}: cannot be read: {error.strerror}") from error


def _write_golden(folder: Path, manifest: Manifest, golden: Sequence[Window]) -> None:
    value = np.stack([w.value for w in golden])
    status = np.stack([w.status for w in golden])
    kind = plugins.load("inference.kinds", manifest.kind).load(folder, manifest)
    outputs = kind.predict(clean(value, status, manifest).scaled)
    named = {f"output_{name}": array for name, array in outputs.items()}
    np.savez_compressed(folder / GOLDEN, value=value, status=status, **named)


def _reproduce_golden(folder: Path, model: Model) -> None:
    path = folder / GOLDEN
    try:
        with np.load(path, allow_pickle=False) as data:
            arrays = {name: np.asarray(data[name]) for name in data.files}
        value, status = arrays["value"], arrays["status"].astype(np.uint32)
        expected = {o.name: arrays[f"output_{o.name}"] for o in model.manifest.outputs}
    except (OSError, ValueError, KeyError) as error:
        raise BundleError(f"{path}: not a golden file: {error}") from error
    shape = (model.manifest.rows, len(model.manifest.inputs))
    if value.shape[1:] != shape or status.shape != value.shape:
        raise BundleError(f"{path}: windows of {value.shape[1:]}, the manifest says {shape}")
    outputs = model.outputs(clean(value, status, model.manifest).scaled)
    for name, want in expected.items():
        error = _golden_error(want, outputs[name])
        if not error <= TOLERANCE:
            raise BundleError(
                f"{path}: golden mismatch: output {name!r} differs by {error:.3g}, allowed "
                f"{TOLERANCE:g}; the model does not compute here what it computed when trained"
            )


def _golden_error(want: FloatArray, got: FloatArray) -> float:
    if want.shape != got.shape:
        return float("inf")
    return float(np.max(np.abs(want - got) / np.maximum(1.0, np.abs(want)), initial=0.0))
