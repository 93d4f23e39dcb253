"""node-opcua (npm), a client that shares no code with ours: the scripts in ``node/``."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).resolve().parent / "node"
INSTALL = f"npm install --no-audit --no-fund --no-package-lock (in {FOLDER}), or: make test"

needs_node = [
    pytest.mark.node,
    pytest.mark.skipif(shutil.which("node") is None, reason="node.js is not installed"),
]


class NodeClient:
    """One run of a script; its lines, as they come."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.lines: list[dict[str, Any]] = []
        self._unread: list[dict[str, Any]] = []

    async def until(self, kind: str, timeout_s: float = 25.0) -> dict[str, Any]:
        """The next line of a kind, whatever comes before it. Fails on an error or the end."""
        async with asyncio.timeout(timeout_s):
            while not (found := [line for line in self._unread if line["kind"] == kind]):
                line = await self._next()
                assert line["kind"] not in ("error", "timeout"), line
                self._unread.append(line)
        self._unread.remove(found[0])
        return found[0]

    async def _next(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        while raw := await self._process.stdout.readline():
            # node-opcua writes its own warnings to the same stream
            if raw.startswith(b'{"kind"'):
                self.lines.append(json.loads(raw))
                return self.lines[-1]
        raise AssertionError(f"node ended with {await self._process.wait()}: {self.lines}")

    def all(self, kind: str) -> list[dict[str, Any]]:
        return [line for line in self.lines if line["kind"] == kind]

    async def close(self) -> None:
        if self._process.returncode is None:
            self._process.kill()
        await self._process.communicate()


async def start(
    pki: Path, endpoint: str, *arguments: str, password: str = "", script: str = "client.js"
) -> NodeClient:
    """Run a script against an endpoint; the caller closes the client."""
    assert (FOLDER / "node_modules/node-opcua-client").is_dir(), f"not installed: {INSTALL}"
    process = await asyncio.create_subprocess_exec(
        "node",
        str(FOLDER / script),
        endpoint,
        *("--pki", str(pki)),
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env=os.environ | {"OPCUA_PASSWORD": password},
        limit=2**20,
    )
    return NodeClient(process)
