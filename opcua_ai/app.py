"""Composition root: configuration in, running product out."""

from __future__ import annotations

import asyncio
import json
import logging
import math
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from functools import partial
from typing import TYPE_CHECKING, cast

from opcua_ai.collector import CollectedSource, CollectorProcess
from opcua_ai.core import plugins
from opcua_ai.core.config import Config
from opcua_ai.core.config import Model as ModelConfig
from opcua_ai.core.errors import ConfigError, SourceLostError
from opcua_ai.core.ports import Source
from opcua_ai.core.types import ModelInfo, OutputInfo, Tag, escape_name
from opcua_ai.decisions import check_policies
from opcua_ai.inference.bundle import load_bundle
from opcua_ai.inference.manifest import InputSpec, OutputSpec
from opcua_ai.inference.model import Model
from opcua_ai.pipeline import LoadedModel, Pipeline, Publishers
from opcua_ai.pipeline.binding import endpoint, simulated_assets
from opcua_ai.pipeline.changes import changes
from opcua_ai.pipeline.reload import Make, take_over
from opcua_ai.server.advisory import AdvisoryServer
from opcua_ai.windows.feed import Feed
from opcua_ai.windows.store import WindowStore

if TYPE_CHECKING:
    from opcua_ai.metrics import Metrics

log = logging.getLogger(__name__)


class Sources:
    """Makes the sources of a configuration; those with the same ``process`` share it."""

    def __init__(self) -> None:
        self._processes: dict[str, CollectorProcess] = {}

    def make(self, config: Config, name: str) -> Source:
        options = config.sources[name]
        # a plug-in of another package need not know of processes
        process = getattr(options, "process", None)
        if process is None:
            return plugins.load("sources", options.kind).Source(options, name)
        shared = self._processes.setdefault(process, CollectorProcess(process))
        kept = partial(config.history.keeps, name) if config.history else _kept_nowhere
        return CollectedSource(options, name, shared, kept)


def _kept_nowhere(path: str) -> bool:
    return False


def load_models(config: Config) -> dict[str, LoadedModel]:
    """Load and warm up every bundle. Slow: imports TensorFlow, so call it before serving."""
    return {name: _load(config, name, options) for name, options in config.models.items()}


def _load(config: Config, name: str, options: ModelConfig) -> LoadedModel:
    model = load_bundle(options.bundle)
    manifest = model.manifest
    inputs = [spec.name for spec in manifest.inputs]
    check_policies(config, name, inputs, [spec.name for spec in manifest.outputs])
    return LoadedModel(
        predictor=model,
        info=_info(config, name, options, model),
        rows=manifest.rows,
        period_s=manifest.period_s,
        stale_after_s=manifest.stale_after_s,
    )


def _info(config: Config, name: str, options: ModelConfig, model: Model) -> ModelInfo:
    manifest = model.manifest
    return ModelInfo(
        name=name,
        bundle=manifest.name,
        version=manifest.version,
        digest=model.digest,
        framework=manifest.kind,
        task=manifest.task,
        application=options.application,
        schedule=str(options.schedule),
        trained_on=manifest.training.data_file,
        metrics=json.dumps(manifest.metrics),
        accelerator=model.accelerator,
        inputs=[_input(spec) for spec in manifest.inputs],
        outputs=[_output(spec) for spec in manifest.outputs],
        assets=list(options.assets),
        simulated=simulated_assets(config, name),
    )


def _input(spec: InputSpec) -> Tag:
    return Tag(
        path=escape_name(spec.name),
        node_id="",
        display_name=spec.description,
        unit=spec.unit,
        low=-math.inf if spec.low is None else spec.low,
        high=math.inf if spec.high is None else spec.high,
    )


def _output(spec: OutputSpec) -> OutputInfo:
    return OutputInfo(
        name=spec.name,
        type=spec.type,
        description=spec.description,
        unit=spec.unit,
        low=math.nan if spec.low is None else spec.low,
        high=math.nan if spec.high is None else spec.high,
        labels=spec.labels,
        horizon_s=spec.horizon_s,
    )


