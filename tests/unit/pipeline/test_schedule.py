import asyncio
import time
from datetime import UTC, datetime, timedelta

import pytest

from opcua_ai.core.config import Schedule
from opcua_ai.pipeline import schedule as module
from opcua_ai.pipeline.schedule import Bell, Scheduler


async def test_a_ring_while_busy_or_unanswered_is_a_missed_run() -> None:
    bell = Bell()
    bell.ring()
    assert bell.missed == 0
    bell.ring()
    assert bell.missed == 1
    await asyncio.wait_for(bell.wait(), 1)
    bell.busy = True
    bell.ring()
    assert bell.missed == 2
    await asyncio.wait_for(bell.wait(), 1)


async def test_rings_that_never_came_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(module.time, "monotonic", lambda: now)
    bell = Bell()
    bell.ring(interval_s=1.0)
    await bell.wait()
    now = 105.1  # the event loop stood still
    bell.ring(interval_s=1.0)
    assert bell.missed == 4


async def test_an_interval_job_rings_and_tells_its_next_run() -> None:
    scheduler, bell = Scheduler(), Bell()
    scheduler.add("m", Schedule(interval_s=0.05), bell)
    scheduler.start()
    try:
        for _ in range(3):
            await asyncio.wait_for(bell.wait(), 2)
        following = scheduler.next_run("m")
        assert following is not None
        assert abs(following - datetime.now(UTC)) < timedelta(seconds=1)
        after = scheduler.run_after_next("m")
        assert after is not None
        assert after - following == timedelta(seconds=0.05)
    finally:
        await scheduler.stop()


async def test_a_cron_job_waits_for_its_time() -> None:
    scheduler, bell = Scheduler(), Bell()
    scheduler.add("m", Schedule(cron="0 0 1 1 *"), bell)
    scheduler.start()
    try:
        following = scheduler.next_run("m")
        assert following is not None
        assert (following.month, following.day, following.hour) == (1, 1, 0)
        after = scheduler.run_after_next("m")
        assert after is not None
        assert (after.year, after.month, after.day) == (following.year + 1, 1, 1)
        assert scheduler.run_after_next("nobody") is None
    finally:
        await scheduler.stop()


async def test_a_clock_set_back_an_hour_does_not_stop_interval_jobs(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The next run stands an hour ahead of the (set back) clock; the guard brings it home."""
    scheduler, bell = Scheduler(), Bell()
    scheduler.add("m", Schedule(interval_s=0.2), bell)
    monkeypatch.setattr(module, "GUARD_PERIOD_S", 0.05)
    scheduler.start()
    try:
        await asyncio.wait_for(bell.wait(), 2)
        ahead = datetime.now(UTC) + timedelta(hours=1)
        scheduler._scheduler.modify_job("m", next_run_time=ahead)
        bell._due.clear()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(bell.wait(), 0.5)
        real = time.time
        monkeypatch.setattr(module.time, "time", lambda: real() - 3600)
        await asyncio.wait_for(bell.wait(), 2)
        assert "jumped by -3600" in caplog.text
    finally:
        await scheduler.stop()


async def test_another_schedule_counts_no_missed_runs_and_stays_paused() -> None:
    scheduler, bell = Scheduler(), Bell()
    scheduler.add("m", Schedule(interval_s=3600), bell)
    scheduler.start()
    bell.ring(3600)
    await bell.wait()
    bell._rung -= 100
    scheduler.change("m", Schedule(interval_s=0.02))
    await asyncio.wait_for(bell.wait(), 5)
    assert bell.missed == 0
    scheduler.pause("m")
    scheduler.change("m", Schedule(interval_s=0.01))
    assert scheduler.next_run("m") is None
    scheduler.resume("m")
    assert scheduler.next_run("m") is not None
    await scheduler.stop()
