"""Which shipped bundles fit the tags of a server, and to which of its branches."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from opcua_ai.core.config import Asset
from opcua_ai.core.errors import BundleError
from opcua_ai.core.types import Tag
from opcua_ai.inference.bundle import list_bundles, verify_bundle
from opcua_ai.inference.manifest import Manifest
from opcua_ai.windows.matching import match_inputs

log = logging.getLogger("opcua_ai.cli")


@dataclass(frozen=True, slots=True)
class Fit:
    """A shipped bundle whose inputs are all there, for one or more assets."""

    key: str
    manifest: Manifest
    assets: Mapping[str, str]
    """Asset name -> pattern of its inputs."""


def find(tags: Sequence[Tag]) -> list[Fit]:
    """The newest version of every shipped bundle that has an asset among the tags."""
    fits: list[Fit] = []
    for name in dict(list_bundles()):
        try:
            manifest = verify_bundle(name)
        except BundleError as error:
            log.warning("%s", error)
            continue
        assets = find_assets([item.name for item in manifest.inputs], tags)
        if assets:
            key = name.rpartition("_")[2]
            taken = {fit.key for fit in fits}
            fits.append(Fit(name if key in taken else key, manifest, assets))
    return fits


def find_assets(inputs: Sequence[str], tags: Sequence[Tag]) -> dict[str, str]:
    """The lowest branches that hold every input exactly once: asset name -> pattern."""
    wanted = set(inputs)
    branches = {branch for tag in tags if tag.name in wanted for branch in _ancestors(tag.path)}
    patterns = {branch: f"{literal(branch)}/*" for branch in sorted(branches)}
    complete = [
        branch
        for branch, pattern in patterns.items()
        if not match_inputs(Asset(source="plant", inputs=pattern), inputs, tags).problems
    ]
    lowest = [b for b in complete if not any(other.startswith(f"{b}/") for other in complete)]
    return {_name(branch, lowest): patterns[branch] for branch in lowest}


def _ancestors(path: str) -> list[str]:
    parts = path.split("/")[:-1]
    return ["/".join(parts[:depth]) for depth in range(1, len(parts) + 1)]


def _name(branch: str, branches: Sequence[str]) -> str:
    """The last element of the branch as a configuration name; the whole branch where needed."""
    last = branch.rpartition("/")[2]
    unique = sum(b.rpartition("/")[2] == last for b in branches) == 1
    name = re.sub(r"[^A-Za-z0-9_-]+", "_", last if unique else branch).strip("_-")
    return (name if name[:1].isalpha() else f"asset_{name}")[:64]


def literal(name: str) -> str:
    """A name whose brackets are no pattern."""
    return re.sub(r"([*?[])", r"[\1]", name)
