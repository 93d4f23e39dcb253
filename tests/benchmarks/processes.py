"""Servers and clients of the benchmarks, each in a process of its own."""

from __future__ import annotations

import asyncio
import contextlib
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from tests.benchmarks.node import ENVIRONMENT


@asynccontextmanager
async def started(command: Iterable[object]) -> AsyncIterator[Process]:
    """A process that ends with the block."""
    process = await asyncio.create_subprocess_exec(
        *map(str, command), stdin=PIPE, stdout=PIPE, stderr=DEVNULL, env=ENVIRONMENT
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.communicate()


@asynccontextmanager
async def serving(command: Iterable[object], items: int = 0) -> AsyncIterator[tuple[Process, str]]:
    """A server that has said ``Ready``, and the NodeIds that followed, one a line."""
    async with started(command) as process:
        assert process.stdout is not None
        while (line := await process.stdout.readline()) != b"Ready\n":
            if not line:
                raise SystemExit(f"the server ended with {await process.wait()}")
        nodes = [(await process.stdout.readline()).decode() for _ in range(items)]
        yield process, "".join(nodes)
