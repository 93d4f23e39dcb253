"""A recording played by the simulator over real sockets, seen by an asyncua client."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from importlib import resources

import numpy as np
import pytest
from asyncua import ua

from opcua_ai_simulator.plants.recording import TennesseeEastmanRecording
from tests.integration.simulated import START, watching

ROOT = "TennesseeEastman"
PERIOD = timedelta(seconds=180)
pytestmark = pytest.mark.asyncio(loop_scope="module")


def published(name: str) -> np.ndarray:
    """A recording as printed: five significant digits."""
    with (resources.files("opcua_ai_simulator") / "recordings" / "tep_braatz.npz").open(
        "rb"
    ) as stream:
        values = np.load(stream)[name]
    return np.array([float(f"{value:.5g}") for value in values.ravel()]).reshape(values.shape)


async def test_a_tag_is_browsable_with_range_unit_and_description(recording):
    namespaces = await recording.client.get_namespace_array()
    assert namespaces[2] == "urn:opcua-ai:simulator"
    assert namespaces[1] != namespaces[2]
    found = await recording.client.nodes.objects.get_child([f"2:{ROOT}", "2:Reactor", "2:XMEAS(7)"])
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


async def test_every_tag_lies_in_its_group(recording):
    names = []
    for group in await recording.client.get_node(ua.NodeId(ROOT, 2)).get_children():
        browse_name = (await group.read_browse_name()).Name
        if browse_name not in ("Identification", "Simulation"):
            names += [(await tag.read_browse_name()).Name for tag in await group.get_children()]
    assert len(names) == len(set(names)) == 52


async def test_methods_state_their_arguments(recording):
    arguments = await recording.value("Simulation/SelectFault/InputArguments")
    assert [(one.Name, one.DataType) for one in arguments] == [
        ("fault", ua.NodeId(ua.ObjectIds.Int32)),
        ("startRow", ua.NodeId(ua.ObjectIds.UInt32)),
    ]
    misbehave = recording.node("Simulation/Misbehave")
    assert {(await method.read_browse_name()).Name for method in await misbehave.get_methods()} == {
        *("DropConnections", "SetQuality", "Freeze", "Spikes", "Jitter", "Normal")
    }


async def test_values_are_the_recording_row_by_row_180_s_apart(recording):
    tags = TennesseeEastmanRecording().tags
    paths = [tag.path for tag in tags]
    async with watching(recording, [*paths, "Simulation/Row", "Simulation/Recording"]) as rows:
        await recording.call("SelectRecording", "d05_te", 700)
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


async def test_plant_time_goes_on_over_selections_and_the_end(recording):
    async with watching(recording, ["Simulation/PlantTime"]) as rows:
        await recording.call("SelectRecording", "d01", 478)
        await recording.until("Simulation/Row", lambda row: 1 <= row.Value.Value < 100)
        await recording.call("SelectFault", 3, 0)
        await recording.call("Restart")
        await recording.until("Simulation/Fault", lambda fault: fault.Value.Value == 3)
        await recording.until("Simulation/Row", lambda row: 1 <= row.Value.Value < 100)
    times = sorted(rows.seen)
    assert len(times) >= 4
    assert {b - a for a, b in zip(times, times[1:], strict=False)} == {PERIOD}
    assert all(rows.seen[source]["Simulation/PlantTime"] == source for source in times)


async def test_writing_the_fault_selects_its_test_recording(recording):
    paths = ["Simulation/Fault", "Simulation/Row", "Simulation/PlantTime"]
    async with watching(recording, paths) as rows:
        await recording.node("Simulation/Fault").write_value(5, ua.VariantType.Int32)
        fault = await recording.read("Simulation/Fault")
        assert fault.Value.Value == 5
        assert await recording.value("Simulation/Recording") == "d05_te"
        assert await recording.value("Simulation/OnsetRow") == 160
        assert await recording.value("Simulation/Rows") == 960
        since = fault.SourceTimestamp
        await rows.until("Simulation/PlantTime", lambda now: now > since)
    # The choice holds from the next row on, and says so in its source time.
    assert rows.seen[since] == dict(zip(paths, (5, 0, since), strict=True))


async def test_speed_and_running_are_writable(recording):
    await recording.node("Simulation/Speed").write_value(500.0)
    assert await recording.value("Simulation/Speed") == 500
    await recording.node("Simulation/Running").write_value(False)
    row = await recording.value("Simulation/Row")
    await asyncio.sleep(0.5)
    assert await recording.value("Simulation/Row") == row
    await recording.node("Simulation/Running").write_value(True)
    await recording.node("Simulation/Speed").write_value(1000.0)
    await recording.until("Simulation/Row", lambda value: value.Value.Value != row)


async def test_pause_stops_the_rows_and_resume_goes_on(recording):
    await recording.call("Pause")
    assert await recording.value("Simulation/Running") is False
    before = await recording.value("Simulation/PlantTime")
    await asyncio.sleep(0.5)
    assert await recording.value("Simulation/PlantTime") == before
    await recording.call("Resume")
    after = await recording.until("Simulation/PlantTime", lambda value: value.Value.Value > before)
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
async def test_wrong_arguments_get_their_status(recording, method, arguments, code):
    with pytest.raises(ua.UaStatusCodeError) as caught:
        await recording.call(method, *arguments)
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
async def test_wrong_writes_get_their_status(recording, path, value, code):
    with pytest.raises(ua.UaStatusCodeError) as caught:
        await recording.node(path).write_attribute(
            ua.AttributeIds.Value, ua.DataValue(ua.Variant(value))
        )
    assert caught.value.code == getattr(ua.StatusCodes, code)
