"""The simulator over real sockets, seen by an asyncua client."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import socket
import sys
import time
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio
from asyncua import Client, ua

from opcua_ai_simulator.plant import NO_UNIT, Tag
from opcua_ai_simulator.plants.recording import TennesseeEastmanRecording
from opcua_ai_simulator.server import SimulatorServer

ROOT = "TennesseeEastman"
PACKAGE = resources.files("opcua_ai_simulator")
START = datetime(2024, 5, 1, tzinfo=UTC)
PATIENCE = 5.0  # wall seconds; a row takes 0.18 s at speed 1000
PERIOD = timedelta(seconds=180)
# One loop for the module: starting a server takes a second, so the tests share one.
pytestmark = pytest.mark.asyncio(loop_scope="module")


@contextlib.asynccontextmanager
async def serving(server: SimulatorServer):
    await server.start()
    running = asyncio.create_task(server.run())
    try:
        yield server.endpoint.url
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
        await server.stop()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def url():
    plant = TennesseeEastmanRecording("d00_te")
    server = SimulatorServer(plant, port=0, speed=1000, plant_start=START)
    async with serving(server) as endpoint:
        yield endpoint


@pytest_asyncio.fixture(loop_scope="module")
async def client(url):
    async with Client(url) as connected:
        yield Plant(connected)
        await Plant(connected).call("Misbehave/Normal")
        await Plant(connected).call("Resume")


class Plant:
    """The address space by browse path."""

    def __init__(self, client: Client, root: str = ROOT) -> None:
        self.client = client
        self.root = root

    def node(self, path: str):
        # Index 2: 0 is OPC UA's own namespace, 1 the server's.
        return self.client.get_node(ua.NodeId(f"{self.root}/{path}", 2))

    async def read(self, path: str) -> ua.DataValue:
        return await self.node(path).read_data_value(raise_on_bad_status=False)

    async def value(self, path: str):
        return (await self.read(path)).Value.Value

    async def call(self, path: str, *arguments):
        parent = f"Simulation/{path}".rpartition("/")[0]
        return await self.node(parent).call_method(self.node(f"Simulation/{path}"), *arguments)

    async def until(self, path: str, wanted) -> ua.DataValue:
        """Wait until a node's DataValue satisfies ``wanted``."""
        end = time.monotonic() + PATIENCE
        while True:
            value = await self.read(path)
            if wanted(value):
                return value
            assert time.monotonic() < end, f"{path} stays {value}"
            await asyncio.sleep(0.02)


class Rows:
    """Collects data changes by source time: ``{source time: {path: value}}``."""

    def __init__(self) -> None:
        self.seen: dict[datetime, dict[str, object]] = defaultdict(dict)
        self.paths: dict[ua.NodeId, str] = {}

    def datachange_notification(self, node, value, data) -> None:
        source = data.monitored_item.Value.SourceTimestamp
        self.seen[source][self.paths[node.nodeid]] = value

    async def until(self, path: str, wanted) -> None:
        """Wait until a notification of a node holds what ``wanted`` accepts."""
        end = time.monotonic() + PATIENCE
        while not any(path in row and wanted(row[path]) for row in list(self.seen.values())):
            assert time.monotonic() < end, f"{path}: {dict(self.seen)}"
            await asyncio.sleep(0.02)


@contextlib.asynccontextmanager
async def watching(plant: Plant, paths: list[str]):
    rows = Rows()
    rows.paths = {plant.node(path).nodeid: path for path in paths}
    subscription = await plant.client.create_subscription(20, rows)
    await subscription.subscribe_data_change([plant.node(path) for path in paths])
    try:
        yield rows
    finally:
        await subscription.delete()


def published(name: str) -> np.ndarray:
    """A recording as printed: five significant digits."""
    with (PACKAGE / "recordings" / "tep_braatz.npz").open("rb") as stream:
        values = np.load(stream)[name]
    return np.array([float(f"{value:.5g}") for value in values.ravel()]).reshape(values.shape)


