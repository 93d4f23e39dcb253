"""What a changing value costs a server that has one subscriber: plain asyncua, ours, node-opcua.

A thousand Doubles that all change twice a second, in a server process of their own; the subscriber
is the same asyncua client for all. CPU of the server process for 1000 changes, writing included.
``ratio`` is to plain asyncua in the same run. node-opcua takes part where npm is installed.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import tempfile
from pathlib import Path

import psutil
from asyncua import Client, ua

from opcua_ai.demo.processes import free_port
from tests.benchmarks.node import has
from tests.benchmarks.processes import serving

COUNT, HZ = 1000, 2.0
PERIOD_MS = 100.0
SETTLE, SECONDS = 3.0, 15.0
NODE_SERVER = Path(__file__).with_name("cost_server.js")


class Counter:
    """Counts notifications."""

    def __init__(self) -> None:
        self.values = 0

    def datachange_notification(self, node: object, value: object, data: object) -> None:
        self.values += 1


def measured() -> dict[str, dict[str, float]]:
    """Rows by server."""
    module = [sys.executable, "-m", "tests.benchmarks.cost_server"]
    servers = {"plain asyncua": [*module, "plain"], "opcua-ai": [*module, "ours"]}
    if has("node-opcua-server"):
        servers["node-opcua"] = ["node", str(NODE_SERVER)]
    with tempfile.TemporaryDirectory(prefix="opcua-ai-bench-") as folder:
        costs = {name: asyncio.run(_cost(command, folder)) for name, command in servers.items()}
    plain = costs["plain asyncua"]["cpu_ms_per_1000"]
    return {name: cost | {"ratio": cost["cpu_ms_per_1000"] / plain} for name, cost in costs.items()}


async def _cost(command: list[str], folder: str) -> dict[str, float]:
    port = free_port(4880)
    async with serving([*command, port, COUNT, HZ, folder], COUNT) as (process, nodes):
        return await _watch(psutil.Process(process.pid), port, nodes.split())


async def _watch(usage: psutil.Process, port: int, nodes: list[str]) -> dict[str, float]:
    counter = Counter()
    async with Client(f"opc.tcp://127.0.0.1:{port}/") as client:
        subscription = await client.create_subscription(PERIOD_MS, counter)
        items = [client.get_node(ua.NodeId.from_string(node)) for node in nodes]
        await subscription.subscribe_data_change(items, queuesize=10, sampling_interval=0.0)
        await asyncio.sleep(SETTLE)
        values, before = counter.values, usage.cpu_times()
        await asyncio.sleep(SECONDS)
        after = usage.cpu_times()
        values = counter.values - values
        with contextlib.suppress(ua.UaError):
            await subscription.delete()
    cpu = after.user + after.system - before.user - before.system
    return {"values_per_s": values / SECONDS, "cpu_ms_per_1000": cpu / values * 1e6}
