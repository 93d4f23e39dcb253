"""Values by Read (Part 4, 5.11.2), for tags that a server takes into no subscription.

What comes and goes between two reads is not seen; a value is delivered when it or its status has
changed since the last read, as a subscription does (DataChangeTrigger StatusValue, Part 4, 7.22.2).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from asyncua import ua

from opcua_ai.core.types import Samples
from opcua_ai.sources._gaps import choose
from opcua_ai.sources._reads import decode
from opcua_ai.sources._session import Link, plain_errors

Deliver = Callable[[Samples], None]


class Polling:
    """Reads columns in turn; ``targets`` may change between two rounds."""

    def __init__(self, interval_s: float) -> None:
        self.targets: Mapping[int, ua.NodeId] = {}
        self._interval_s = interval_s
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
        async def part(targets: Sequence[tuple[int, ua.NodeId]]) -> list[None]:
            body = await link.session.read_raw([node_id for _, node_id in targets])
            self._hand_on(decode(body, [column for column, _ in targets]), deliver)
            return [None] * len(targets)

        await link.read_chunks.gather([*self.targets.items()], part)

    def _hand_on(self, samples: Samples, deliver: Deliver) -> None:
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
            deliver(choose(samples, np.array(new)))
