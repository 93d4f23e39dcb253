"""Values by Read (Part 4, 5.11.2), for tags that a server takes into no subscription.

What comes and goes between two reads is not seen; a value is delivered when it or its status has
changed since the last read, as a subscription does (DataChangeTrigger StatusValue, Part 4, 7.22.2).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence

import numpy as np
from asyncua import ua

from opcua_ai.core.ports import SourceStats
from opcua_ai.core.types import Samples
from opcua_ai.sources._decode import NOTHING
from opcua_ai.sources._publish import Deliver
from opcua_ai.sources._reads import decode, sent
from opcua_ai.sources._session import Link, plain_errors


class Polling:
    """Reads columns in turn; ``targets`` may change between two rounds."""

    def __init__(self, interval_s: float, stats: SourceStats) -> None:
        self.targets: Mapping[int, ua.NodeId] = {}
        self._interval_s = interval_s
        self._stats = stats
        self._last: dict[int, tuple[float, int]] = {}

    async def run(self, link: Link, deliver: Deliver) -> None:
        """Read at the interval until the link is lost. Raises SourceLostError that says why."""
        self._last.clear()
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            if self.targets:
                with plain_errors(link.endpoint):
                    await self._round(link, deliver)
            due = max(due + self._interval_s, loop.time())
            await asyncio.sleep(due - loop.time())

    async def _round(self, link: Link, deliver: Deliver) -> None:
        async def part(targets: Sequence[tuple[int, ua.NodeId]]) -> list[int]:
            body = await link.session.read_raw([node_id for _, node_id in targets])
            began = time.thread_time()
            when = sent(body)
            self._answered(decode(body, [column for column, _ in targets]), when, deliver)
            self._stats.cpu_s += time.thread_time() - began
            return [when] * len(targets)

        # what was read first is known until then only
        deliver(NOTHING, min(await link.read_chunks.gather([*self.targets.items()], part)))

    def _answered(self, samples: Samples, when: int, deliver: Deliver) -> None:
        """Deliver what is new. A NaN is one with its status, and equals none."""
        new: list[int] = []
        pairs = zip(samples.value.tolist(), samples.status.tolist(), strict=True)
        for at, (column, (value, state)) in enumerate(
            zip(samples.column.tolist(), pairs, strict=True)
        ):
            now = (value if value == value else 0.0, state)
            if self._last.get(column) != now:
                self._last[column] = now
                new.append(at)
        if new:
            deliver(samples.where(np.array(new)), when)
