"""The demo from start to end: processes up, client in, screen on, everything down again."""

from __future__ import annotations

import asyncio
import signal
import tempfile
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from opcua_ai.demo.configuration import configuration
from opcua_ai.demo.processes import Child, free_port
from opcua_ai.demo.show import save_screen, show, summary
from opcua_ai.demo.state import State

REAPED_S = 0.5
ROW_PERIOD_S = 180
"""Of the plant: rows as far apart as those that the shipped models were trained on."""


@dataclass(frozen=True)
class Settings:
    fault: int = 5
    """The first one; 0 = none."""
    speed: float = 360.0
    duration_s: float | None = None
    """None = until Ctrl-C or q."""
    plant_port: int = 4840
    server_port: int = 4841
    screenshot: Path | None = None
    """Where to save the last screen as SVG."""


def run(settings: Settings, console: Console | None = None) -> int:
    return asyncio.run(_run(settings, console or Console()))


async def _run(settings: Settings, console: Console) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop.set)
    state = State()
    with tempfile.TemporaryDirectory(prefix="opcua-ai-demo-") as folder:
        async with AsyncExitStack() as stack:
            work = asyncio.create_task(_play(settings, console, state, Path(folder), stack))
            ender = asyncio.create_task(stop.wait())
            await asyncio.wait([work, ender], return_when=asyncio.FIRST_COMPLETED)
            ender.cancel()
            if not work.done():
                work.cancel()
            await asyncio.gather(work, ender, return_exceptions=True)
            if not work.cancelled():
                work.result()
    summary(state, console)
    if settings.screenshot is not None:
        save_screen(state, settings.screenshot)
    return 0


async def _play(
    settings: Settings, console: Console, state: State, folder: Path, stack: AsyncExitStack
) -> None:
    plant = Child("plant simulator", folder / "simulator.log")
    server = Child("advisory server", folder / "server.log")
    stack.push_async_callback(_stop_all, plant, server)
    state.plant_endpoint = f"opc.tcp://127.0.0.1:{free_port(settings.plant_port)}/simulator"
    state.server_endpoint = f"opc.tcp://127.0.0.1:{free_port(settings.server_port)}/opcua-ai"
    console.print("Starting the plant simulator ...")
    await plant.start(_simulator(state), "Simulator ready")
    console.print(f"  plant     {state.plant_endpoint}   (policy None, anonymous)")
    console.print("Starting the advisory server (TensorFlow takes a few seconds) ...")
    config = folder / "opcua-ai.toml"
    interval = max(0.1, min(1.0, ROW_PERIOD_S / 2 / settings.speed))
    config.write_text(configuration(state.plant_endpoint, state.server_endpoint, interval))
    await server.start(["opcua_ai", "serve", str(config)], "Advisory server ready")
    console.print(f"  advisory  {state.server_endpoint}   (policy None, anonymous)")
    console.print("Connect any OPC UA client (UaExpert ...) to either of them.")
    await _watch(settings, console, state, plant, server)


async def _watch(
    settings: Settings, console: Console, state: State, plant: Child, server: Child
) -> None:
    """Show until the end. Raises DemoError when a child ends before."""
    ends = [asyncio.create_task(child.ended()) for child in (plant, server)]
    client = asyncio.create_task(
        show(console, state, settings.fault, settings.speed, settings.duration_s)
    )
    try:
        await asyncio.wait([*ends, client], return_when=asyncio.FIRST_COMPLETED)
        if client.done() and client.exception() is not None:
            # a connection breaks a moment before the child that broke it is known to be dead
            await asyncio.wait(ends, timeout=REAPED_S, return_when=asyncio.FIRST_COMPLETED)
        for task in (*ends, client):
            if task.done():
                task.result()
    finally:
        # the children first: a client would wait for a server that hangs
        await _stop_all(plant, server)
        for task in (*ends, client):
            task.cancel()
        await asyncio.gather(*ends, client, return_exceptions=True)


async def _stop_all(*children: Child) -> None:
    await asyncio.gather(*(child.stop() for child in children))


def _simulator(state: State) -> list[str]:
    port = state.plant_endpoint.rsplit(":", 1)[1].split("/")[0]
    return [
        "opcua_ai_simulator", "run", "tennessee-eastman", "--port", port, "--paused",
        "--row-period", str(ROW_PERIOD_S),
    ]  # fmt: skip