NextConfig = Callable[[], Awaitable[Config]]
"""Waits for the next configuration to take over."""


async def _never() -> Config:
    return await asyncio.get_running_loop().create_future()


async def serve(
    config: Config,
    models: Mapping[str, LoadedModel],
    stop: asyncio.Event,
    built: Callable[[], object] = lambda: None,
    next_config: NextConfig = _never,
) -> None:
    """Run until ``stop`` is set. Raises AccessError when a source refuses the credentials at the
    start, AddressInUseError when an endpoint is taken; a source that is only away is awaited.
    ``built`` is called once all nodes are there."""
    server = AdvisoryServer(config.server, config.history)
    make = partial(_made, Sources(), server)
    made = {name: make(config, name) for name in config.sources}
    sources = {name: source for name, (source, _) in made.items()}
    feeds = {name: feed for name, (_, feed) in made.items() if feed is not None}
    metrics = _metrics(config)
    pipeline = Pipeline(config, sources, models, Publishers(server, *metrics), feeds)
    try:
        for figures in metrics:
            await figures.start()
        run = _run(config, sources, models, server, pipeline, built)
        await _first(stop.wait(), run, _reload(next_config, pipeline, make, server))
    finally:
        await pipeline.stop()
        for figures in metrics:
            await figures.stop()
        await server.stop()


def _metrics(config: Config) -> list[Metrics]:
    """The figures for Prometheus where the configuration asks for them."""
    if config.metrics is None:
        return []
    from opcua_ai.metrics import Metrics

    return [Metrics(config.metrics)]


async def _run(
    config: Config,
    sources: Mapping[str, Source],
    models: Mapping[str, LoadedModel],
    server: AdvisoryServer,
    pipeline: Pipeline,
    built: Callable[[], object],
) -> None:
    await asyncio.gather(*(_try_connect(name, source) for name, source in sources.items()))
    endpoints = {name: endpoint(config, name) for name in config.sources}
    infos = [model.info for model in models.values()]
    await server.start(infos, endpoints, control=pipeline.control)
    await pipeline.announce()
    built()
    await pipeline.start()
    print(f"Advisory server ready: {server.endpoint}", flush=True)
    await pipeline.run()


def _made(
    sources: Sources, server: AdvisoryServer, config: Config, name: str
) -> tuple[Source, Feed[WindowStore] | None]:
    """A source, its samples kept where there is a history, and its feed if it brings one."""
    source = sources.make(config, name)
    feed = cast("Feed[WindowStore]", source.feed) if isinstance(source, CollectedSource) else None
    return server.recorded(name, source), feed


async def _try_connect(name: str, source: Source) -> None:
    """A first try before the server opens, so that wrong credentials end the start at once. A
    source that is only away is the pipeline's to report and to await."""
    try:
        await source.connect()
    except SourceLostError as error:
        log.debug("source %s: %s", name, error)


async def _reload(
    next_config: NextConfig, pipeline: Pipeline, make: Make, server: AdvisoryServer
) -> None:
    """Take over one configuration after the other, once the pipeline runs."""
    await pipeline.started.wait()
    while True:
        try:
            found = changes(pipeline.config, await next_config())
        except ConfigError as error:
            log.error("%s; the configuration stays as it is", error)
            continue
        lines = found.lines()
        for line in lines or ["nothing has changed"]:
            log.info("configuration read: %s", line)
        for key in found.restart:
            log.warning("configuration read: %s has changed: needs a restart", key)
        if lines:
            await _to_the_end(take_over(pipeline, found, make, server))


async def _to_the_end(work: Coroutine[None, None, None]) -> None:
    """Whoever is cancelled meanwhile waits for it: half of it would leave things open."""
    task = asyncio.create_task(work)
    try:
        await asyncio.shield(task)
    finally:
        await task


async def _first(*work: Coroutine[object, None, object]) -> None:
    """Until one of them ends; raises what ended it. The others are cancelled."""
    tasks = [asyncio.create_task(coroutine) for coroutine in work]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()
