"""Tasks of the running product: one per source, one per model, one heartbeat."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Coroutine, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial

from opcua_ai.collector.connecting import connect
from opcua_ai.core.config import Config
from opcua_ai.core.ports import Publisher, Source
from opcua_ai.core.types import ModelInfo, Tag
from opcua_ai.pipeline.binding import assets_of, bind, waiting
from opcua_ai.pipeline.control import Control
from opcua_ai.pipeline.runner import Binding, LoadedModel, Runner
from opcua_ai.pipeline.schedule import Bell, Scheduler
from opcua_ai.windows.feed import Feed
from opcua_ai.windows.store import WindowStore


class Pipeline:
    """Runs until cancelled or until a task fails for good (then :meth:`run` raises).

    ``reload`` changes it while it runs, by the methods below ``run``; it holds ``order``.
    """

    def __init__(
        self,
        config: Config,
        sources: Mapping[str, Source],
        models: Mapping[str, LoadedModel],
        publisher: Publisher,
        feeds: Mapping[str, Feed[WindowStore]] | None = None,
    ) -> None:
        """``feeds`` are those of sources whose windows are written elsewhere; the others get one of
        their own."""
        self.config = config
        self.publisher = publisher
        self.runners: dict[str, Runner] = {}
        self.order = asyncio.Lock()
        """One binding of sources, or change of the configuration, after the other."""
        self.scheduler = Scheduler()
        self.control = Control(self.scheduler, self.runners, config.server.state_dir)
        self._sources = dict(sources)
        self._models = dict(models)
        self._feeds = dict(feeds or {})
        self._bound: dict[str, Feed[WindowStore]] = {}
        """Of the sources that are connected."""
        self._executor = ThreadPoolExecutor(max(1, len(models)), thread_name_prefix="predict")
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._telling = asyncio.Lock()
        """What a heartbeat tells of the sources is told of those that there are."""
        self.started = asyncio.Event()
        self._failed = asyncio.Event()
        self._failure: BaseException | None = None

    async def announce(self) -> None:
        """Publish what each decision shows before its first run."""
        for name, model in self._models.items():
            await self.show_waiting(name, model.info.assets)

    async def show_waiting(self, model: str, assets: Iterable[str]) -> None:
        info = self._models[model].info
        for asset in assets:
            for name, decision in waiting(self.config, info, asset):
                await self.publisher.publish_decision(name, info.application, decision)

    async def start(self) -> None:
        for name, model in self._models.items():
            bell = Bell()
            superseded = partial(self.scheduler.run_after_next, name)
            self.runners[name] = Runner(model, self.publisher, self._executor, bell, superseded)
            self.scheduler.add(name, self.config.models[name].schedule, bell)
        await self.control.restore()
        for name in self.runners:
            self._spawn(f"model {name}", self.runners[name].run())
        for name, source in self._sources.items():
            self._spawn(f"source {name}", self._feed(name, source))
        self._spawn("heartbeat", self._heartbeat())
        self.scheduler.start()
        self.started.set()

    async def run(self) -> None:
        """Wait until a task fails. Raises what it raised."""
        await self._failed.wait()
        if self._failure is not None:
            raise self._failure

    async def stop(self) -> None:
        await self.scheduler.stop()
        # sources first: closed, they end by themselves, even one that overhears its cancellation
        await asyncio.gather(*(source.close() for source in self._sources.values()))
        await self._end([*self._tasks])
        await asyncio.to_thread(self._executor.shutdown, wait=True, cancel_futures=True)

    def is_fixed(self, source: str) -> bool:
        """Whether the windows of a source are written elsewhere, and laid out for good."""
        return source in self._feeds

    async def reconfigure(self, source: str) -> bool:
        """Let a source take over its options as it runs; False: it has to be made anew."""
        retagged = partial(self._retag, source)
        return await self._sources[source].reconfigure(self.config.sources[source], retagged)

    def add(self, name: str, source: Source, feed: Feed[WindowStore] | None) -> None:
        """Connect a source, for as long as it takes, and feed the models from it."""
        self._sources[name] = source
        if feed is not None:
            self._feeds[name] = feed
        self._spawn(f"source {name}", self._feed(name, source))

    async def drop(self, names: Collection[str]) -> None:
        """Close sources; nothing is bound to them any more. The others hear nothing of it."""
        for name in names:
            self._feeds.pop(name, None)
            self._bound.pop(name, None)
            # how it ends is nobody's business any more
            self._tasks[f"source {name}"].remove_done_callback(self._ended)
        await asyncio.gather(*(self._sources[name].close() for name in names))
        await self._end([f"source {name}" for name in names])
        async with self._telling:
            for name in names:
                del self._sources[name]

    async def bind(self, model: str, assets: Collection[str]) -> None:
        """Bind those assets of a model whose source is connected."""
        options, bound = self.config.models[model].assets, list[Binding]()
        for asset in assets:
            name = options[asset].source
            if (feed := self._bound.get(name)) is not None:
                tags = self._sources[name].tags
                bound.append(bind(self.config, model, self._models[model], asset, tags, feed))
        await self.runners[model].bind(bound)
        for binding in bound:
            await self.publisher.publish_inputs(model, binding.asset, binding.tags)

    def info(self, model: str) -> ModelInfo:
        return self._models[model].info

    def describe(self, model: str, info: ModelInfo) -> None:
        """Other assets or another schedule of a model."""
        self._models[model] = replace(self._models[model], info=info)
        self.runners[model].describe(info)

    def _spawn(self, name: str, work: Coroutine[None, None, None]) -> None:
        self._tasks[name] = task = asyncio.create_task(work, name=name)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self._failure = self._failure or error
            self._failed.set()

    async def _end(self, names: Collection[str]) -> None:
        tasks = [self._tasks.pop(name) for name in names]
        for task in tasks:
            task.remove_done_callback(self._ended)
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _feed(self, name: str, source: Source) -> None:
        """Connect (for as long as it takes), bind the models, then deliver for ever."""
        if not source.tags:
            await connect(name, source)
        async with self.order:
            feed = self._bound[name] = self._feeds.get(name) or Feed(WindowStore)
            for model in self._models:
                await self.bind(model, assets_of(self.config, model, [name]))
        await source.run(feed)

    async def _retag(self, name: str, tags: Sequence[Tag]) -> None:
        """A source gets other tags; what is bound to those that stay goes on."""
        async with self.order:
            feed = self._bound[name]
            feed.grow(len(tags))
            for model, runner in self.runners.items():
                assets = assets_of(self.config, model, [name])
                for old in [b for b in runner.bindings if b.asset in assets]:
                    new = bind(self.config, model, self._models[model], old.asset, tags, feed)
                    if not new.same_inputs(old):
                        runner.rebind(replace(new, policies=old.policies))
                        await self.publisher.publish_inputs(model, new.asset, new.tags)

    async def _heartbeat(self, period_s: float = 1.0) -> None:
        while True:
            await self.publisher.beat()
            async with self._telling:
                for name, source in [*self._sources.items()]:
                    await self.publisher.publish_source(name, source.state.value, source.stats)
            for name, runner in self.runners.items():
                runner.health.next_run = self.scheduler.next_run(name)
                await runner.publish_health()
            await asyncio.sleep(period_s)
