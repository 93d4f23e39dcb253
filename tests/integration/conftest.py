"""Real processes and sockets for the integration tests."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio
from asyncua import Client

from opcua_ai.demo.configuration import configuration
from opcua_ai.demo.processes import Child, free_port
from opcua_ai_simulator.plants.recording import TennesseeEastmanRecording
from opcua_ai_simulator.server import SimulatorServer
from tests.integration import simulated

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


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def recording_url() -> AsyncIterator[str]:
    """A recording that this process plays; starting takes a second, so a module's tests share it.

    They run in the module's loop: ``pytest.mark.asyncio(loop_scope="module")``.
    """
    plants = [TennesseeEastmanRecording("d00_te")]
    server = SimulatorServer(plants, port=0, speed=1000, plant_start=simulated.START)
    async with simulated.serving(server) as endpoint:
        yield endpoint


@pytest_asyncio.fixture(loop_scope="module")
async def recording(recording_url: str) -> AsyncIterator[simulated.Plant]:
    async with Client(recording_url) as connected:
        plant = simulated.Plant(connected)
        yield plant
        await plant.call("Misbehave/Normal")
        await plant.call("Resume")
