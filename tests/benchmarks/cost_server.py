"""A server with many changing Doubles, for the benchmark server-cost.

``python -m tests.benchmarks.cost_server plain|ours PORT COUNT HZ FOLDER``: plain asyncua, or the
advisory server with its own write path and its files in the folder. Prints ``Ready`` and one NodeId
a line; runs until it is killed.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import asyncua
from asyncua import ua

from opcua_ai.core.types import ModelInfo, OutputInfo
from opcua_ai.server.advisory import AdvisoryServer
from opcua_ai.server.values import Stamp, double
from tests.integration.server.bare_server import open_settings

Write = Callable[[float], Awaitable[None]]


async def plain(port: int, count: int, _folder: Path) -> tuple[list[ua.NodeId], Write]:
    server = asyncua.Server()
    await server.init()
    server.set_endpoint(f"opc.tcp://127.0.0.1:{port}/")
    server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
    index = await server.register_namespace("urn:benchmark")
    nodes = [
        (await server.nodes.objects.add_variable(ua.NodeId(f"v{i}", index), f"v{i}", 0.0)).nodeid
        for i in range(count)
    ]
    await server.start()

    async def write(value: float) -> None:
        now = datetime.now(UTC)
        for node in nodes:
            variant = ua.Variant(value, ua.VariantType.Double)
            await server.write_attribute_value(
                node, ua.DataValue(variant, ua.StatusCode(), now, now)
            )

    return nodes, write


async def ours(port: int, count: int, folder: Path) -> tuple[list[ua.NodeId], Write]:
    server = AdvisoryServer(open_settings(folder, f"opc.tcp://127.0.0.1:{port}/"))
    outputs = [OutputInfo(f"v{i}", "score") for i in range(count)]
    about = dict.fromkeys(("version", "digest", "framework", "task", "schedule", "trained_on"), "")
    model = ModelInfo(
        name="m", bundle="m", application="FaultPrediction", metrics="{}", accelerator="CPU",
        inputs=[], outputs=outputs, assets=["a"], **about,
    )  # fmt: skip
    await server.start([model], {})
    tree = server._running()
    nodes = [tree.predictions["m", "a", output.name]["Value"] for output in outputs]

    async def write(value: float) -> None:
        stamp = Stamp(source=datetime.now(UTC))
        await server._write((node, stamp(double(value))) for node in nodes)

    return nodes, write


async def serve(kind: str, port: int, count: int, hz: float, folder: Path) -> None:
    nodes, write = await {"plain": plain, "ours": ours}[kind](port, count, folder)
    print("Ready", *(node.to_string() for node in nodes), sep="\n", flush=True)
    loop = asyncio.get_running_loop()
    due, tick = loop.time(), 0.0
    while True:
        due += 1 / hz
        await asyncio.sleep(max(0.0, due - loop.time()))
        tick += 1
        await write(tick)


if __name__ == "__main__":
    name, port, count, hz, folder = sys.argv[1:]
    asyncio.run(serve(name, int(port), int(count), float(hz), Path(folder)))
