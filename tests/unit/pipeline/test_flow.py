"""The pipeline's own tasks, with a publisher that only writes down."""

import asyncio
import threading
from collections.abc import Sequence

import pytest

from opcua_ai.core.config import Config
from opcua_ai.core.types import ModelInfo, Prediction, Window
from opcua_ai.pipeline import flow as module
from opcua_ai.pipeline.flow import Pipeline
from opcua_ai.pipeline.runner import LoadedModel
from tests.unit.pipeline.test_runner import TAG, Recorder, sample


class Stuck:
    """A predictor that does not answer before it is released."""

    def __init__(self) -> None:
        self.release = threading.Event()

    def predict(self, windows: Sequence[Window]) -> list[list[Prediction]]:
        self.release.wait(10)
        return [[] for _ in windows]


class Health(Recorder):
    """Also keeps the next runs."""

    def __init__(self) -> None:
        super().__init__()
        self.next_runs: list[object] = []

    async def publish_health(self, model, health) -> None:
        self.next_runs.append(health.next_run)
        await super().publish_health(model, health)


class Silent:
    """A source that delivers one sample."""

    def __init__(self) -> None:
        from opcua_ai.core.ports import SourceState, SourceStats

        self.tags, self.state, self.stats = [TAG], SourceState.RUNNING, SourceStats()

    async def connect(self) -> None: ...

    async def close(self) -> None: ...

    async def run(self, sink) -> None:
        sink(sample(1.0, 1))
        await asyncio.Event().wait()


class Closable(Silent):
    """Notes its close."""

    def __init__(self) -> None:
        super().__init__()
        self.closed = asyncio.Event()

    async def close(self) -> None:
        self.closed.set()


@pytest.fixture
def rig(monkeypatch: pytest.MonkeyPatch):
    def build(schedule: dict[str, object]) -> tuple[Pipeline, Health, Stuck]:
        config = Config.model_validate(
            {
                "sources": {"plant": {"kind": "opcua", "endpoint": "opc.tcp://127.0.0.1:9/x"}},
                "models": {
                    "m": {"bundle": "m", "schedule": schedule, "assets": {"a": {"source": "plant"}}}
                },
            }
        )
        info = ModelInfo(
            "m", "mean", "1", "", "test", "fault", "FaultPrediction", "", "", "", "",
            [TAG], [], ["a"],
        )  # fmt: skip
        model, out = Stuck(), Health()
        loaded = LoadedModel(model, info, rows=2, period_s=1.0, stale_after_s=None)
        return Pipeline(config, {"plant": Silent()}, {"m": loaded}, out), out, model

    heartbeat = Pipeline._heartbeat
    monkeypatch.setattr(module.Pipeline, "_heartbeat", lambda self: heartbeat(self, 0.05))
    return build


async def test_the_next_run_is_shown_before_the_first_one(rig) -> None:
    pipeline, out, _ = rig({"cron": "0 0 1 1 *"})
    await pipeline.start()
    await asyncio.sleep(0.2)
    await pipeline.stop()
    assert out.next_runs[-1].month == 1


async def test_missed_runs_are_shown_while_a_model_hangs(rig) -> None:
    pipeline, out, model = rig({"interval_s": 0.05})
    await pipeline.start()
    loop, slowest, before = asyncio.get_running_loop(), 0.0, asyncio.get_running_loop().time()
    for _ in range(40):
        await asyncio.sleep(0.02)
        slowest, before = max(slowest, loop.time() - before), loop.time()
    missed = out.health[-1][2]
    model.release.set()
    await pipeline.stop()
    assert missed > 3
    assert slowest < 0.2, "the event loop was held up"


async def test_a_source_that_overhears_its_cancellation_ends_by_its_close(rig) -> None:
    class Deaf(Closable):
        async def run(self, sink) -> None:
            while not self.closed.is_set():
                try:
                    await self.closed.wait()
                except asyncio.CancelledError:
                    continue

    pipeline, _, model = rig({"interval_s": 60})
    model.release.set()
    pipeline._sources = {"plant": Deaf()}
    await pipeline.start()
    await asyncio.sleep(0.05)
    await asyncio.wait_for(pipeline.stop(), 2)


async def test_a_source_that_comes_during_a_heartbeat_is_told_of_next_time(rig) -> None:
    pipeline, out, model = rig({"interval_s": 60})
    model.release.set()
    told: list[str] = []
    enough = asyncio.Event()

    async def publish_source(name: str, state: str, stats: object) -> None:
        told.append(name)
        if len(told) == 1:
            pipeline.add("second", Silent(), None)
        if told.count("second") == 2:
            enough.set()

    out.publish_source = publish_source
    await pipeline.start()
    await asyncio.wait_for(enough.wait(), 5)
    await pipeline.stop()
    assert told[:3] == ["plant", "plant", "second"]


async def test_a_source_that_fails_for_good_ends_the_run_and_one_that_is_dropped_does_not(
    rig,
) -> None:
    class Failing(Closable):
        async def run(self, sink) -> None:
            await self.closed.wait()
            raise RuntimeError("broken on purpose")

    pipeline, _, model = rig({"interval_s": 60})
    model.release.set()
    await pipeline.start()
    running = asyncio.create_task(pipeline.run())
    for name in ("dropped", "failing"):
        pipeline.add(name, Failing(), None)
    await asyncio.sleep(0.05)
    await pipeline.drop(["dropped"])
    assert not running.done()
    await pipeline._sources["failing"].close()
    with pytest.raises(RuntimeError, match="on purpose"):
        await asyncio.wait_for(running, 5)
    await pipeline.stop()
