"""``opcua-ai top``, as a user starts it, against a running advisory server."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import asyncua
import pytest
import pytest_asyncio

from opcua_ai.core import config
from opcua_ai.core.ports import SourceStats
from opcua_ai.demo.processes import free_port
from opcua_ai.server.advisory import AdvisoryServer
from tests.integration.terminal import Terminal

pytestmark = pytest.mark.asyncio(loop_scope="session")

STATS = SourceStats(
    values=10, gaps=3, lost_messages=4, overflows=5, reconnects=6, lag_s=0.25,
    endpoint="opc.tcp://plant2:4840",
)  # fmt: skip


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "opcua_ai", *map(str, arguments)]


async def run(*arguments: object, code: int = 0, **env: str) -> str:
    """Without a terminal: what it prints, or what it says when it must end with exit code 2."""
    process = await asyncio.create_subprocess_exec(
        *command(*arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=os.environ | env,
    )
    out, err = (text.decode() for text in await process.communicate())
    assert process.returncode == code, out + err
    assert "Traceback" not in err
    if code:
        (line,) = [line for line in err.splitlines() if "error" in line]
        assert line.startswith("opcua-ai: error: ")
        return line
    return out


def row(table: str, name: str) -> list[str]:
    (line,) = [line for line in table.splitlines() if line.split()[:1] == [name]]
    return line.split()


@pytest.mark.parametrize("once", [[], ["--once"]])
async def test_one_table(opened: AdvisoryServer, once: list[str]) -> None:
    await opened.publish_source("plant", "running", STATS)
    await opened.beat()
    table = await run("top", opened.endpoint, *once)
    head = table.splitlines()[1]
    assert re.search(r"heartbeat \d+, [01] s ago +service level \d+ +health \w+ +alarms \d", head)
    _, state, _, lag, unit, gaps, lost, overflows, filled, reconnects, *_ = row(table, "plant")
    assert [state, lag, unit] == ["running", "250", "ms"]
    assert [gaps, lost, overflows, filled, reconnects] == ["3", "4", "5", "0", "6"]
    assert row(table, "plant")[-1] == "opc.tcp://plant2:4840"
    assert "tep_faults" in row(table, "faults")


async def test_a_server_that_is_not_there() -> None:
    assert "connection refused" in await run("top", f"opc.tcp://127.0.0.1:{free_port(0)}/x", code=2)


async def test_a_server_of_another_kind() -> None:
    server = asyncua.Server()
    await server.init()
    server.set_endpoint(endpoint := f"opc.tcp://127.0.0.1:{free_port(0)}/x")
    async with server:
        assert "is no advisory server of opcua-ai" in await run("top", endpoint, code=2)


@pytest.mark.parametrize("interval", ["0", "1000", "nan"])
async def test_an_interval_that_makes_no_sense(interval: str) -> None:
    assert "--interval" in await run("top", "--interval", interval, code=2)


async def test_by_the_configuration_of_a_locked_server(tmp_path: Path) -> None:
    file = tmp_path / "plant.toml"
    file.write_text(
        '[sources.plant]\nkind = "opcua"\nendpoint = "opc.tcp://127.0.0.1:9"\n'
        f'[server]\nendpoint = "opc.tcp://127.0.0.1:{free_port(0)}/opcua-ai"\n'
        '[server.users.anna]\npassword_env = "ANNA"\n'
    )
    server = AdvisoryServer(config.load(file).server)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ANNA", "right")
        await server.start([], ["plant"])
    try:
        refused = await run("top", file, code=2, ANNA="right")
        certificate = tmp_path / "pki/own/opcua-ai-top.der"
        assert f"opcua-ai certs trust {file} {certificate}" in refused
        await run("certs", "trust", file, certificate)
        assert row(await run("top", file, ANNA="right"), "plant")[1] == "connecting"
        assert "refused the user or password" in await run("top", file, code=2, ANNA="wrong")
        assert "ANNA is not set" in await run("top", file, code=2)
    finally:
        await server.stop()


async def test_nobody_to_log_in_as(tmp_path: Path) -> None:
    file = tmp_path / "plant.toml"
    file.write_text('[sources.plant]\nkind = "opcua"\nendpoint = "opc.tcp://127.0.0.1:9"\n')
    assert "give --user NAME --password-env VAR" in await run("top", file, code=2)


@pytest_asyncio.fixture(loop_scope="session")
async def live() -> AsyncIterator[Callable[[str], Terminal]]:
    """``top`` on a terminal."""
    terminals: list[Terminal] = []

    def start(endpoint: str) -> Terminal:
        made = Terminal(command("top", endpoint, "--interval", 0.2), 24, 80)
        terminals.append(made)
        return made

    yield start
    for terminal in terminals:
        terminal.close()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_ends_it_and_restores_the_terminal(
    opened: AdvisoryServer, live: Callable[[str], Terminal], number: signal.Signals
) -> None:
    terminal = live(opened.endpoint)
    shown = await asyncio.to_thread(terminal.read_until, "faults")
    assert "\x1b[?1049h" in shown, "on a screen of its own"
    if number == signal.SIGINT:
        terminal.press("\x03")
    else:
        terminal.process.send_signal(number)
    assert await asyncio.to_thread(terminal.wait) == 0
    assert "Traceback" not in terminal.rest
    assert "\x1b[?1049l" in terminal.rest
    assert "\x1b[?25h" in terminal.rest, "the cursor is back"
    assert terminal.modes() == terminal.before


async def test_a_server_that_goes_and_comes_back(
    settings: Callable[..., config.Server], live: Callable[[str], Terminal]
) -> None:
    open_doors = settings(
        endpoint=f"opc.tcp://127.0.0.1:{free_port(0)}/opcua-ai",
        allow_none=True,
        allow_anonymous=True,
    )
    server = AdvisoryServer(open_doors)
    await server.start([], ["plant"])
    try:
        terminal = live(server.endpoint)
        await asyncio.to_thread(terminal.read_until, "connecting")
        await server.stop()
        await asyncio.to_thread(terminal.read_until, "gone for")
        await server.start([], ["other"])
        await asyncio.to_thread(terminal.read_until, "other")
    finally:
        await server.stop()
    await asyncio.to_thread(terminal.read_until, "gone for")
    terminal.press("\x03")
    assert await asyncio.to_thread(terminal.wait) == 0
    assert terminal.modes() == terminal.before
