"""The Tennessee Eastman plant over OPC UA: speed that it reaches while a client takes all tags.

The real program at ``--speed 2000``, one client on the same machine subscribed to every variable;
with one plant and with ten. ``reached`` is from the plant time of the run, ``reported`` what the
server's own node says. CPU in percent of one core.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path

import psutil
from asyncua import Client, Node, ua

from opcua_ai.demo.processes import Child, free_port

SPEED = 2000
SETTLE, SECONDS = 4.0, 15.0
PERIOD_MS = 100  # of publishing: rows leave ten times a second


class Counter:
    """Counts data changes."""

    def __init__(self) -> None:
        self.values = 0

    def datachange_notification(self, node: Node, value: object, data: object) -> None:
        self.values += 1


def measured() -> dict[str, dict[str, float]]:
    """Rows by number of plants."""
    with tempfile.TemporaryDirectory(prefix="opcua-ai-bench-") as folder:
        return {
            f"{plants} plant{'s' * (plants > 1)}": asyncio.run(_serve(plants, Path(folder)))
            for plants in (1, 10)
        }


async def _serve(plants: int, folder: Path) -> dict[str, float]:
    server = Child("plant simulator", folder / "simulator.log")
    port = free_port(4870)
    await server.start(
        ["opcua_ai_simulator", "run", "tennessee-eastman", "--port", str(port),
         "--speed", str(SPEED), "--plants", str(plants), "--states", str(folder / "states")],
        "Simulator ready",
    )  # fmt: skip
    try:
        (process,) = psutil.Process().children()
        async with Client(f"opc.tcp://127.0.0.1:{port}/simulator") as client:
            return await _watch(client, process)
    finally:
        await server.stop()


async def _watch(client: Client, process: psutil.Process) -> dict[str, float]:
    roots = [
        root
        for root in await client.nodes.objects.get_children()
        if root.nodeid.NamespaceIndex == 2 and "TennesseeEastman" in str(root.nodeid.Identifier)
    ]
    variables = [variable for root in roots for variable in await _variables(root)]
    simulation = f"{roots[0].nodeid.Identifier}/Simulation"
    plant_time = client.get_node(ua.NodeId(f"{simulation}/PlantTime", 2))
    reported = client.get_node(ua.NodeId(f"{simulation}/ReachedSpeed", 2))
    counter = Counter()
    subscription = await client.create_subscription(PERIOD_MS, counter)
    await subscription.subscribe_data_change(variables)
    await asyncio.sleep(SETTLE)

    values, cpu = counter.values, _cpu(process)
    plant, wall = await plant_time.read_value(), time.perf_counter()
    await asyncio.sleep(SECONDS)
    plant = (await plant_time.read_value() - plant).total_seconds()
    wall = time.perf_counter() - wall
    return {
        "variables": len(variables),
        "reached": plant / wall,
        "reported": await reported.read_value(),
        "values_per_s": (counter.values - values) / wall,
        "server_cpu_percent": 100.0 * (_cpu(process) - cpu) / wall,
    }


async def _variables(node: Node) -> list[Node]:
    """Every variable below a node, without properties."""
    found: list[Node] = []
    for kind in (ua.ObjectIds.HasComponent, ua.ObjectIds.Organizes):
        for child in await node.get_children(refs=kind):
            if await child.read_node_class() == ua.NodeClass.Variable:
                found.append(child)
            found += await _variables(child)
    return found


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system
