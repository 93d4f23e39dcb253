"""When models run: APScheduler triggers, it never computes.

A trigger only rings a bell (:class:`Bell`); the runner that owns the bell does the work.
APScheduler reckons with the wall clock, so a clock that is set back would stop interval jobs for
as long; the guard notices a jump against the monotonic clock and schedules every job anew.
"""

# APScheduler 3 carries no types:
# pyright: basic, reportArgumentType=false, reportMissingTypeStubs=false

from __future__ import annotations

import asyncio
import logging
import time
from datetime import UTC, datetime

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger

from opcua_ai.core.config import Schedule

log = logging.getLogger(__name__)

CLOCK_JUMP_S = 2.0
GUARD_PERIOD_S = 1.0


class Bell:
    """Rung by the scheduler, answered by one runner; a ring while it is busy is a missed run."""

    def __init__(self) -> None:
        self._due = asyncio.Event()
        self._rung: float | None = None
        self.busy = False
        self.missed = 0

    def ring(self, interval_s: float | None = None) -> None:
        """Ask for a run; with an interval, rings that never came are counted as missed too."""
        now = time.monotonic()
        if interval_s is not None and self._rung is not None:
            self.missed += max(0, round((now - self._rung) / interval_s) - 1)
        self._rung = now
        if self.busy or self._due.is_set():
            self.missed += 1
        self._due.set()

    def retime(self) -> None:
        """Another schedule: the time since the last ring says nothing of missed ones."""
        self._rung = None

    async def wait(self) -> None:
        await self._due.wait()
        self._due.clear()


class Scheduler:
    """Jobs that ring bells, guarded against jumps of the wall clock."""

    def __init__(self) -> None:
        self._scheduler = AsyncIOScheduler(
            timezone=UTC,
            job_defaults={"max_instances": 1, "coalesce": True, "misfire_grace_time": None},
        )
        self._jobs: dict[str, Schedule] = {}
        self._bells: dict[str, Bell] = {}
        self._guard: asyncio.Task[None] | None = None

    def add(self, name: str, schedule: Schedule, bell: Bell) -> None:
        # A coroutine function runs in the loop; a plain one would go to a thread.
        async def ring() -> None:
            bell.ring(schedule.interval_s)

        self._jobs[name], self._bells[name] = schedule, bell
        self._scheduler.add_job(ring, _trigger(schedule), id=name, replace_existing=True)

    def change(self, name: str, schedule: Schedule) -> None:
        """Another schedule for a job, from now on; one that is paused stays so."""
        paused = self.next_run(name) is None
        self._bells[name].retime()
        self.add(name, schedule, self._bells[name])
        if paused:
            self.pause(name)

    def start(self) -> None:
        self._scheduler.start()
        self._guard = asyncio.create_task(self._watch_clock(), name="clock guard")

    async def stop(self) -> None:
        if self._guard is not None:
            self._guard.cancel()
            await asyncio.gather(self._guard, return_exceptions=True)
            self._guard = None
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)

    def pause(self, name: str) -> None:
        """No more rings until ``resume``."""
        self._scheduler.pause_job(name)

    def resume(self, name: str) -> None:
        self._scheduler.resume_job(name)

    def next_run(self, name: str) -> datetime | None:
        job = self._scheduler.get_job(name)
        return job.next_run_time if job else None

    def run_after_next(self, name: str) -> datetime | None:
        """When the second run from now is due; None when there is none."""
        job = self._scheduler.get_job(name)
        if job is None or job.next_run_time is None:
            return None
        return job.trigger.get_next_fire_time(job.next_run_time, job.next_run_time)

    def reschedule(self) -> None:
        """Reckon every job's next run from the present wall clock; one that is paused stays so."""
        for name, schedule in self._jobs.items():
            if self.next_run(name) is not None:
                self._scheduler.reschedule_job(name, trigger=_trigger(schedule))

    async def _watch_clock(self) -> None:
        offset = time.time() - time.monotonic()
        while True:
            await asyncio.sleep(GUARD_PERIOD_S)
            now = time.time() - time.monotonic()
            if abs(now - offset) > CLOCK_JUMP_S:
                log.warning("the wall clock jumped by %+.1f s: schedules begin anew", now - offset)
                self.reschedule()
            offset = now


def _trigger(schedule: Schedule) -> IntervalTrigger | CronTrigger:
    if schedule.cron is not None:
        return CronTrigger.from_crontab(schedule.cron, timezone=UTC)
    return IntervalTrigger(seconds=schedule.interval_s, timezone=UTC)
