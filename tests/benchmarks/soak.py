"""Our source for a long time: does its memory grow, does it lose anything?

``python -m tests.benchmarks soak --minutes 30``: 5000 Doubles of a ``fast_server``, all of them
four times a second, into a window store with every tag in use. ``growth_mb`` is what the client
process takes at the end more than after its warm-up of a minute.
"""

from __future__ import annotations

import asyncio

from tests.benchmarks.client_cost import BLOCK, HZ, ITEMS, PYTHON, client, row, server

WARM_UP = 60.0


def measured(minutes: float) -> dict[str, dict[str, float]]:
    """One row."""
    return {f"{minutes:g} minutes": asyncio.run(_measured(minutes))}


async def _measured(minutes: float) -> dict[str, float]:
    async with server(ITEMS, HZ, BLOCK) as (url, nodes):
        result = await client([*PYTHON, "ours"], url, nodes, 60 * minutes, WARM_UP)
    return row(result) | {name: result[name] for name in ("values", "rss_mb", "growth_mb")}
