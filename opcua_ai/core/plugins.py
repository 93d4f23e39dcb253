"""Plug-in lookup: every module in a plug-in folder, and entry points of other packages.

A new file in ``sources/``, ``inference/kinds/`` or ``decisions/``, and in ``architectures/`` or
``targets/`` of ``training/``, is found by its file name; names that start with an underscore are
helpers. Other packages add theirs under the entry-point group ``opcua_ai.plugins`` with the name
``<folder>.<name>``, e.g. ``inference.kinds.xgboost``.
"""

from __future__ import annotations

import importlib
import pkgutil
from importlib.metadata import EntryPoint, entry_points
from types import ModuleType

from opcua_ai.core.errors import ConfigError

FOLDERS = ("sources", "inference.kinds", "decisions")
GROUP = "opcua_ai.plugins"


def names(folder: str) -> list[str]:
    """Sorted names of all plug-ins of a folder; imports none of them."""
    package = importlib.import_module(f"opcua_ai.{folder}")
    own = {m.name for m in pkgutil.iter_modules(package.__path__) if not m.name.startswith("_")}
    return sorted(own | _foreign(folder).keys())


def load(folder: str, name: str) -> ModuleType:
    """Import one plug-in. Raises ConfigError naming the known ones when it does not exist."""
    if name not in names(folder):
        raise ConfigError(f"{folder}: there is no {name!r}; known: {', '.join(names(folder))}")
    foreign = _foreign(folder).get(name)
    return foreign.load() if foreign else importlib.import_module(f"opcua_ai.{folder}.{name}")


def _foreign(folder: str) -> dict[str, EntryPoint]:
    prefix = f"{folder}."
    found = entry_points(group=GROUP)
    return {e.name.removeprefix(prefix): e for e in found if e.name.startswith(prefix)}
