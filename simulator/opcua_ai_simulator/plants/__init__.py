"""The simulated plants: one file or folder each, found by scanning this folder.

A module here (without a leading underscore) defines ``PLANT``, a ``PlantType``. Its name with
hyphens for underscores is the plant's name on the command line; nothing else lists it.
Pure physics only: no asyncio and no asyncua in this folder.
"""

from __future__ import annotations

import importlib
import pkgutil

from opcua_ai_simulator.errors import ConfigurationError
from opcua_ai_simulator.plant import PlantType


def names() -> list[str]:
    """Every plant's name, sorted; imports none of them."""
    found = (module.name for module in pkgutil.iter_modules(__path__))
    return sorted(name.replace("_", "-") for name in found if not name.startswith("_"))


def load(name: str) -> PlantType:
    """Import one plant's module and return its ``PLANT``."""
    if name not in names():
        raise ConfigurationError(f"no plant is called '{name}': choose one of {', '.join(names())}")
    module = importlib.import_module(f"{__name__}.{name.replace('-', '_')}")
    plant = getattr(module, "PLANT", None)
    if not isinstance(plant, PlantType):
        raise ConfigurationError(f"{module.__file__}: a plant's file must define PLANT = PlantType")
    return plant
