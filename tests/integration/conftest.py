"""Real processes and sockets for the integration tests."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from opcua_ai.demo.configuration import configuration
from opcua_ai.demo.processes import Child, free_port

StartPlant = Callable[..., Awaitable[Child]]
Serve = Callable[[Path], Awaitable[Child]]


class Ports:
    """Endpoints of one test: free ports, taken once."""

    def __init__(self) -> None:
        self.plant_port = free_port(0)
        self.plant = f"opc.tcp://127.0.0.1:{self.plant_port}/simulator"
        self.server = f"opc.tcp://127.0.0.1:{free_port(0)}/opcua-ai"


@pytest.fixture
def ports() -> Ports:
    return Ports()


@pytest.fixture
def config_file(tmp_path: Path, ports: Ports) -> Path:
    path = tmp_path / "plant.toml"
    text = configuration(ports.plant, ports.server, 0.2, asset="line1")
    path.write_text(
        text.replace("sampling_interval_ms", "reconnect_max_s = 1.0\nsampling_interval_ms", 1)
    )
    return path


@pytest.fixture
async def children() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as stack:
        yield stack


@pytest.fixture
def start_plant(children: AsyncExitStack, tmp_path: Path, ports: Ports) -> StartPlant:
    """Start the simulator with further arguments; it ends with the test."""

    async def start(*arguments: str) -> Child:
        child = Child("plant simulator", tmp_path / "simulator.log")
        children.push_async_callback(child.stop)
        port = str(ports.plant_port)
        await child.start(
            ["opcua_ai_simulator", "run", "recording", "--port", port, *arguments],
            "Simulator ready",
        )
        return child

    return start


@pytest.fixture
def serve(children: AsyncExitStack, tmp_path: Path) -> Serve:
    """Start ``opcua-ai serve CONFIG``; it ends with the test. Its log: ``server.log``."""

    async def start(config: Path) -> Child:
        child = Child("advisory server", tmp_path / "server.log")
        children.push_async_callback(child.stop)
        await child.start(["opcua_ai", "serve", str(config)], "Advisory server ready")
        return child

    return start
