"""A changed configuration in a running pipeline: what it does not name hears nothing of it."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Protocol

from opcua_ai.core import status as codes
from opcua_ai.core.config import Config
from opcua_ai.core.ports import Source
from opcua_ai.core.types import Decision, FaultVerdict, ModelInfo
from opcua_ai.pipeline.binding import assets_of, endpoint, simulated_assets, waiting
from opcua_ai.pipeline.changes import Changes
from opcua_ai.pipeline.flow import Pipeline
from opcua_ai.windows.feed import Feed
from opcua_ai.windows.store import WindowStore

Make = Callable[[Config, str], tuple[Source, Feed[WindowStore] | None]]
"""A source of the configuration, and its feed where its windows are written elsewhere."""


class Shows(Protocol):
    """Where sources and models have a place, before anything is published of them."""

    async def show_source(self, name: str, endpoint: str) -> None:
        """A new source, or one with another endpoint."""
        ...

    async def show_model(self, info: ModelInfo) -> None:
        """Other assets or another schedule of a model."""
        ...


async def take_over(pipeline: Pipeline, changes: Changes, make: Make, shows: Shows) -> None:
    """Apply changes. New sources are connected afterwards, for as long as that takes."""
    async with pipeline.order:
        old, pipeline.config = pipeline.config, changes.config
        anew = await _made_anew(pipeline, changes)
        gone = {*changes.removed, *anew}
        await _unbind(pipeline, old, gone, [*changes.bound, *changes.dropped])
        await pipeline.drop(gone)
        for name in changes.removed:
            await pipeline.publisher.forget_source(name)
        await _change_models(pipeline, old, changes, shows)
        for name in [*changes.added, *anew]:
            await shows.show_source(name, endpoint(changes.config, name))
            pipeline.add(name, *make(changes.config, name))


async def _made_anew(pipeline: Pipeline, changes: Changes) -> list[str]:
    """The sources that cannot go on as they are: because of their options, or because of other
    inputs in windows that are laid out for good."""
    models = changes.config.models
    inputs = {models[model].assets[asset].source for model, asset in changes.bound}
    anew = [name for name in inputs if pipeline.is_fixed(name)]
    for name in changes.changed:
        if name not in anew and not await pipeline.reconfigure(name):
            anew.append(name)
    return anew


async def _unbind(
    pipeline: Pipeline, old: Config, sources: Collection[str], assets: list[tuple[str, str]]
) -> None:
    for model, runner in pipeline.runners.items():
        gone = {asset for name, asset in assets if name == model}
        await runner.unbind(gone.union(assets_of(old, model, sources)))


async def _change_models(pipeline: Pipeline, old: Config, changes: Changes, shows: Shows) -> None:
    config = changes.config
    for name in changes.rescheduled:
        pipeline.scheduler.change(name, config.models[name].schedule)
    for name, options in config.models.items():
        info = replace(
            pipeline.info(name),
            schedule=str(options.schedule),
            assets=[*options.assets],
            simulated=simulated_assets(config, name),
        )
        if info == pipeline.info(name):
            continue
        pipeline.describe(name, info)
        await shows.show_model(info)
    for name, asset in changes.dropped:
        await _retire(pipeline, name, asset)
    for name, asset in changes.bound:
        if asset not in old.models[name].assets:
            await pipeline.show_waiting(name, [asset])
        await pipeline.bind(name, [asset])


async def _retire(pipeline: Pipeline, model: str, asset: str) -> None:
    """Nothing watches the asset any more: no alarm of it stays, no advice holds."""
    info = pipeline.info(model)
    for name, decision in waiting(pipeline.config, info, asset):
        await pipeline.publisher.publish_decision(name, info.application, _last(decision))
    await pipeline.publisher.publish_inputs(model, asset, ())


def _last(decision: Decision) -> Decision:
    if isinstance(decision, FaultVerdict):
        text = "The configuration has this asset no more"
        decision = replace(decision, message=text, settled=True)
    return replace(decision, status=codes.BAD_OUT_OF_SERVICE)
