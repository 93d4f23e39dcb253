"""One file per computed regression target. Each defines

``OUTPUT``, ``UNIT``, ``DESCRIPTION``
    name of the bundle's output, unit and text of the target;
``COLUMNS``
    the data columns that it needs;
``compute(table) -> [n]``
    the target of rows [n, COLUMNS].
"""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType

from opcua_ai.core.errors import ConfigError


def names() -> list[str]:
    """Sorted names of the targets."""
    return sorted(m.name for m in pkgutil.iter_modules(__path__) if not m.name.startswith("_"))


def load(name: str) -> ModuleType:
    """The module of a target. Raises ConfigError naming the known ones."""
    if name not in names():
        raise ConfigError(f"regression.target = {name!r}: unknown; known: {', '.join(names())}")
    return importlib.import_module(f"{__name__}.{name}")
