"""node-opcua (npm) as a client that is told what to do step by step: ``node/services.js``."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import Any

from tests.integration.node_client import FOLDER, INSTALL

PATIENCE_S = 20.0


class NodeDriver:
    """A running services.js."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._unread: list[dict[str, Any]] = []

    async def do(self, command: str, **options: Any) -> dict[str, Any]:
        """Carry out a command. Fails when the server refuses it."""
        answer = await self._answer(command, options)
        assert answer["kind"] == "answer", answer
        return answer

    async def refused(self, command: str, **options: Any) -> str:
        """The reason for which the server refuses a command as a whole."""
        answer = await self._answer(command, options)
        assert answer["kind"] == "refused", answer
        return answer["message"]

    async def changes(self, item: str, count: int) -> list[dict[str, Any]]:
        """The next changes of an item."""
        return [await self.next("change", item=item) for _ in range(count)]

    async def values_until(self, item: str, last: Any) -> list[Any]:
        """The values of an item up to and including ``last``."""
        values: list[Any] = []
        while not values or values[-1] != last:
            values.append((await self.next("change", item=item))["value"])
        return values

    async def next(self, *kinds: str, **wanted: Any) -> dict[str, Any]:
        """The next line of a kind that has the wanted content; what came before it is kept."""

        def fits(line: dict[str, Any]) -> bool:
            return line["kind"] in kinds and wanted.items() <= line.items()

        async with asyncio.timeout(PATIENCE_S):
            while not (found := next(filter(fits, self._unread), None)):
                self._unread.append(await self._line())
        self._unread.remove(found)
        return found

    async def _answer(self, command: str, options: dict[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"do": command, **options}).encode() + b"\n")
        await self._process.stdin.drain()
        return await self.next("answer", "refused")

    async def _line(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        while raw := await self._process.stdout.readline():
            # node-opcua writes its own warnings to the same stream
            if raw.startswith(b'{"kind"'):
                line = json.loads(raw)
                assert line["kind"] != "error", line
                return line
        raise AssertionError(f"services.js ended with {await self._process.wait()}")

    async def close(self) -> None:
        if self._process.returncode is None:
            self._process.kill()
        await self._process.communicate()


async def drive(pki: Path, endpoint: str, user: str = "", password: str = "") -> NodeDriver:
    """Connect; the caller closes the driver."""
    assert (FOLDER / "node_modules/node-opcua-client").is_dir(), f"not installed: {INSTALL}"
    process = await asyncio.create_subprocess_exec(
        "node",
        str(FOLDER / "services.js"),
        endpoint,
        str(pki),
        *([user] if user else []),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env=os.environ | {"OPCUA_PASSWORD": password},
        limit=2**20,
    )
    driver = NodeDriver(process)
    await driver.next("ready")
    return driver
