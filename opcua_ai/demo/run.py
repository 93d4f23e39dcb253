"""The demo from start to end: processes up, client in, screen on, everything down again."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import tempfile
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.live import Live

from opcua_ai.demo import view
from opcua_ai.demo.configuration import configuration
from opcua_ai.demo.processes import Child, free_port
from opcua_ai.demo.state import State
from opcua_ai.demo.watch import Watcher

# The window of the shipped bundle must be full of normal operation before the fault begins.
LEAD_ROWS = 32
ONSET_ROW = 160
REAPED_S = 0.5
SHOWN = [
    "XMEAS(6)", "XMEAS(7)", "XMEAS(8)", "XMEAS(9)", "XMEAS(10)", "XMEAS(11)", "XMEAS(13)",
    "XMEAS(17)", "XMEAS(18)", "XMEAS(20)", "XMEAS(22)", "XMV(6)", "XMV(10)", "XMV(11)",
]  # fmt: skip


@dataclass(frozen=True)
class Settings:
    fault: int = 5
    speed: float = 360.0
    duration_s: float | None = None
    """None = until Ctrl-C."""
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
    _summary(state, console)
    if settings.screenshot is not None:
        _save_screen(state, settings.screenshot)
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
    await plant.start(_simulator(settings, state), "Simulator ready")
    console.print(f"  plant     {state.plant_endpoint}   (policy None, anonymous)")
    console.print("Starting the advisory server (TensorFlow takes a few seconds) ...")
    config = folder / "opcua-ai.toml"
    interval = max(0.1, min(1.0, 90.0 / settings.speed))
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
    show = asyncio.create_task(_show(settings, console, state))
    try:
        await asyncio.wait([*ends, show], return_when=asyncio.FIRST_COMPLETED)
        if show.done() and show.exception() is not None:
            # a connection breaks a moment before the child that broke it is known to be dead
            await asyncio.wait(ends, timeout=REAPED_S, return_when=asyncio.FIRST_COMPLETED)
        for task in (*ends, show):
            if task.done():
                task.result()
    finally:
        # the children first: a client would wait for a server that hangs
        await _stop_all(plant, server)
        for task in (*ends, show):
            task.cancel()
        await asyncio.gather(*ends, show, return_exceptions=True)


async def _stop_all(*children: Child) -> None:
    await asyncio.gather(*(child.stop() for child in children))


def _simulator(settings: Settings, state: State) -> list[str]:
    port = state.plant_endpoint.rsplit(":", 1)[1].split("/")[0]
    start = str(ONSET_ROW - LEAD_ROWS)
    return [
        "opcua_ai_simulator", "run", "recording", "--port", port, "--paused",
        "--speed", str(settings.speed), "--fault", str(settings.fault), "--start-row", start,
    ]  # fmt: skip


async def _show(settings: Settings, console: Console, state: State) -> None:
    async with Watcher(state) as watcher:
        await watcher.start_plant()
        await _draw(settings, console, state, watcher)


async def _draw(settings: Settings, console: Console, state: State, watcher: Watcher) -> None:
    end = None if settings.duration_s is None else time.monotonic() + settings.duration_s
    if console.is_terminal:
        with Live(console=console, screen=True, auto_refresh=False) as live:
            async for _ in _ticks(0.5, end, state, watcher):
                live.update(view.screen(state, SHOWN), refresh=True)
    else:
        async for _ in _ticks(2.0, end, state, watcher):
            print(view.line(state), flush=True)


async def _ticks(period_s: float, end: float | None, state: State, watcher: Watcher):
    """One tick a period until ``end``; measures the rate of values between ticks."""
    seen, then = state.values, time.monotonic()
    while end is None or then < end:
        yield None
        if not state.recommendation:
            await watcher.refresh()
        await asyncio.sleep(period_s if end is None else min(period_s, max(0.0, end - then)))
        now = time.monotonic()
        state.rate = (state.values - seen) / max(1e-6, now - then)
        seen, then = state.values, now


def _save_screen(state: State, path: Path) -> None:
    with Path(os.devnull).open("w") as nowhere:
        console = Console(record=True, width=120, height=34, file=nowhere)
        console.print(view.screen(state, SHOWN))
        svg = console.export_svg(title="opcua-ai demo")
    # Rich names a font on a web server; a plant's screenshot must not call home.
    path.write_text(re.sub(r"@font-face \{.*?\}", "", svg, flags=re.DOTALL), "utf-8")


def _summary(state: State, console: Console) -> None:
    active = [alarm for alarm in state.alarms if alarm.active]
    if active:
        named = next((a for a in reversed(active) if "Predicted fault" in a.message), active[0])
        console.print(f"Alarm: {named.message}", soft_wrap=True)
    elif state.fault_is_in:
        console.print(f"IDV({state.fault}) was in, but no alarm was raised.")
    if state.recommendation.get("Reason"):
        advice = f"{state.recommendation['Reason']}; {view.benefit(state)}"
        console.print(f"Recommended: {advice}", soft_wrap=True)
    console.print("All processes have ended.")
