"""Signal faults and dropped connections of the simulator over real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import time
from datetime import timedelta

import pytest
from asyncua import Client, ua

from tests.integration.simulated import START, Plant

PERIOD = timedelta(seconds=180)
pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_quality_arrives_and_ends(recording):
    tag, other = "Reactor/XMEAS(7)", "Reactor/XMEAS(8)"
    bad = ua.StatusCodes.BadSensorFailure
    await recording.call("Misbehave/SetQuality", "XMEAS(7)", bad, 1.0)
    shown = await recording.until(tag, lambda value: value.StatusCode.value == bad)
    assert shown.Value.Value is None
    assert (await recording.read(other)).StatusCode.is_good()
    shown = await recording.until(tag, lambda value: value.StatusCode.is_good())
    assert 2000 < shown.Value.Value < 3000
    uncertain = ua.StatusCodes.UncertainSensorNotAccurate
    await recording.call("Misbehave/SetQuality", "*", uncertain, 0.0)
    shown = await recording.until(other, lambda value: value.StatusCode.value == uncertain)
    assert 50 < shown.Value.Value < 100
    await recording.call("Misbehave/Normal")
    await recording.until(other, lambda value: value.StatusCode.is_good())


async def test_a_frozen_tag_repeats_itself_with_new_source_times(recording):
    tag = "Reactor/XMEAS(7)"
    await recording.call("Pause")
    frozen = await recording.read(tag)
    await recording.call("Misbehave/Freeze", "XMEAS(7)", 0.0)
    await recording.call("Resume")
    later = await recording.until(
        tag, lambda value: value.SourceTimestamp >= frozen.SourceTimestamp + 2 * PERIOD
    )
    assert later.Value.Value == frozen.Value.Value
    await recording.call("Misbehave/Normal")
    await recording.until(tag, lambda value: value.Value.Value != frozen.Value.Value)


async def test_spikes_and_jitter_throw_values_and_times_off(recording):
    tag = "Reactor/XMEAS(7)"
    await recording.call("Misbehave/Spikes", "XMEAS(7)", 1.0, 100.0, 0.0)
    await recording.call("Misbehave/Jitter", 60.0)
    shown = await recording.until(tag, lambda value: abs(value.Value.Value - 2700) > 3000)
    assert abs(abs(shown.Value.Value - 2700) - 3500) < 400
    assert (shown.SourceTimestamp - START) % PERIOD != timedelta(0)
    plant_time = await recording.read("Simulation/PlantTime")
    assert (plant_time.SourceTimestamp - START) % PERIOD == timedelta(0)


async def test_connections_drop_and_come_back(recording_url):
    lost = Client(recording_url, timeout=2)
    await lost.connect()
    plant = Plant(lost)
    before = await plant.value("Simulation/PlantTime")
    await plant.call("Misbehave/DropConnections", 1.0)
    await asyncio.sleep(0.2)
    with pytest.raises((ConnectionError, ua.UaError, asyncio.TimeoutError)):
        await plant.value("Simulation/PlantTime")
    with pytest.raises(ConnectionError):
        await Client(recording_url, timeout=2).connect()
    with contextlib.suppress(Exception):
        await lost.disconnect()
    end = time.monotonic() + 3
    while True:
        with contextlib.suppress(ConnectionError):
            async with Client(recording_url) as back:
                # The plant went on meanwhile.
                assert await Plant(back).value("Simulation/PlantTime") > before
                break
        assert time.monotonic() < end
        await asyncio.sleep(0.05)
