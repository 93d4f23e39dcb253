import asyncio
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from opcua_ai.core import status as codes
from opcua_ai.core.types import (
    NS,
    Decision,
    ModelHealth,
    ModelInfo,
    ModelResult,
    ModelState,
    OutputInfo,
    Prediction,
    Samples,
    Tag,
    Window,
)
from opcua_ai.decisions.faults import Options, Policy
from opcua_ai.pipeline.runner import Binding, LoadedModel, Runner
from opcua_ai.pipeline.schedule import Bell
from opcua_ai.windows.store import WindowStore

TAG = Tag("P/T", "nsu=urn:p;s=T", unit="degC")


class Mean:
    """A real, tiny predictor: the mean of the window against a limit of 10."""

    def __init__(self) -> None:
        self.batches: list[int] = []
        self.threads: set[str] = set()
        self.fail = False
        self.delay = 0.0

    def predict(self, windows: Sequence[Window]) -> list[list[Prediction]]:
        self.batches.append(len(windows))
        self.threads.add(threading.current_thread().name)
        time.sleep(self.delay)
        if self.fail:
            raise ValueError("broken on purpose")
        return [
            [
                Prediction(
                    "detection",
                    float(window.value.mean()) / 10,
                    int(window.status.max()),
                    window.newest_sample,
                )
            ]
            for window in windows
        ]


class Recorder:
    """A publisher that keeps what it gets."""

    def __init__(self) -> None:
        self.results: list[ModelResult] = []
        self.decisions: list[Decision] = []
        self.health: list[tuple[ModelState, str, int]] = []

    async def publish(self, result: ModelResult) -> None:
        self.results.append(result)

    async def publish_decision(
        self, decision_name: str, application: str, decision: Decision
    ) -> None:
        self.decisions.append(decision)

    async def publish_health(self, model: str, health: ModelHealth) -> None:
        self.health.append((health.state, health.message, health.missed_runs))

    async def publish_inputs(self, model: str, asset: str, tags: Sequence[Tag]) -> None: ...

    async def publish_source(self, name: str, state: str, stats: object) -> None: ...

    async def forget_source(self, name: str) -> None: ...

    async def beat(self) -> None: ...


def sample(value: float, second: int, status: int = 0) -> Samples:
    return Samples(
        np.array([0], np.int32),
        np.array([value]),
        np.array([status], np.uint32),
        np.array([second * NS], np.int64),
    )


def lost(second: int) -> Samples:
    return sample(float("nan"), second, codes.BAD_NO_COMMUNICATION)


class Rig:
    def __init__(self, assets: int = 1) -> None:
        self.model, self.out, self.bell = Mean(), Recorder(), Bell()
        info = ModelInfo(
            "m", "mean", "1", "ab" * 32, "test", "fault", "FaultPrediction", "", "", "", "",
            [TAG], [OutputInfo("detection", "score")], {},
        )  # fmt: skip
        loaded = LoadedModel(self.model, info, rows=2, period_s=1.0, stale_after_s=None)
        self.executor = ThreadPoolExecutor(1, thread_name_prefix="predict")
        self.superseded: datetime | None = None
        self.runner = Runner(loaded, self.out, self.executor, self.bell, lambda: self.superseded)
        options = Options(policy="faults", model="m", on_delay=1)
        self.stores = [WindowStore(1, 1.0, 2, settle_s=0.0) for _ in range(assets)]
        for store in self.stores:
            store.use(np.array([0]))
        self.runner.bindings = [
            Binding(f"line{k}", store, np.array([0]), [TAG], {"alarm": Policy(options)})
            for k, store in enumerate(self.stores)
        ]

    def feed(self, value: float, second: int, status: int = 0) -> None:
        for store in self.stores:
            store.add(sample(value, second, status))


@pytest.fixture
def rig():
    rig = Rig()
    yield rig
    rig.executor.shutdown()


async def test_a_run_predicts_off_the_loop_publishes_and_decides(rig: Rig) -> None:
    for second in (1, 2, 3):
        rig.feed(20.0, second)
    await rig.runner.run_once()
    (result,) = rig.out.results
    assert result.predictions[0].value == 2.0
    assert result.predictions[0].source_time == 3 * NS
    assert result.bundle == "mean 1 (abababababab)"
    assert rig.out.decisions[0].changed  # pyright: ignore[reportAttributeAccessIssue]
    assert all(name.startswith("predict") for name in rig.model.threads)
    assert rig.out.health == [(ModelState.RUNNING, "", 0)]


async def test_a_result_holds_for_two_rows_or_two_runs(rig: Rig) -> None:
    for second, wait_s in ((1, None), (2, 1.0), (3, 60.0)):
        rig.superseded = wait_s and datetime.now(UTC) + timedelta(seconds=wait_s)
        rig.feed(1.0, second)
        await rig.runner.run_once()
    held_s = [result.valid_until / NS - second for second, result in enumerate(rig.out.results, 1)]
    assert held_s == pytest.approx([2.0, 2.0, 60.0], abs=1.0)


