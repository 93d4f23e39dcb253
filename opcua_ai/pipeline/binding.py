"""Ties the tags of a connected source to the inputs of the models."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Sequence

import numpy as np

from opcua_ai.core import plugins
from opcua_ai.core.config import Config
from opcua_ai.core.ports import Policy
from opcua_ai.core.types import Decision, ModelInfo, Tag
from opcua_ai.pipeline.runner import Binding, LoadedModel
from opcua_ai.windows.feed import Feed
from opcua_ai.windows.matching import match_inputs
from opcua_ai.windows.store import WindowStore

log = logging.getLogger(__name__)


def bind(
    config: Config,
    name: str,
    model: LoadedModel,
    asset: str,
    tags: Sequence[Tag],
    feed: Feed[WindowStore],
) -> Binding:
    """Binding of one asset of a model to the tags of its source.

    A tag that the source lacks is logged and stays BadNodeIdUnknown in the windows: the model's
    coverage drops, everything else runs.
    """
    names = [tag.name for tag in model.info.inputs]
    match = match_inputs(config.models[name].assets[asset], names, tags)
    for line in match.problems:
        log.warning("models.%s.assets.%s: %s", name, asset, line)
    store = feed.store(len(tags), model.period_s, model.rows)
    columns = np.array(match.columns, np.int64)
    store.use(columns)
    return Binding(
        asset=asset,
        store=store,
        columns=columns,
        tags=[
            tags[column] if column >= 0 else expected
            for column, expected in zip(match.columns, model.info.inputs, strict=True)
        ],
        policies=policies(config, name),
    )


def assets_of(config: Config, model: str, sources: Collection[str]) -> list[str]:
    """The assets of a model that these sources feed."""
    return [a for a, options in config.models[model].assets.items() if options.source in sources]


def simulated_assets(config: Config, model: str) -> list[str]:
    """The assets of a model whose source is no running plant."""
    return [
        asset
        for asset, options in config.models[model].assets.items()
        if getattr(config.sources[options.source], "simulated", False)
    ]


def endpoint(config: Config, source: str) -> str:
    """What is shown of a source; one without an endpoint (a recording) is shown without one."""
    return getattr(config.sources[source], "endpoint", "")


def waiting(config: Config, model: ModelInfo, asset: str) -> Iterator[tuple[str, Decision]]:
    """What each decision on a model shows of an asset before its first run."""
    for name, policy in policies(config, model.name).items():
        decision = policy.waiting(asset, model)
        if decision is not None:
            yield name, decision


def policies(config: Config, model: str) -> dict[str, Policy]:
    """Fresh policies (they hold the state of one asset) for the decisions on a model."""
    return {
        name: plugins.load("decisions", options.policy).Policy(options)
        for name, options in config.decisions.items()
        if options.model == model
    }
