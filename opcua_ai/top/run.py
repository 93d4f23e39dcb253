"""The loop of ``opcua-ai top``: read, draw, wait; a server that goes is waited for."""

from __future__ import annotations

import asyncio
import logging
import signal
import time
from contextlib import suppress

from rich.console import Console
from rich.live import Live

from opcua_ai.core.errors import SourceLostError
from opcua_ai.sources.opcua import Options
from opcua_ai.top import view
from opcua_ai.top.figures import Figures
from opcua_ai.top.reading import Reader


def run(options: Options, interval_s: float, once: bool, console: Console) -> int:
    """Until Ctrl-C; one table when ``once``. Raises OpcuaAiError when the first try fails."""
    asyncio.run(_once(options, console) if once else _until_told(options, interval_s, console))
    return 0


async def _once(options: Options, console: Console) -> None:
    reader = await Reader.open(options)
    try:
        figures = await reader.read()
    finally:
        await reader.close()
    console.print(view.screen(options.endpoint, figures, console.width))


async def _until_told(options: Options, interval_s: float, console: Console) -> None:
    """A signal ends it from within, so that the terminal is as it was before."""
    work = asyncio.ensure_future(_Watch(options, interval_s, console).run())
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, work.cancel)
    with suppress(asyncio.CancelledError):
        await work


class _Watch:
    def __init__(self, options: Options, interval_s: float, console: Console) -> None:
        self._options = options
        self._interval_s = interval_s
        self._console = console
        self._reader: Reader | None = None
        self._figures = Figures({})
        self._lost_at = 0.0
        self._why = ""
        """Why the server is not there; empty while it is."""

    async def run(self) -> None:
        try:
            self._reader = await Reader.open(self._options)
            # what may be said of the connection has been said; now it would tear the screen
            logging.getLogger("opcua_ai").setLevel(logging.ERROR)
            with Live(console=self._console, screen=True, auto_refresh=False) as self._live:
                while True:
                    await self._refresh()
                    self._draw()
                    await asyncio.sleep(self._interval_s)
        finally:
            await self._close()

    async def _refresh(self) -> None:
        try:
            if self._reader is None:
                self._reader = await Reader.open(self._options)
            self._figures = await self._reader.read()
            self._why = ""
        except SourceLostError as error:
            task = asyncio.current_task()
            if task is not None and task.cancelling():  # asyncua has made an error of it
                raise asyncio.CancelledError from error
            if not self._why:
                self._lost_at = time.monotonic()
            self._why = str(error)
            await self._close()

    def _draw(self) -> None:
        gone = ""
        if self._why:
            since = time.monotonic() - self._lost_at
            gone = f"gone for {since:.0f} s, trying again: {self._why}"
        endpoint, (width, height) = self._options.endpoint, self._console.size
        self._live.update(view.screen(endpoint, self._figures, width, height, gone), refresh=True)

    async def _close(self) -> None:
        reader, self._reader = self._reader, None
        if reader is not None:
            await reader.close()