async def test_a_tag_is_browsable_with_range_unit_and_description(client):
    namespaces = await client.client.get_namespace_array()
    assert namespaces[2] == "urn:opcua-ai:simulator"
    assert namespaces[1] != namespaces[2]
    found = await client.client.nodes.objects.get_child([f"2:{ROOT}", "2:Reactor", "2:XMEAS(7)"])
    assert found.nodeid == ua.NodeId(f"{ROOT}/Reactor/XMEAS(7)", 2)
    assert await found.read_type_definition() == ua.NodeId(ua.ObjectIds.AnalogUnitRangeType)
    assert (await found.read_display_name()).Text == "Reactor pressure"
    assert "pressure" in (await found.read_description()).Text
    limits = await (await found.get_child("0:EURange")).read_value()
    assert (limits.Low, limits.High) == (0, 3500)
    unit = await (await found.get_child("0:EngineeringUnits")).read_value()
    assert (unit.UnitId, unit.DisplayName.Text) == (4935745, "kPa")
    assert unit.NamespaceUri == "http://www.opcfoundation.org/UA/units/un/cefact"
    kinds = {ref.ReferenceTypeId.Identifier for ref in await found.get_references()}
    assert ua.ObjectIds.HasProperty in kinds


async def test_every_tag_lies_in_its_group(client):
    names = []
    for group in await client.client.get_node(ua.NodeId(ROOT, 2)).get_children():
        browse_name = (await group.read_browse_name()).Name
        if browse_name != "Simulation":
            names += [(await tag.read_browse_name()).Name for tag in await group.get_children()]
    assert len(names) == len(set(names)) == 52


async def test_methods_state_their_arguments(client):
    arguments = await client.value("Simulation/SelectFault/InputArguments")
    assert [(one.Name, one.DataType) for one in arguments] == [
        ("fault", ua.NodeId(ua.ObjectIds.Int32)),
        ("startRow", ua.NodeId(ua.ObjectIds.UInt32)),
    ]
    misbehave = client.node("Simulation/Misbehave")
    assert {(await method.read_browse_name()).Name for method in await misbehave.get_methods()} == {
        *("DropConnections", "SetQuality", "Freeze", "Spikes", "Jitter", "Normal")
    }


async def test_values_are_the_recording_row_by_row_180_s_apart(client):
    tags = TennesseeEastmanRecording().tags
    paths = [tag.path for tag in tags]
    async with watching(client, [*paths, "Simulation/Row", "Simulation/Recording"]) as rows:
        await client.call("SelectRecording", "d05_te", 700)
        await rows.until("Simulation/Row", lambda row: row >= 706)
    expected = published("d05_te")
    shown: dict[str, object] = {}
    checked = []
    for source in sorted(rows.seen):
        shown |= rows.seen[source]
        row = shown.get("Simulation/Row", -1)
        if shown.get("Simulation/Recording") == "d05_te" and 700 <= row <= 704:
            np.testing.assert_array_equal([shown[path] for path in paths], expected[row])
            checked.append((row, source))
    assert [row for row, _ in checked] == [700, 701, 702, 703, 704]
    sources = [source for _, source in checked]
    assert {b - a for a, b in zip(sources, sources[1:], strict=False)} == {PERIOD}
    assert (sources[0] - START) % PERIOD == timedelta(0)


async def test_plant_time_goes_on_over_selections_and_the_end(client):
    async with watching(client, ["Simulation/PlantTime"]) as rows:
        await client.call("SelectRecording", "d01", 478)
        await client.until("Simulation/Row", lambda row: 1 <= row.Value.Value < 100)
        await client.call("SelectFault", 3, 0)
        await client.call("Restart")
        await client.until("Simulation/Fault", lambda fault: fault.Value.Value == 3)
        await client.until("Simulation/Row", lambda row: 1 <= row.Value.Value < 100)
    times = sorted(rows.seen)
    assert len(times) >= 4
    assert {b - a for a, b in zip(times, times[1:], strict=False)} == {PERIOD}
    assert all(rows.seen[source]["Simulation/PlantTime"] == source for source in times)


