"""An advisory server alone in a process, for tests that measure it: FOLDER [MAX_CONNECTIONS]."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

from opcua_ai.core.config import Server as Settings
from opcua_ai.server.advisory import AdvisoryServer


def open_settings(
    folder: Path, endpoint: str = "opc.tcp://127.0.0.1:0/opcua-ai", **options: Any
) -> Settings:
    """Everybody may come in; all files are in ``folder``."""
    return Settings(
        endpoint=endpoint,
        allow_none=True,
        allow_anonymous=True,
        certificate=folder / "own.der",
        private_key=folder / "own.pem",
        pki=folder,
        users_file=folder / "users.json",
        audit_file=folder / "audit.jsonl",
        state_dir=folder / "state",
        **options,
    )


async def main(folder: Path, most: int) -> None:
    server = AdvisoryServer(open_settings(folder, max_connections=most))
    await server.start([], ["plant"])
    print(server.endpoint, flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await server.stop()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
