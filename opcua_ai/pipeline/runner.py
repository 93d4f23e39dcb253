"""One model on its schedule: windows of all its assets in, one batch, results out."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from opcua_ai.core import status as codes
from opcua_ai.core.ports import Policy, Predictor, Publisher
from opcua_ai.core.types import (
    NS,
    Decision,
    FaultVerdict,
    ModelHealth,
    ModelInfo,
    ModelResult,
    ModelState,
    Prediction,
    Tag,
    Window,
)
from opcua_ai.pipeline.schedule import Bell
from opcua_ai.windows.store import WindowStore

log = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class Binding:
    """One asset of a model, once its source is known."""

    asset: str
    store: WindowStore
    columns: NDArray[np.int64]
    """Columns of the store in the order of the model's inputs; -1 = the source lacks the tag."""
    tags: Sequence[Tag]
    policies: Mapping[str, Policy]
    """Decision name -> policy with the state of this asset."""
    seen: int = -1
    """Version of the store at the last run."""
    coverage: float = 0.0
    """Usable cells of its last window, in percent."""

    def same_inputs(self, other: Binding) -> bool:
        return np.array_equal(self.columns, other.columns) and self.tags == other.tags


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A bundle ready to run, with what the runner must know of its manifest."""

    predictor: Predictor
    info: ModelInfo
    rows: int
    period_s: float
    stale_after_s: float | None


class Runner:
    """Waits for its bell, predicts off the event loop, publishes, decides."""

    def __init__(
        self,
        model: LoadedModel,
        publisher: Publisher,
        executor: Executor,
        bell: Bell,
        superseded: Callable[[], datetime | None],
    ) -> None:
        """``superseded`` tells when the run after the next is due."""
        self.health = ModelHealth()
        self.bindings: list[Binding] = []
        self._model = model
        self._publisher = publisher
        self._executor = executor
        self._bell = bell
        self._superseded = superseded
        self._failure = ""
        """Of the present run."""
        self._last_failure = ""
        self._publishing = asyncio.Lock()
        """One run's results, or that there are none any more, at a time."""

    @property
    def enabled(self) -> bool:
        return self.health.state != ModelState.DISABLED

    def ring(self) -> None:
        """Ask for a run beside the schedule."""
        self._bell.ring()

    async def bind(self, bindings: Sequence[Binding]) -> None:
        """Take over assets whose source is known now."""
        self.bindings += bindings
        if not self.enabled:
            await self._show_out_of_service(bindings)

    def rebind(self, binding: Binding) -> None:
        """Other columns for an asset, which goes on."""
        self.bindings = [binding if b.asset == binding.asset else b for b in self.bindings]

    async def unbind(self, assets: Collection[str]) -> None:
        """Let go of assets whose source goes: BadOutOfService until they are bound again."""
        gone = [binding for binding in self.bindings if binding.asset in assets]
        self.bindings = [binding for binding in self.bindings if binding.asset not in assets]
        if not gone:
            return
        if self.enabled:
            names = ", ".join(binding.asset for binding in gone)
            self.health.state, self.health.message = ModelState.WAITING, f"{names}: no source"
        await self._show_out_of_service(gone)

    def describe(self, info: ModelInfo) -> None:
        """Other assets or another schedule."""
        self._model = replace(self._model, info=info)

    async def disable(self) -> None:
        """No more runs; one that is under way is not shown. Everything becomes BadOutOfService."""
        self.health.state = ModelState.DISABLED
        self.health.message = "disabled; Enable starts it again"
        self.health.next_run = None
        await self._show_out_of_service(self.bindings)
        await self.publish_health()

    async def enable(self) -> None:
        """Run again, at once."""
        self.health.state, self.health.message = ModelState.WAITING, ""
        for binding in self.bindings:
            binding.seen = -1
        self.ring()
        await self.publish_health()

    async def run(self) -> None:
        while True:
            await self._bell.wait()
            if not self.enabled:
                continue
            self._bell.busy = True
            try:
                await self.run_once()
            finally:
                self._bell.busy = False

    async def run_once(self) -> None:
        """One run over every asset whose window is new. A failure of the model or of a policy is
        shown as Bad predictions and in the model's health, never raised."""
        due = self._due()
        self._failure = ""
        started = time.perf_counter()
        if due:
            windows = [self._window(binding) for binding in due]
            predictions = await self._predict(windows)
            self.health.latency = time.perf_counter() - started
            async with self._publishing:
                if not self.enabled:
                    return
                for binding, window, found in zip(due, windows, predictions, strict=True):
                    if binding not in self.bindings:
                        continue
                    binding.coverage = _coverage(found, window)
                    await self._publish(binding, window, found)
                self._note(due)
        self.health.runs += 1
        self.health.last_run = datetime.now(UTC)
        await self.publish_health()

    async def publish_health(self) -> None:
        self.health.missed_runs = self._bell.missed
        await self._publisher.publish_health(self._model.info.name, self.health)

    def _due(self) -> list[Binding]:
        due: list[Binding] = []
        for binding in self.bindings:
            binding.store.close_settled()
            if binding.seen != binding.store.version:
                binding.seen = binding.store.version
                due.append(binding)
        return due

    def _window(self, binding: Binding) -> Window:
        return binding.store.window(binding.columns, self._model.rows, self._model.stale_after_s)

    async def _predict(self, windows: Sequence[Window]) -> list[list[Prediction]]:
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(
                self._executor, self._model.predictor.predict, windows
            )
        except Exception as error:
            self._fail(f"model {self._model.info.name}", error)
            return [self._out_of_service(window) for window in windows]

    def _fail(self, what: str, error: Exception) -> None:
        """Note the failure of this run; the log gets it once, not at every run."""
        self._failure = f"{what}: {type(error).__name__}: {error}"
        if self._failure != self._last_failure:
            log.error("%s failed", what, exc_info=error)

    def _out_of_service(self, window: Window) -> list[Prediction]:
        return [
            Prediction(output.name, float("nan"), codes.BAD_OUT_OF_SERVICE, window.newest_sample)
            for output in self._model.info.outputs
        ]

    async def _show_out_of_service(self, bindings: Sequence[Binding]) -> None:
        async with self._publishing:
            for binding in bindings:
                window = self._window(binding)
                await self._publish(binding, window, self._out_of_service(window))

    async def _publish(
        self, binding: Binding, window: Window, predictions: Sequence[Prediction]
    ) -> None:
        info = self._model.info
        result = ModelResult(
            model=info.name,
            asset=binding.asset,
            bundle=f"{info.bundle} {info.version} ({info.digest[:12]})",
            predictions=predictions,
            window=window,
            tags=binding.tags,
            valid_until=self._valid_until(window),
        )
        await self._publisher.publish(result)
        for name, policy in binding.policies.items():
            decision = self._decide(name, policy, result)
            if decision is not None:
                await self._publisher.publish_decision(name, info.application, decision)

    def _valid_until(self, window: Window) -> int:
        """Two rows of the plant or two runs later, whatever takes longer, a newer result is due; in
        a plant where nothing changes too, whose newest row is newer than its newest sample."""
        if not window.newest_sample:
            return 0
        due = self._superseded()
        wait_s = (due - datetime.now(UTC)).total_seconds() if due else 0.0
        newest = max(window.newest_sample, window.time)
        return newest + round(max(2 * self._model.period_s, wait_s) * NS)

    def _decide(self, name: str, policy: Policy, result: ModelResult) -> Decision | None:
        try:
            decision = policy.decide(result)
        except Exception as error:
            self._fail(f"decision {name}", error)
            return None
        if isinstance(decision, FaultVerdict) and decision.changed:
            level = logging.WARNING if decision.active else logging.INFO
            log.log(level, "alarm %s of %s: %s", name, result.asset, decision.message)
        return decision

    def _worst_coverage(self) -> float:
        return min((binding.coverage for binding in self.bindings), default=0.0)

    def _note(self, due: Sequence[Binding]) -> None:
        """The state of the model's health after a run."""
        unbound = len(self._model.info.assets) > len(self.bindings)
        self.health.coverage = 0.0 if unbound else self._worst_coverage()
        short = [b.asset for b in due if b.store.filled < self._model.rows]
        if self._failure:
            self.health.state, self.health.message = ModelState.FAILED, self._failure
        elif short:
            filled = min(b.store.filled for b in due)
            self.health.state = ModelState.WAITING
            self.health.message = f"{', '.join(short)}: {filled} of {self._model.rows} rows"
        else:
            self.health.state, self.health.message = ModelState.RUNNING, ""
        if self._last_failure and not self._failure:
            log.info("model %s works again", self._model.info.name)
        self._last_failure = self._failure


def _coverage(predictions: Sequence[Prediction], window: Window) -> float:
    """As the model sees it (also out of range is not usable); as the window does without one."""
    known = [p.coverage for p in predictions if math.isfinite(p.coverage)]
    return min(known, default=window.coverage)
