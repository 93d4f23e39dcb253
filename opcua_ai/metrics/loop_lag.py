"""How late the event loop is: what everything in this process waits for it."""

from __future__ import annotations

import asyncio

from prometheus_client import CollectorRegistry, Histogram

PERIOD_S = 0.1
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


def histogram(registry: CollectorRegistry) -> Histogram:
    """Seconds that the loop was late; every scrape has it from the first on."""
    return Histogram(
        "opcua_ai_event_loop_lag_seconds",
        "How late the event loop is, measured each 0.1 s.",
        registry=registry,
        buckets=_BUCKETS,
    )


async def measure(lag: Histogram) -> None:
    """Until cancelled: how much later than asked for the loop wakes us, each tenth of a second."""
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + PERIOD_S
        await asyncio.sleep(PERIOD_S)
        lag.observe(max(0.0, loop.time() - due))
