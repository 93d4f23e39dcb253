"""The demo's client on the terminal: watches, draws, passes the keys on."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from rich.console import Console
from rich.live import Live

from opcua_ai.demo import view
from opcua_ai.demo.keys import attended, keyboard
from opcua_ai.demo.operate import Operator
from opcua_ai.demo.state import State
from opcua_ai.demo.watch import Watcher

SCREEN_S, LINES_S = 0.5, 2.0


async def show(
    console: Console, state: State, fault: int, speed: float, duration_s: float | None
) -> None:
    """Until ``duration_s`` have passed or somebody presses q."""
    pressed: asyncio.Queue[str] = asyncio.Queue()
    async with Watcher(state) as watcher:
        operator = Operator(state, watcher.plant, fault, speed)
        await operator.start()
        with _keys(console, state, pressed.put_nowait), _picture(console, state) as draw:
            rate = _Rate(state)
            end = time.monotonic() + (duration_s or float("inf"))
            while (left := end - time.monotonic()) > 0:
                await operator.look()
                if not state.recommendation:
                    await watcher.refresh()
                rate.measure()
                draw()
                period = SCREEN_S if console.is_terminal else LINES_S
                key = await _next(pressed, min(period, left))
                if key == "q":
                    return
                if key is not None:
                    await operator.press(key)


async def _next(pressed: asyncio.Queue[str], seconds: float) -> str | None:
    """The next key; None after that time without one."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            return await pressed.get()
    return None


@contextlib.contextmanager
def _keys(console: Console, state: State, press: Callable[[str], None]) -> Iterator[None]:
    """Keys are read where there is a screen that shows what they do."""
    state.keys = console.is_terminal and attended()
    with keyboard(press) if state.keys else contextlib.nullcontext():
        yield


@contextlib.contextmanager
def _picture(console: Console, state: State) -> Iterator[Callable[[], None]]:
    """Draws a full screen, or a line where there is no terminal."""
    if not console.is_terminal:
        yield lambda: print(view.line(state), flush=True)
        return
    with Live(console=console, screen=True, auto_refresh=False) as live:
        yield lambda: live.update(view.screen(state), refresh=True)


class _Rate:
    """Values a second, over at least a second."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._values, self._then = state.values, time.monotonic()

    def measure(self) -> None:
        now = time.monotonic()
        if now - self._then >= 1.0:
            self._state.rate = (self._state.values - self._values) / (now - self._then)
            self._values, self._then = self._state.values, now


def save_screen(state: State, path: Path) -> None:
    with Path(os.devnull).open("w") as nowhere:
        console = Console(record=True, width=120, height=34, file=nowhere)
        console.print(view.screen(state))
        svg = console.export_svg(title="opcua-ai demo")
    # Rich names a font on a web server; a plant's screenshot must not call home.
    path.write_text(re.sub(r"@font-face \{.*?\}", "", svg, flags=re.DOTALL), "utf-8")


def summary(state: State, console: Console) -> None:
    active = [alarm for alarm in state.alarms if alarm.active]
    if active:
        named = next((a for a in reversed(active) if "Predicted fault" in a.message), active[0])
        console.print(f"Alarm: {named.message}", soft_wrap=True)
    if state.fault:
        console.print(f"IDV({state.fault}): {view.delays(state)}", soft_wrap=True)
    if state.trip:
        console.print(f"The plant has tripped: {state.trip}", soft_wrap=True)
    if state.recommendation.get("Reason"):
        advice = f"{state.recommendation['Reason']}; {view.benefit(state)}"
        console.print(f"Recommended: {advice}", soft_wrap=True)
    console.print("All processes have ended.")
