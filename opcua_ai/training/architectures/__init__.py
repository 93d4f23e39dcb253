"""One file per architecture. Each defines

``Options``
    a ``Strict`` pydantic model of its options;
``build(options, task) -> keras.Model``
    scaled windows [batch, rows, tags] -> probabilities [batch, classes]; only ``keras.layers``
    and ``keras.ops``, so that a bundle runs on other Keras backends too.
"""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from opcua_ai.core.errors import ConfigError
from opcua_ai.inference.manifest import first_problem


@dataclass(frozen=True, slots=True)
class Task:
    """What a network has to do."""

    rows: int
    tags: int
    classes: int
    variates: NDArray[np.float64] | None = None
    """[past, tags, n] canonical variates of normal operation, as a convolution kernel."""


def names() -> list[str]:
    """Sorted names of the architectures."""
    return sorted(m.name for m in pkgutil.iter_modules(__path__) if not m.name.startswith("_"))


def build(name: str, options: dict[str, Any], task: Task) -> Any:
    """A new network. Raises ConfigError for an unknown name or option."""
    if name not in names():
        raise ConfigError(f"network.architecture = {name!r}: unknown; known: {', '.join(names())}")
    module: ModuleType = importlib.import_module(f"{__name__}.{name}")
    try:
        checked = module.Options.model_validate(options)
    except ValidationError as error:
        raise ConfigError(f"network.options.{first_problem(error)}") from None
    return module.build(checked, task)
