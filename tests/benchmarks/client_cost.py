"""What a changing value costs a client: our source, asyncua's handler and iterator, node-opcua.

The same server for all (``fast_server``: 5000 Doubles, all of them four times a second, in messages
of 1000), each client in a process of its own. CPU of the client for 1000 notifications; ours goes
all the way into a window store with every tag in use. ``ratio`` is to ours in the same run. Then
ours at 100,000 and at 500,000 values a second for a minute each: values count upwards, so each lost
one shows. node-opcua takes part where npm is installed.
"""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import asynccontextmanager
from pathlib import Path

from opcua_ai.demo.processes import free_port
from tests.benchmarks import node
from tests.benchmarks.processes import serving, started

ITEMS, HZ, BLOCK, SECONDS = 5000, 4.0, 1000, 15.0
FULL_ITEMS, FULL_HZ, FULL_SECONDS = (10_000, 50_000), 10.0, 60.0
HERE = Path(__file__).parent
PYTHON = [sys.executable, "-m", "tests.benchmarks.cost_client"]


def measured() -> dict[str, dict[str, float]]:
    """Rows by client."""
    return asyncio.run(_measured())


async def _measured() -> dict[str, dict[str, float]]:
    clients = {
        "opcua-ai": [*PYTHON, "ours"],
        "asyncua handler": [*PYTHON, "handler"],
        "asyncua iterator": [*PYTHON, "iterator"],
    }
    if node.has("node-opcua-client"):
        clients["node-opcua"] = ["node", str(HERE / "cost_client.js")]
    rows: dict[str, dict[str, float]] = {}
    async with server(ITEMS, HZ, BLOCK) as (url, nodes):
        for name, command in clients.items():
            rows[name] = row(await client(command, url, nodes, SECONDS))
    cost = rows["opcua-ai"]["cpu_ms_per_1000"]
    for found in rows.values():
        found["ratio"] = found["cpu_ms_per_1000"] / cost
    for items in FULL_ITEMS:
        async with server(items, FULL_HZ, BLOCK) as (url, nodes):
            full = row(await client(clients["opcua-ai"], url, nodes, FULL_SECONDS))
        full["ratio"] = full["cpu_ms_per_1000"] / cost
        rows[f"opcua-ai, {items * FULL_HZ:,.0f}/s"] = full
    return rows


def row(result: dict[str, float]) -> dict[str, float]:
    return {
        "values_per_s": result["values"] / result["wall_s"],
        "lost": result["lost"],
        "cpu_ms_per_1000": result["cpu_s"] / result["values"] * 1e6,
    }


@asynccontextmanager
async def server(items: int, hz: float, block: int):
    """A ``fast_server``: its URL and the NodeIds of its items."""
    port = free_port(4890)
    command = [sys.executable, "-m", "tests.benchmarks.fast_server", port, items, hz, block]
    async with serving(command, items) as (_, nodes):
        yield f"opc.tcp://127.0.0.1:{port}/", nodes


async def client(command: list[str], url: str, nodes: str, *seconds: float) -> dict[str, float]:
    """What a client has counted in so many seconds, perhaps after a warm-up of so many."""
    async with started([*command, url, *seconds]) as process:
        output, _ = await process.communicate(nodes.encode())
        if process.returncode:
            raise SystemExit(f"{command[-1]} ended with {process.returncode}")
        return json.loads(output.splitlines()[-1])
