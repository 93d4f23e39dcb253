"""The simulator's console program."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import socket
import sys
import time
from importlib import resources
from pathlib import Path

from asyncua import Client, ua

from tests.integration.simulated import START, Plant

PACKAGE = resources.files("opcua_ai_simulator")


@contextlib.asynccontextmanager
async def program(*arguments: str):
    """The console program; killed if a test leaves it running."""
    paths = [str(Path(str(PACKAGE)).parent), os.environ.get("PYTHONPATH", "")]
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "opcua_ai_simulator", "run", "recording", *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))},
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def test_the_program_serves_a_users_file_and_ends_on_sigterm(tmp_path):
    file = tmp_path / "pump.csv"
    file.write_text("time,flow,note\n2024-01-01T00:00:00,1.5,a\n2024-01-01T00:10:00,2.5,b\n")
    arguments = ("--file", str(file), "--port", "0", "--plant-start", "2024-05-01", "--paused")
    async with program(*arguments, "--quality", "flow=UncertainSensorNotAccurate") as process:
        ready = (await process.stdout.readline()).decode()
        match = re.fullmatch(
            r"Simulator ready: (opc.tcp://127.0.0.1:\d+/simulator)  "
            r"\(Recording, recording pump.csv, speed 360x, paused\)\n",
            ready,
        )
        assert match, ready
        async with Client(match[1]) as client:
            flow = await Plant(client, "Recording").read("flow")
            limits = await Plant(client, "Recording").value("flow/EURange")
        assert flow.Value.Value == 1.5
        assert flow.SourceTimestamp == START
        assert flow.StatusCode.value == ua.StatusCodes.UncertainSensorNotAccurate
        assert (limits.Low, limits.High) == (1.4, 2.6)
        start = time.monotonic()
        process.send_signal(signal.SIGTERM)
        out, err = await process.communicate()
        assert time.monotonic() - start < 2
        assert (process.returncode, out) == (0, b"")
        lines = err.decode().splitlines()
        assert len(lines) == 2
        assert "column 'note' is left out: it holds string" in lines[0]
        assert "security policy None" in lines[1]


async def test_ctrl_c_while_starting_ends_without_traceback():
    async with program("--port", "0", "--log-level", "info") as process:
        await process.stderr.readline()  # asyncua's first words: the server is being built
        process.send_signal(signal.SIGINT)
        out, err = await process.communicate()
        assert process.returncode == 0
        assert b"Traceback" not in err


async def test_a_port_in_use_is_one_line_and_exit_2():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        async with program("--port", str(port)) as process:
            out, err = await process.communicate()
    assert (process.returncode, out) == (2, b"")
    assert err.decode() == (
        f"opcua-ai-simulator: error: port {port} of 127.0.0.1 is in use: "
        "stop the program that has it or choose another with --port\n"
    )
