"""Each mistake of a user is one line that says what to do, no traceback, exit code 2."""

from __future__ import annotations

import asyncio
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from opcua_ai.core.resources import models_dir
from tests.integration.plant_server import Plant

pytestmark = pytest.mark.timeout(120)


def opcua_ai(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "opcua_ai", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def refused(*arguments: str) -> str:
    """The one line on stderr."""
    done = opcua_ai(*arguments)
    assert done.returncode == 2, (done.returncode, done.stderr)
    assert "Traceback" not in done.stderr
    lines = [line for line in done.stderr.splitlines() if line.startswith("opcua-ai: error:")]
    assert len(lines) == 1, done.stderr
    return lines[0]


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_a_wrong_key(config_file: Path) -> None:
    change(config_file, "schedule.interval_s", "schedule.every")
    line = refused("serve", str(config_file))
    assert str(config_file) in line
    assert "models.faults.schedule.every: unknown key" in line


def test_a_wrong_type(config_file: Path) -> None:
    change(config_file, "max_step = 2.0", 'max_step = "two"')
    assert "decisions.setpoint.max_step = 'two'" in refused("serve", str(config_file))


def test_a_missing_file() -> None:
    assert "opcua-ai init" in refused("serve", "/nowhere/plant.toml")


def test_a_missing_bundle(config_file: Path) -> None:
    change(config_file, 'bundle = "tep_faults"', 'bundle = "tep_fautls"')
    line = refused("serve", str(config_file))
    assert "tep_fautls" in line
    assert "tep_faults" in line, "names what there is"


def test_a_tampered_bundle(config_file: Path, tmp_path: Path) -> None:
    source = max((models_dir() / "tep_cost").glob("*.*.*"))
    copy = tmp_path / "tep_cost"
    shutil.copytree(source, copy)
    with (copy / "golden.npz").open("ab") as file:
        file.write(b"\0")
    change(config_file, 'bundle = "tep_cost"', f'bundle = "{copy}"')
    line = refused("serve", str(config_file))
    assert "golden.npz" in line
    assert "sha256" in line


async def test_a_port_in_use(config_file: Path, ports) -> None:
    port = int(ports.server.split(":")[2].split("/")[0])
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))
        other.listen()
        line = refused("serve", str(config_file))
    assert str(port) in line
    assert "in use" in line


def test_a_wrong_endpoint(config_file: Path, ports) -> None:
    change(config_file, ports.plant, "http://plc")
    assert "opc.tcp://host:4840" in refused("serve", str(config_file))


async def test_a_wrong_password(config_file: Path, ports, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLC_PASSWORD", "wrong")
    plant = await Plant(ports.plant_port, password="right").start()
    try:
        user = 'user = "reader"\npassword_env = "PLC_PASSWORD"'
        change(config_file, f'endpoint = "{ports.plant}"', f'endpoint = "{plant.url}"\n{user}')
        line = await asyncio.to_thread(refused, "serve", str(config_file))
    finally:
        await plant.stop()
    assert plant.url in line
    assert "password" in line


def test_an_endpoint_where_nobody_answers(ports) -> None:
    assert ports.plant in refused("browse", ports.plant)


def test_a_wrong_option() -> None:
    done = opcua_ai("demo", "--speed", "5000")
    assert done.returncode == 2
    assert "1 .. 2000" in done.stderr
