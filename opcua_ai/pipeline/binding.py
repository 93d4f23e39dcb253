"""Ties the tags of a connected source to the inputs of the models."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np

from opcua_ai.core import plugins
from opcua_ai.core.config import Config
from opcua_ai.core.ports import Policy
from opcua_ai.core.types import Tag
from opcua_ai.pipeline.runner import Binding, LoadedModel
from opcua_ai.windows.feed import Feed
from opcua_ai.windows.matching import match_inputs
from opcua_ai.windows.store import WindowStore

log = logging.getLogger(__name__)


def bind(
    config: Config,
    name: str,
    model: LoadedModel,
    source: str,
    tags: Sequence[Tag],
    feed: Feed[WindowStore],
) -> list[Binding]:
    """Bindings of all assets of a model that a source feeds.

    A tag that the source lacks is logged and stays BadNodeIdUnknown in the windows: the model's
    coverage drops, everything else runs.
    """
    bindings: list[Binding] = []
    for asset, options in config.models[name].assets.items():
        if options.source != source:
            continue
        names = [tag.name for tag in model.info.inputs]
        match = match_inputs(options, names, tags)
        for line in match.problems:
            log.warning("models.%s.assets.%s: %s", name, asset, line)
        store = feed.store(len(tags), model.period_s, model.rows)
        columns = np.array(match.columns, np.int64)
        store.use(columns)
        bindings.append(
            Binding(
                asset=asset,
                store=store,
                columns=columns,
                tags=[
                    tags[column] if column >= 0 else expected
                    for column, expected in zip(match.columns, model.info.inputs, strict=True)
                ],
                policies=policies(config, name),
            )
        )
    return bindings


def policies(config: Config, model: str) -> dict[str, Policy]:
    """Fresh policies (they hold the state of one asset) for the decisions on a model."""
    return {
        name: plugins.load("decisions", options.policy).Policy(options)
        for name, options in config.decisions.items()
        if options.model == model
    }
