"""``opcua-ai serve`` with a history: killed, started again, and started twice."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import time
from pathlib import Path

import pytest

from opcua_ai.core.types import NS
from opcua_ai.demo.processes import Child, DemoError, free_port
from opcua_ai.history.reader import Reader, Sample
from tests.integration.conftest import Serve

ROWS = "".join(f"{1_700_000_000 + n / 50},{n}\n" for n in range(3000))
CONFIG = """
[sources.plant]
kind = "recording"
file = "plant.csv"
[server]
endpoint = "opc.tcp://127.0.0.1:{port}/opcua-ai"
[history]
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "plant.csv").write_text("time,Line/T1\n" + ROWS)
    path = tmp_path / "plant.toml"
    path.write_text(CONFIG.format(port=free_port(0)))
    return path


def kept(folder: Path) -> list[Sample]:
    with Reader(folder / "history") as reader:
        series = reader.series("AIAdvisory/History/Inputs/plant/Line/T1")
        return reader.rows(series) if series else []


async def until(folder: Path, count: int) -> None:
    async with asyncio.timeout(30):
        while not (folder / "history" / "history.db").exists() or len(kept(folder)) < count:
            await asyncio.sleep(0.1)


def kill_9(server: Child) -> float:
    assert server._process is not None
    os.kill(server._process.pid, signal.SIGKILL)
    return time.monotonic()


async def test_kill_9_costs_a_second_and_not_the_file(config: Path, serve: Serve) -> None:
    server = await serve(config)
    await until(config.parent, 100)
    begin, before = time.monotonic(), kept(config.parent)[-1].time
    await asyncio.sleep(1.3)
    passed = kill_9(server) - begin
    after = kept(config.parent)
    # the recording runs at the speed of the clock
    assert (after[-1].time - before) / NS > passed - 1.0
    assert [sample.value for sample in after] == [float(n) for n in range(len(after))]

    await serve(config)  # it plays from the start again: the same times, the same values
    await asyncio.sleep(1.5)
    assert [sample.value for sample in kept(config.parent)] == [float(n) for n in range(len(after))]


async def test_two_servers_need_two_folders(config: Path, serve: Serve) -> None:
    await serve(config)
    other = config.with_name("other.toml")
    other.write_text(re.sub(r":\d+/", f":{free_port(0)}/", config.read_text()))
    with pytest.raises(DemoError, match=r"exit code 2") as refused:
        await serve(other)
    said = str(refused.value)
    assert "another process writes there; stop it or choose another folder" in said
    assert "Traceback" not in said