async def test_writing_the_fault_selects_its_test_recording(client):
    paths = ["Simulation/Fault", "Simulation/Row", "Simulation/PlantTime"]
    async with watching(client, paths) as rows:
        await client.node("Simulation/Fault").write_value(5, ua.VariantType.Int32)
        fault = await client.read("Simulation/Fault")
        assert fault.Value.Value == 5
        assert await client.value("Simulation/Recording") == "d05_te"
        assert await client.value("Simulation/OnsetRow") == 160
        assert await client.value("Simulation/Rows") == 960
        since = fault.SourceTimestamp
        await rows.until("Simulation/PlantTime", lambda now: now > since)
    # The choice holds from the next row on, and says so in its source time.
    assert rows.seen[since] == dict(zip(paths, (5, 0, since), strict=True))


async def test_speed_and_running_are_writable(client):
    await client.node("Simulation/Speed").write_value(500.0)
    assert await client.value("Simulation/Speed") == 500
    await client.node("Simulation/Running").write_value(False)
    row = await client.value("Simulation/Row")
    await asyncio.sleep(0.5)
    assert await client.value("Simulation/Row") == row
    await client.node("Simulation/Running").write_value(True)
    await client.node("Simulation/Speed").write_value(1000.0)
    await client.until("Simulation/Row", lambda value: value.Value.Value != row)


async def test_pause_stops_the_rows_and_resume_goes_on(client):
    await client.call("Pause")
    assert await client.value("Simulation/Running") is False
    before = await client.value("Simulation/PlantTime")
    await asyncio.sleep(0.5)
    assert await client.value("Simulation/PlantTime") == before
    await client.call("Resume")
    after = await client.until("Simulation/PlantTime", lambda value: value.Value.Value > before)
    assert (after.Value.Value - before) % PERIOD == timedelta(0)


@pytest.mark.parametrize(
    ("method", "arguments", "code"),
    [
        ("SelectFault", (22, 0), "BadOutOfRange"),
        ("SelectFault", (5, 960), "BadOutOfRange"),
        ("SelectFault", (5, -1), "BadOutOfRange"),
        ("SelectFault", ("5", 0), "BadInvalidArgument"),
        ("SelectFault", (5,), "BadArgumentsMissing"),
        ("SelectFault", (5, 0, 0), "BadTooManyArguments"),
        ("SelectRecording", ("d99", 0), "BadOutOfRange"),
        ("Misbehave/Freeze", ("XMEAS(99)", 0.0), "BadOutOfRange"),
        ("Misbehave/SetQuality", ("*", "Bad", 0.0), "BadInvalidArgument"),
        ("Misbehave/DropConnections", (-1.0,), "BadOutOfRange"),
    ],
)
async def test_wrong_arguments_get_their_status(client, method, arguments, code):
    with pytest.raises(ua.UaStatusCodeError) as caught:
        await client.call(method, *arguments)
    assert caught.value.code == getattr(ua.StatusCodes, code)


@pytest.mark.parametrize(
    ("path", "value", "code"),
    [
        ("Simulation/Speed", 0.5, "BadOutOfRange"),
        ("Simulation/Speed", "fast", "BadTypeMismatch"),
        ("Simulation/Fault", 22, "BadOutOfRange"),
        ("Simulation/Row", 5, "BadNotWritable"),
        ("Reactor/XMEAS(7)", 1.0, "BadNotWritable"),
        ("Reactor/XMEAS(70)", 1.0, "BadNodeIdUnknown"),
    ],
)
async def test_wrong_writes_get_their_status(client, path, value, code):
    with pytest.raises(ua.UaStatusCodeError) as caught:
        await client.node(path).write_attribute(
            ua.AttributeIds.Value, ua.DataValue(ua.Variant(value))
        )
    assert caught.value.code == getattr(ua.StatusCodes, code)


async def test_quality_arrives_and_ends(client):
    tag, other = "Reactor/XMEAS(7)", "Reactor/XMEAS(8)"
    bad = ua.StatusCodes.BadSensorFailure
    await client.call("Misbehave/SetQuality", "XMEAS(7)", bad, 1.0)
    shown = await client.until(tag, lambda value: value.StatusCode.value == bad)
    assert shown.Value.Value is None
    assert (await client.read(other)).StatusCode.is_good()
    shown = await client.until(tag, lambda value: value.StatusCode.is_good())
    assert 2000 < shown.Value.Value < 3000
    uncertain = ua.StatusCodes.UncertainSensorNotAccurate
    await client.call("Misbehave/SetQuality", "*", uncertain, 0.0)
    shown = await client.until(other, lambda value: value.StatusCode.value == uncertain)
    assert 50 < shown.Value.Value < 100
    await client.call("Misbehave/Normal")
    await client.until(other, lambda value: value.StatusCode.is_good())


