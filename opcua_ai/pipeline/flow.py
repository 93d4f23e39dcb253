"""Tasks of the running product: one per source, one per model, one heartbeat."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from opcua_ai.collector.connecting import connect
from opcua_ai.core.config import Config
from opcua_ai.core.ports import Publisher, Source
from opcua_ai.pipeline.binding import bind, policies
from opcua_ai.pipeline.control import Control
from opcua_ai.pipeline.runner import LoadedModel, Runner
from opcua_ai.pipeline.schedule import Bell, Scheduler
from opcua_ai.windows.feed import Feed
from opcua_ai.windows.store import WindowStore


class Pipeline:
    """Runs until cancelled or until a task fails for good (then :meth:`run` raises)."""

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
        self._config = config
        self._sources = sources
        self._models = models
        self._publisher = publisher
        self._feeds = feeds or {}
        self._executor = ThreadPoolExecutor(max(1, len(models)), thread_name_prefix="predict")
        self._scheduler = Scheduler()
        self._tasks: list[asyncio.Task[None]] = []
        self.runners: dict[str, Runner] = {}
        self.control = Control(self._scheduler, self.runners, config.server.state_dir)

    async def announce(self) -> None:
        """Publish what each decision shows before its first run."""
        for name, model in self._models.items():
            for asset in model.info.assets:
                for decision_name, policy in policies(self._config, name).items():
                    decision = policy.waiting(asset, model.info)
                    if decision is not None:
                        await self._publisher.publish_decision(
                            decision_name, model.info.application, decision
                        )

    async def start(self) -> None:
        for name, model in self._models.items():
            bell = Bell()
            superseded = partial(self._scheduler.run_after_next, name)
            self.runners[name] = Runner(model, self._publisher, self._executor, bell, superseded)
            self._scheduler.add(name, self._config.models[name].schedule, bell)
        await self.control.restore()
        for name in self.runners:
            self._spawn(f"model {name}", self.runners[name].run())
        for name, source in self._sources.items():
            self._spawn(f"source {name}", self._feed(name, source))
        self._spawn("heartbeat", self._heartbeat())
        self._scheduler.start()

    async def run(self) -> None:
        """Wait until a task ends. Raises what it raised."""
        done, _ = await asyncio.wait(self._tasks, return_when=asyncio.FIRST_EXCEPTION)
        for task in done:
            task.result()

    async def stop(self) -> None:
        await self._scheduler.stop()
        # sources first: closed, they end by themselves, even one that overhears its cancellation
        await asyncio.gather(*(source.close() for source in self._sources.values()))
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()
        await asyncio.to_thread(self._executor.shutdown, wait=True, cancel_futures=True)

    def _spawn(self, name: str, work: Coroutine[None, None, None]) -> None:
        self._tasks.append(asyncio.create_task(work, name=name))

    async def _feed(self, name: str, source: Source) -> None:
        """Connect (for as long as it takes), bind the models, then deliver for ever."""
        if not source.tags:
            await connect(name, source)
        feed = self._feeds.get(name) or Feed(WindowStore)
        for model, loaded in self._models.items():
            bound = bind(self._config, model, loaded, name, source.tags, feed)
            await self.runners[model].bind(bound)
            for binding in bound:
                await self._publisher.publish_inputs(model, binding.asset, binding.tags)
        await source.run(feed)

    async def _heartbeat(self, period_s: float = 1.0) -> None:
        while True:
            await self._publisher.beat()
            for name, source in self._sources.items():
                await self._publisher.publish_source(name, source.state.value, source.stats)
            for name, runner in self.runners.items():
                runner.health.next_run = self._scheduler.next_run(name)
                await runner.publish_health()
            await asyncio.sleep(period_s)
