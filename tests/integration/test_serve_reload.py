"""SIGHUP to ``opcua-ai serve``: the file is read again, and the process goes on."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from typing import Any

import pytest
from asyncua import Client, ua

from opcua_ai.demo.processes import Child, free_port
from tests.integration.conftest import Serve

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "a.csv").write_text("time,x\n1,1\n2,2\n")
    (tmp_path / "plant.toml").write_text(f"""
[server]
endpoint = "opc.tcp://127.0.0.1:{free_port(0)}/opcua-ai"
allow_anonymous = true
allow_none = true
[sources.a]
kind = "recording"
file = "a.csv"
repeat = true
""")
    return tmp_path / "plant.toml"


async def said(child: Child, text: str) -> None:
    async with asyncio.timeout(20):
        while text not in child.log.read_text():
            await asyncio.sleep(0.05)


async def test_a_hangup_takes_over_what_is_right_and_refuses_what_is_not(
    serve: Serve, file: Path
) -> None:
    served = await serve(file)
    assert served._process is not None
    before = file.read_text()
    endpoint = before.split('"')[1]

    def hang_up(text: str) -> None:
        file.write_text(text)
        served._process.send_signal(signal.SIGHUP)

    hang_up(before)
    await said(served, "nothing has changed")
    hang_up(f"{before}spede = 2")
    await said(served, "sources.a.spede: unknown key")
    await said(served, "the configuration stays as it is")
    second = before[before.index("[sources.a]") :].replace("sources.a", "sources.b")
    hang_up(before.replace("[sources.a]", "max_sessions = 5\n[sources.a]") + second)
    await said(served, "added: sources.b")
    await said(served, "server.max_sessions has changed: needs a restart")
    async with Client(endpoint) as client:
        index = await client.get_namespace_index("urn:opcua-ai:advisory")
        for name in ("a", "b"):
            state: Any = client.get_node(
                ua.NodeId(f"AIAdvisory/Sources/{name}/State", ua.Int16(index))
            )
            async with asyncio.timeout(20):
                while await state.read_value() != "running":
                    await asyncio.sleep(0.05)
    served._process.send_signal(signal.SIGTERM)
    assert await asyncio.wait_for(served._process.wait(), 20) == 0
    assert "Traceback" not in served.log.read_text()
