"""Child processes of the demo: started, watched until ready, ended together."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import signal
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

from opcua_ai.core.errors import EXIT_UNEXPECTED, OpcuaAiError

GRACE_S = 3.0


_PRCTL = ctypes.CDLL(None).prctl if sys.platform == "linux" else None
_PR_SET_PDEATHSIG = 1


def _end_with_parent() -> None:
    """Runs in the child before its program: SIGTERM when the demo is killed."""
    assert _PRCTL is not None  # noqa: S101
    _PRCTL(_PR_SET_PDEATHSIG, signal.SIGTERM)


class DemoError(OpcuaAiError):
    """A part of the demo did not start; the message carries its last words."""

    exit_code = EXIT_UNEXPECTED


def free_port(wanted: int) -> int:
    """The wanted loopback port, or another one when it is taken."""
    for port in (wanted, 0):
        with socket.socket() as probe, contextlib.suppress(OSError):
            # as asyncio's servers do; else a port of a moment ago (TIME_WAIT) would seem taken
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return probe.getsockname()[1]
    raise DemoError("there is no free port on 127.0.0.1")


class Child:
    """One Python module in a process (and session) of its own, so that Ctrl-C reaches us alone."""

    def __init__(self, name: str, log: Path) -> None:
        self.name = name
        self.log = log
        self._process: asyncio.subprocess.Process | None = None
        self._drain: asyncio.Task[None] | None = None

    async def start(self, arguments: Sequence[str], ready: str, timeout_s: float = 120.0) -> None:
        """Start and wait for a line that begins with ``ready``. Raises DemoError."""
        with self.log.open("wb") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                *arguments,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                start_new_session=True,
                preexec_fn=_PRCTL and _end_with_parent,
                env=os.environ | {"PYTHONUNBUFFERED": "1"},
            )
        try:
            await asyncio.wait_for(self._await_line(ready), timeout_s)
        except TimeoutError as error:
            raise DemoError(f"the {self.name} is not ready after {timeout_s:g} s") from error
        self._drain = asyncio.create_task(self._read_on(), name=f"output of {self.name}")

    async def _await_line(self, ready: str) -> None:
        async for line in self._lines():
            if line.startswith(ready):
                return
        code = await self._wait()
        words = self.log.read_text("utf-8", "replace").strip().splitlines()[-5:]
        said = "\n".join(words) or "nothing"
        raise DemoError(f"the {self.name} ended with exit code {code}; it said:\n{said}")

    async def _lines(self):
        assert self._process is not None and self._process.stdout is not None  # noqa: S101
        async for line in self._process.stdout:
            yield line.decode("utf-8", "replace").rstrip()

    async def _read_on(self) -> None:
        async for _ in self._lines():
            pass

    async def _wait(self) -> int:
        return await self._process.wait() if self._process else 0

    async def ended(self) -> None:
        """Waits while the child lives. Raises DemoError with its last words when it ends."""
        code = await self._wait()
        words = self.log.read_text("utf-8", "replace").strip().splitlines()[-3:]
        said = " | ".join(words)
        raise DemoError(f"the {self.name} ended with exit code {code}: {said}")

    async def stop(self) -> None:
        """SIGTERM, and SIGKILL for who does not listen."""
        process = self._process
        if process is None:
            return
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
            try:
                await asyncio.wait_for(process.wait(), GRACE_S)
            except TimeoutError:
                process.kill()
                await process.wait()
        if self._drain is not None:
            self._drain.cancel()
            await asyncio.gather(self._drain, return_exceptions=True)
        self._process = None
