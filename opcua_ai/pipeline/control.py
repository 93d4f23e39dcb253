"""What people do with the models while the product runs: run now, disable, enable.

Which models are disabled survives a restart, in ``models.json`` of the state folder.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from opcua_ai.core import state_file
from opcua_ai.pipeline.runner import Runner
from opcua_ai.pipeline.schedule import Scheduler

log = logging.getLogger(__name__)

FILE = "models.json"


class _Kept(BaseModel):
    model_config = ConfigDict(extra="forbid")

    version: Literal[1] = 1
    disabled: list[str]
    """Also names that the present configuration lacks: they come back as they went."""


class Control:
    """The :class:`ModelControl` of a pipeline; one change after the other."""

    def __init__(self, scheduler: Scheduler, runners: Mapping[str, Runner], folder: Path) -> None:
        """``runners`` is the pipeline's own: a model that is not in it yet cannot be controlled."""
        self._scheduler = scheduler
        self._runners = runners
        self._file = folder / FILE
        self._disabled: set[str] = set()
        self._order = asyncio.Lock()

    async def restore(self) -> None:
        """Disable what was disabled when the product last ran."""
        async with self._order:
            lost = "no model is disabled any more"
            kept = await asyncio.to_thread(state_file.read, self._file, _Kept, lost)
            self._disabled = set(kept.disabled) if kept is not None else set()
            for model in sorted(self._disabled & self._runners.keys()):
                log.warning("model %s is disabled since an earlier run", model)
                self._scheduler.pause(model)
                await self._runners[model].disable()

    def run_now(self, model: str) -> bool:
        runner = self._runners.get(model)
        if runner is None or not runner.enabled:
            return False
        log.info("model %s: RunNow", model)
        runner.ring()
        return True

    async def enable(self, model: str) -> bool:
        async with self._order:
            runner = self._runners.get(model)
            if runner is None or runner.enabled:
                return False
            log.info("model %s is enabled again", model)
            self._disabled.discard(model)
            self._scheduler.resume(model)
            await runner.enable()
            await self._keep()
            return True

    async def disable(self, model: str) -> bool:
        async with self._order:
            runner = self._runners.get(model)
            if runner is None or not runner.enabled:
                return False
            log.warning("model %s is disabled: no predictions until Enable", model)
            self._disabled.add(model)
            self._scheduler.pause(model)
            await runner.disable()
            await self._keep()
            return True

    async def _keep(self) -> None:
        text = _Kept(disabled=sorted(self._disabled)).model_dump_json()
        try:
            await asyncio.to_thread(state_file.replace, self._file, f"{text}\n")
        except OSError as error:
            log.error(
                "%s: cannot be written (%s): a restart forgets which models are disabled",
                self._file,
                error.strerror or error,
            )