async def test_in_a_plant_where_nothing_changes_a_result_is_renewed(rig: Rig) -> None:
    rig.feed(1.0, 1)
    for until in (1, 31):
        for store in rig.stores:
            store.add(Samples(*(np.zeros(0, int) for _ in range(4)), until=until * NS))
        await rig.runner.run_once()
    held = [result.valid_until / NS for result in rig.out.results]
    assert held == [1 + 2, 30 + 2]
    assert [r.predictions[0].source_time for r in rig.out.results] == [NS, NS]


async def test_without_a_sample_a_result_has_no_end(rig: Rig) -> None:
    window = rig.stores[0].window(np.array([0]), 2, None)
    assert rig.runner._valid_until(window) == 0


async def test_nothing_new_means_no_prediction(rig: Rig) -> None:
    rig.feed(1.0, 1)
    await rig.runner.run_once()
    await rig.runner.run_once()
    assert len(rig.out.results) == 1
    assert rig.runner.health.runs == 2


async def test_all_assets_of_a_model_are_one_batch() -> None:
    rig = Rig(assets=5)
    rig.feed(1.0, 1)
    await rig.runner.run_once()
    rig.executor.shutdown()
    assert rig.model.batches == [5]
    assert [r.asset for r in rig.out.results] == [f"line{k}" for k in range(5)]


async def test_a_short_window_is_waiting_not_running(rig: Rig) -> None:
    rig.feed(1.0, 1)
    await rig.runner.run_once()
    assert rig.out.health[-1] == (ModelState.WAITING, "line0: 1 of 2 rows", 0)


async def test_a_failing_model_is_out_of_service_and_comes_back(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    rig.model.fail = True
    for second in (1, 2, 3):
        rig.feed(1.0, second)
        await rig.runner.run_once()
    assert [r.predictions[0].status for r in rig.out.results] == [codes.BAD_OUT_OF_SERVICE] * 3
    assert rig.out.health[-1][:2] == (ModelState.FAILED, "model m: ValueError: broken on purpose")
    assert caplog.text.count("model m failed") == 1, "logged once, not at every run"
    rig.model.fail = False
    rig.feed(1.0, 4)
    await rig.runner.run_once()
    assert rig.out.results[-1].predictions[0].status == codes.GOOD
    assert rig.out.health[-1][0] is ModelState.RUNNING


async def test_a_failing_policy_is_shown_and_its_neighbours_go_on(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken:
        def waiting(self, asset: str, model: ModelInfo) -> None: ...

        def decide(self, result: ModelResult) -> None:
            raise KeyError("purity")

    (binding,) = rig.runner.bindings
    binding.policies = {"broken": Broken(), **binding.policies}
    for second in (1, 2, 3):
        rig.feed(1.0, second)
        await rig.runner.run_once()
    assert len(rig.out.decisions) == 3, "the other decision is still made"
    assert rig.out.health[-1][:2] == (ModelState.FAILED, "decision broken: KeyError: 'purity'")
    assert caplog.text.count("decision broken failed") == 1, "logged once, not at every run"


async def test_an_alarm_is_logged_when_it_comes(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    for second in (1, 2, 3):
        rig.feed(20.0, second)
        await rig.runner.run_once()
    assert caplog.text.count("alarm alarm of line0: Unusual operation") == 1


async def test_overruns_are_counted_and_never_run_side_by_side(rig: Rig) -> None:
    rig.model.delay = 0.2
    task = asyncio.create_task(rig.runner.run())
    rig.feed(1.0, 1)
    for _ in range(4):
        rig.bell.ring()
        await asyncio.sleep(0.03)
    await asyncio.sleep(0.5)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert rig.model.batches == [1]
    assert rig.runner.health.missed_runs == 3


async def test_the_coverage_is_the_worst_of_all_assets_not_only_of_those_with_news() -> None:
    rig = Rig(assets=2)
    for second in (1, 2, 3):
        rig.feed(1.0, second)
    rig.stores[1].add(lost(second=3))
    await rig.runner.run_once()
    rig.stores[0].add(sample(1.0, second=4))
    await rig.runner.run_once()
    rig.executor.shutdown()
    assert rig.model.batches == [2, 1]
    assert rig.runner.health.coverage == 50.0


async def test_assets_that_go_during_a_run_are_out_of_service_not_shown(rig: Rig) -> None:
    for second in (1, 2, 3):
        rig.feed(20.0, second)
    rig.model.delay = 0.1
    run = asyncio.create_task(rig.runner.run_once())
    await asyncio.sleep(0.02)
    await rig.runner.unbind({"line0"})
    assert rig.runner.health.message == "line0: no source"
    await run
    (result,) = rig.out.results
    assert result.predictions[0].status == codes.BAD_OUT_OF_SERVICE
    assert rig.runner.bindings == []


async def test_other_columns_for_an_asset_that_goes_on(rig: Rig) -> None:
    (binding,) = rig.runner.bindings
    tag = Tag("P/U", "nsu=urn:p;s=U")
    other = replace(binding, tags=[tag])
    assert binding.same_inputs(replace(binding))
    assert not binding.same_inputs(other)
    rig.runner.rebind(other)
    for second in (1, 2, 3):
        rig.feed(20.0, second)
    await rig.runner.run_once()
    assert [result.tags for result in rig.out.results] == [[tag]]
