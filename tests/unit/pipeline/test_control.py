"""Models run by hand: run now, disable, enable, and what a restart remembers."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from opcua_ai.core import state_file
from opcua_ai.core import status as codes
from opcua_ai.core.config import Schedule
from opcua_ai.core.types import ModelState
from opcua_ai.pipeline.control import FILE, Control
from opcua_ai.pipeline.schedule import Scheduler
from tests.unit.pipeline.test_runner import Rig


class Controlled(Rig):
    """A runner with a real schedule: a cron that never comes in a test."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.scheduler = Scheduler()
        self.scheduler.add("m", Schedule(cron="0 0 1 1 *"), self.bell)
        self.control = Control(self.scheduler, {"m": self.runner}, folder)
        self.task = asyncio.create_task(self.runner.run())
        self.scheduler.start()

    async def stop(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)
        await self.scheduler.stop()
        self.executor.shutdown()

    async def runs(self, number: int) -> None:
        async with asyncio.timeout(5):
            while self.runner.health.runs < number:
                await asyncio.sleep(0.01)

    @property
    def statuses(self) -> list[int]:
        return [result.predictions[0].status for result in self.out.results]


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Controlled]:
    rig = Controlled(tmp_path)
    yield rig
    await rig.stop()


async def test_run_now_runs_once_beside_the_schedule(rig: Controlled) -> None:
    for second in (1, 2, 3):
        rig.feed(1.0, second)
    assert rig.control.run_now("m")
    await rig.runs(1)
    assert rig.statuses == [codes.GOOD]


async def test_a_disabled_model_is_out_of_service_and_does_not_run(rig: Controlled) -> None:
    rig.feed(1.0, 1)
    assert await rig.control.disable("m")
    assert rig.statuses == [codes.BAD_OUT_OF_SERVICE]
    assert rig.out.health[-1][0] is ModelState.DISABLED
    assert rig.scheduler.next_run("m") is None
    assert not rig.control.run_now("m")
    assert not await rig.control.disable("m")
    rig.bell.ring()  # one that was on its way
    await asyncio.sleep(0.05)
    assert rig.model.batches == []


async def test_enable_runs_at_once_even_without_news(rig: Controlled) -> None:
    for second in (1, 2, 3):
        rig.feed(1.0, second)
    rig.control.run_now("m")
    await rig.runs(1)
    assert not await rig.control.enable("m"), "it is enabled"
    await rig.control.disable("m")
    assert await rig.control.enable("m")
    await rig.runs(2)
    assert rig.statuses == [codes.GOOD, codes.BAD_OUT_OF_SERVICE, codes.GOOD]
    assert rig.out.health[-1][0] is ModelState.RUNNING
    assert rig.scheduler.next_run("m") is not None


async def test_a_run_that_is_under_way_is_not_shown(rig: Controlled) -> None:
    rig.model.delay = 0.2
    rig.feed(1.0, 1)
    rig.control.run_now("m")
    while not rig.bell.busy:
        await asyncio.sleep(0)
    await rig.control.disable("m")
    while rig.bell.busy:
        await asyncio.sleep(0.01)
    assert rig.model.batches == [1]
    assert rig.statuses == [codes.BAD_OUT_OF_SERVICE]


async def test_an_asset_that_comes_later_is_out_of_service_too(rig: Controlled) -> None:
    late, rig.runner.bindings = rig.runner.bindings, []
    await rig.control.disable("m")
    await rig.runner.bind(late)
    assert rig.statuses == [codes.BAD_OUT_OF_SERVICE]


async def test_a_clock_jump_does_not_start_it(rig: Controlled) -> None:
    await rig.control.disable("m")
    rig.scheduler.reschedule()
    assert rig.scheduler.next_run("m") is None


async def test_before_the_start_nothing_can_be_controlled(tmp_path: Path) -> None:
    control = Control(Scheduler(), {}, tmp_path)
    assert not control.run_now("m")
    assert not await control.disable("m")
    assert not await control.enable("m")


async def test_a_restart_remembers(
    rig: Controlled, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await rig.control.disable("m")
    again = Controlled(tmp_path)
    await again.control.restore()
    assert not again.runner.enabled
    assert again.scheduler.next_run("m") is None
    assert caplog.text.count("disabled since an earlier run") == 1
    await again.control.enable("m")
    await again.stop()
    last = Controlled(tmp_path)
    await last.control.restore()
    assert last.runner.enabled
    await last.stop()


async def test_a_model_that_the_configuration_lacks_is_kept(
    rig: Controlled, tmp_path: Path
) -> None:
    state_file.replace(tmp_path / FILE, '{"version":1,"disabled":["other"]}')
    await rig.control.restore()
    await rig.control.disable("m")
    assert json.loads((tmp_path / FILE).read_text())["disabled"] == ["m", "other"]


async def test_a_broken_file_is_said_and_every_model_runs(
    rig: Controlled, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / FILE).write_text('{"version":2,"disabled":[]}')
    await rig.control.restore()
    assert rig.runner.enabled
    assert "models.json: version: Input should be 1: no model is disabled" in caplog.text


async def test_a_file_that_cannot_be_written_is_said(
    rig: Controlled, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / FILE).mkdir()
    with caplog.at_level(logging.ERROR):
        assert await rig.control.disable("m")
    assert "a restart forgets which models are disabled" in caplog.text
    assert not rig.runner.enabled
