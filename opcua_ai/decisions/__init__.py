"""Predictions -> faults and recommendations. One file per policy."""

from __future__ import annotations

from collections.abc import Collection

from opcua_ai.core.config import Config
from opcua_ai.core.errors import ConfigError


def check_policies(
    config: Config, model: str, inputs: Collection[str], outputs: Collection[str]
) -> None:
    """Raises ConfigError when a decision on ``model`` names an input or output it does not have."""
    for name, options in config.decisions.items():
        if options.model != model:
            continue
        for what, known in (("outputs", outputs), ("inputs", inputs)):
            for key in getattr(options, f"needs_{what}"):
                wanted = getattr(options, key)
                if wanted not in known:
                    raise ConfigError(
                        f"decisions.{name}.{key} = {wanted!r}: model {model!r} has the {what} "
                        f"{', '.join(known)}"
                    )
