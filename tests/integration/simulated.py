"""The simulator, in this process or in one of its own, seen by an asyncua client."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
import time
from collections import defaultdict
from datetime import UTC, datetime

from asyncua import Client, ua

from opcua_ai_simulator.server import SimulatorServer

START = datetime(2024, 5, 1, tzinfo=UTC)
PATIENCE = 5.0  # wall seconds; a row takes 0.18 s at speed 1000


@contextlib.asynccontextmanager
async def serving(server: SimulatorServer):
    await server.start()
    running = asyncio.create_task(server.run())
    try:
        yield server.endpoint.url
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
        await server.stop()


class Plant:
    """The address space by browse path."""

    def __init__(self, client: Client, root: str = "TennesseeEastman") -> None:
        self.client = client
        self.root = root

    def node(self, path: str):
        # Index 2: 0 is OPC UA's own namespace, 1 the server's.
        return self.client.get_node(ua.NodeId(f"{self.root}/{path}", 2))

    async def read(self, path: str) -> ua.DataValue:
        return await self.node(path).read_data_value(raise_on_bad_status=False)

    async def value(self, path: str):
        return (await self.read(path)).Value.Value

    async def call(self, path: str, *arguments):
        parent = f"Simulation/{path}".rpartition("/")[0]
        return await self.node(parent).call_method(self.node(f"Simulation/{path}"), *arguments)

    async def until(self, path: str, wanted) -> ua.DataValue:
        """Wait until a node's DataValue satisfies ``wanted``."""
        end = time.monotonic() + PATIENCE
        while True:
            value = await self.read(path)
            if wanted(value):
                return value
            assert time.monotonic() < end, f"{path} stays {value}"
            await asyncio.sleep(0.02)


class Rows:
    """Collects data changes by source time: ``{source time: {path: value}}``."""

    def __init__(self) -> None:
        self.seen: dict[datetime, dict[str, object]] = defaultdict(dict)
        self.paths: dict[ua.NodeId, str] = {}

    def datachange_notification(self, node, value, data) -> None:
        source = data.monitored_item.Value.SourceTimestamp
        self.seen[source][self.paths[node.nodeid]] = value

    async def until(self, path: str, wanted) -> None:
        """Wait until a notification of a node holds what ``wanted`` accepts."""
        end = time.monotonic() + PATIENCE
        while not any(path in row and wanted(row[path]) for row in list(self.seen.values())):
            assert time.monotonic() < end, f"{path}: {dict(self.seen)}"
            await asyncio.sleep(0.02)


@contextlib.asynccontextmanager
async def watching(plant: Plant, paths: list[str]):
    rows = Rows()
    rows.paths = {plant.node(path).nodeid: path for path in paths}
    subscription = await plant.client.create_subscription(20, rows)
    await subscription.subscribe_data_change([plant.node(path) for path in paths])
    try:
        yield rows
    finally:
        await subscription.delete()


def start(port: int, *options: str) -> tuple[subprocess.Popen[str], str]:
    """Start the recorded plant and wait until it serves; the caller kills and reaps it."""
    command = [sys.executable, "-m", "opcua_ai_simulator", "run", "recording"]
    process = subprocess.Popen(
        [*command, "--port", str(port), *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    for line in process.stdout:
        if "ready" in line:
            return process, f"opc.tcp://127.0.0.1:{port}/simulator"
    process.wait()
    raise RuntimeError("the simulator did not start")
