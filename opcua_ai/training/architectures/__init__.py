"""One file per architecture. Each defines

``Options``
    a ``Strict`` pydantic model of its options;
``build(options, task) -> keras.Model``
    scaled windows [batch, rows, tags] -> probabilities [batch, classes]; only ``keras.layers``
    and ``keras.ops``, so that a bundle runs on other Keras backends too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from opcua_ai.core import plugins
from opcua_ai.core.errors import ConfigError
from opcua_ai.core.strict import mistakes


@dataclass(frozen=True, slots=True)
class Task:
    """What a network has to do."""

    rows: int
    tags: int
    classes: int
    variates: NDArray[np.float64] | None = None
    """[past, tags, n] canonical variates of normal operation, as a convolution kernel."""


def build(name: str, options: dict[str, Any], task: Task) -> Any:
    """A new network. Raises ConfigError for an unknown name or option."""
    module = plugins.load("training.architectures", name)
    try:
        checked = module.Options.model_validate(options)
    except ValidationError as error:
        raise ConfigError(mistakes(error, ("network", "options"))[0]) from None
    return module.build(checked, task)