async def test_a_frozen_tag_repeats_itself_with_new_source_times(client):
    tag = "Reactor/XMEAS(7)"
    await client.call("Pause")
    frozen = await client.read(tag)
    await client.call("Misbehave/Freeze", "XMEAS(7)", 0.0)
    await client.call("Resume")
    later = await client.until(
        tag, lambda value: value.SourceTimestamp >= frozen.SourceTimestamp + 2 * PERIOD
    )
    assert later.Value.Value == frozen.Value.Value
    await client.call("Misbehave/Normal")
    await client.until(tag, lambda value: value.Value.Value != frozen.Value.Value)


async def test_spikes_and_jitter_throw_values_and_times_off(client):
    tag = "Reactor/XMEAS(7)"
    await client.call("Misbehave/Spikes", "XMEAS(7)", 1.0, 100.0, 0.0)
    await client.call("Misbehave/Jitter", 60.0)
    shown = await client.until(tag, lambda value: abs(value.Value.Value - 2700) > 3000)
    assert abs(abs(shown.Value.Value - 2700) - 3500) < 400
    assert (shown.SourceTimestamp - START) % PERIOD != timedelta(0)
    plant_time = await client.read("Simulation/PlantTime")
    assert (plant_time.SourceTimestamp - START) % PERIOD == timedelta(0)


async def test_connections_drop_and_come_back(url):
    lost = Client(url, timeout=2)
    await lost.connect()
    plant = Plant(lost)
    before = await plant.value("Simulation/PlantTime")
    await plant.call("Misbehave/DropConnections", 1.0)
    await asyncio.sleep(0.2)
    with pytest.raises((ConnectionError, ua.UaError, asyncio.TimeoutError)):
        await plant.value("Simulation/PlantTime")
    with pytest.raises(ConnectionError):
        await Client(url, timeout=2).connect()
    with contextlib.suppress(Exception):
        await lost.disconnect()
    end = time.monotonic() + 3
    while True:
        with contextlib.suppress(ConnectionError):
            async with Client(url) as back:
                # The plant went on meanwhile.
                assert await Plant(back).value("Simulation/PlantTime") > before
                break
        assert time.monotonic() < end
        await asyncio.sleep(0.05)


class Bath:
    """A plant with a setpoint, uneven steps and a sensor that fails on every other row."""

    root = "Bath"
    label = "a bath"
    tags = (
        Tag("T", "", "Temperature", "Of the water", NO_UNIT, 0, 100),
        Tag("SP", "", "Setpoint", "Of the heater", NO_UNIT, 0, 100, writable=True),
    )
    controls = ()
    commands = ()

    def __init__(self) -> None:
        self.setpoint = 20.0
        self.steps = 0

    @property
    def period(self) -> float:
        return 100.0 if self.steps % 2 else 50.0

    def step(self) -> np.ndarray:
        self.steps += 1
        return np.array([np.nan if self.steps % 2 else self.setpoint + 1, self.setpoint])

    def write(self, tag: str, value: float) -> None:
        self.setpoint = value


async def test_any_plant_is_served_setpoints_and_missing_values_included():
    server = SimulatorServer(Bath(), port=0, speed=1000, running=False, plant_start=START)
    async with serving(server) as url, Client(url) as connected:
        bath = Plant(connected, "Bath")
        assert (await bath.read("T")).StatusCode.value == ua.StatusCodes.BadSensorFailure
        assert (await bath.read("T")).SourceTimestamp == START
        await bath.node("SP").write_value(55.5)
        assert await bath.value("SP") == 55.5
        async with watching(bath, ["Simulation/PlantTime"]) as rows:
            await bath.call("Resume")
            shown = await bath.until("T", lambda value: value.StatusCode.is_good())
            third = START + timedelta(seconds=150)
            await rows.until("Simulation/PlantTime", lambda now: now > third)
        assert shown.Value.Value == 56.5
        passed = [(source - START).total_seconds() for source in sorted(rows.seen)]
        assert passed[:3] == [0, 100, 150]


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
