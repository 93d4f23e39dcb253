"""What the server makes of any plant: two at once, slow ones, modes, refusals. Fake plants."""

from __future__ import annotations

import asyncio
import contextlib
import time
from datetime import timedelta

import numpy as np
import pytest
from asyncua import Client, ua

from opcua_ai_simulator.errors import InvalidStateError
from opcua_ai_simulator.plant import NO_UNIT, Command, Control, Identification, Tag
from opcua_ai_simulator.server import SimulatorServer
from tests.integration.simulated import START, Plant, serving, watching


class Bath:
    """A plant with a setpoint, uneven steps and a sensor that fails on every other row.

    Its setpoint can be written in manual mode only.
    """

    label = "a bath"
    tags = (
        Tag("T", "", "Temperature", "Of the water", NO_UNIT, 0, 100),
        Tag("SP", "", "Setpoint", "Of the heater", NO_UNIT, 0, 100, writable=True),
    )
    alarms = ()

    def __init__(self, root: str = "Bath", step_s: float = 0.0) -> None:
        self.root = root
        self.identification = Identification("Bath", root)
        self.step_s = step_s
        self.setpoint = 20.0
        self.mode = 0
        self.steps = 0
        self.speeds: list[float] = []
        self.controls = (
            Control(
                "Mode",
                "UInt32",
                "Of the heater",
                lambda: self.mode,
                self.set_mode,
                group="Heater/Controller",
                states=("Manual", "Automatic"),
            ),
        )
        self.commands = (Command("Boil", "Heat to 100", self.boil),)

    @property
    def period(self) -> float:
        return 100.0 if self.steps % 2 else 50.0

    def follow(self, speed: float) -> None:
        self.speeds.append(speed)

    def step(self) -> np.ndarray:
        time.sleep(self.step_s)
        self.steps += 1
        return np.array([np.nan if self.steps % 2 else self.setpoint + 1, self.setpoint])

    def write(self, tag: str, value: float) -> None:
        if self.mode:
            raise InvalidStateError("the heater is in automatic mode")
        self.setpoint = value

    def set_mode(self, mode: int) -> None:
        if self.setpoint == 100 and mode:
            raise InvalidStateError("it boils")
        self.mode = mode

    def boil(self) -> None:
        self.write("SP", 100.0)


class SteadyBath(Bath):
    period = 100.0


@contextlib.asynccontextmanager
async def seen(*baths: Bath, **options):
    """The plants, served, as one client sees each."""
    server = SimulatorServer(baths, port=0, plant_start=START, **options)
    async with serving(server) as url, Client(url) as connected:
        yield [Plant(connected, bath.root) for bath in baths]


@contextlib.contextmanager
def refused(code: str):
    with pytest.raises(ua.UaStatusCodeError) as caught:
        yield
    assert caught.value.code == getattr(ua.StatusCodes, code)


async def test_any_plant_is_served_setpoints_and_missing_values_included():
    async with seen(Bath(), speed=1000, running=False) as (bath,):
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


async def test_two_plants_have_their_own_faults_controls_and_values_and_one_pace():
    baths = Bath("Bath1"), Bath("Bath2")
    uncertain = ua.StatusCodes.UncertainSensorNotAccurate
    async with seen(*baths, speed=1000, running=False) as (one, two):
        await one.node("SP").write_value(55.5)
        await one.node("Heater/Controller/Mode").write_value(1, ua.VariantType.UInt32)
        await one.call("Misbehave/SetQuality", "SP", uncertain, 0.0)
        await two.call("SetSpeed", 2000.0)
        assert await one.value("Simulation/Speed") == await two.value("Simulation/Speed") == 2000
        assert baths[0].speeds == baths[1].speeds == [1000, 2000]
        await one.call("Resume")
        assert await two.value("Simulation/Running") is True
        await one.until("SP", lambda value: value.StatusCode.value == uncertain)
        await two.call("Pause")
        assert await one.value("SP") == 55.5
        assert await two.value("SP") == 20
        assert await two.value("Heater/Controller/Mode") == 0
        assert (await two.read("SP")).StatusCode.is_good()
        assert await one.value("Simulation/PlantTime") == await two.value("Simulation/PlantTime")
        assert baths[0].steps == baths[1].steps > 1


async def test_a_control_with_states_names_them_and_takes_no_other():
    async with seen(Bath(), running=False) as (bath,):
        path = "Heater/Controller/Mode"
        mode = await bath.client.nodes.objects.get_child(
            [f"2:{name}" for name in f"Bath/{path}".split("/")]
        )
        assert mode == bath.node(path)
        kind = ua.NodeId(ua.ObjectIds.MultiStateDiscreteType)
        assert await mode.read_type_definition() == kind
        states = await mode.get_child("0:EnumStrings")
        assert [state.Text for state in await states.read_value()] == ["Manual", "Automatic"]
        assert await states.read_data_type() == ua.NodeId(ua.ObjectIds.LocalizedText)
        await mode.write_value(1, ua.VariantType.UInt32)
        assert await mode.read_value() == 1
        with refused("BadOutOfRange"):
            await mode.write_value(2, ua.VariantType.UInt32)
        with refused("BadTypeMismatch"):
            await mode.write_value("Manual")
        assert await mode.read_value() == 1


async def test_what_the_plant_does_not_allow_now_is_bad_invalid_state():
    async with seen(Bath(), running=False) as (bath,):
        mode = bath.node("Heater/Controller/Mode")
        await bath.call("Boil")
        with refused("BadInvalidState"):
            await mode.write_value(1, ua.VariantType.UInt32)
        await bath.node("SP").write_value(50.0)
        await mode.write_value(1, ua.VariantType.UInt32)
        with refused("BadInvalidState"):
            await bath.node("SP").write_value(60.0)
        with refused("BadInvalidState"):
            await bath.call("Boil")
        assert await bath.value("SP") == 50


async def test_the_speed_goes_to_2000_and_a_pause_shows_as_reached_speed_0():
    bath = SteadyBath()
    async with seen(bath, running=False) as (shown,):
        assert await shown.value("Simulation/ReachedSpeed") == 0
        await shown.call("Resume")
        await shown.call("SetSpeed", 2000.0)
        for wrong in (0.5, 2000.1, float("nan")):
            with refused("BadOutOfRange"):
                await shown.call("SetSpeed", wrong)
        with refused("BadNotWritable"):
            await shown.node("Simulation/ReachedSpeed").write_value(1.0)
        steps = bath.steps
        await asyncio.sleep(1.0)
        assert bath.steps - steps == pytest.approx(20, abs=3)
        assert await shown.value("Simulation/ReachedSpeed") == pytest.approx(2000, rel=0.05)
        await shown.call("Pause")
        assert await shown.value("Simulation/ReachedSpeed") == 0


async def test_the_next_row_comes_when_the_period_that_follows_the_speed_is_over():
    class Following(Bath):
        @property
        def period(self) -> float:
            return self.speeds[-1] / 10

    bath = Following()
    async with seen(bath, speed=1, running=False) as (shown,):
        await shown.call("SetSpeed", 2000.0)
        await shown.call("Resume")
        await asyncio.sleep(0.05)
        assert bath.steps == 1
        second = START + timedelta(seconds=200)
        await shown.until("Simulation/PlantTime", lambda now: now.Value.Value == second)


async def test_a_slow_plant_is_told_once_and_never_keeps_clients_waiting():
    bath, notices = SteadyBath(step_s=0.2), []
    async with seen(bath, speed=2000, notice=notices.append) as (shown,):
        longest, end = 0.0, time.monotonic() + 3.0
        while time.monotonic() < end:
            start = time.monotonic()
            await shown.value("T")
            longest = max(longest, time.monotonic() - start)
            await asyncio.sleep(0.01)
        assert longest < 0.1
        assert bath.steps == pytest.approx(16, abs=3)
        assert await shown.value("Simulation/ReachedSpeed") == pytest.approx(500, rel=0.15)
        (notice,) = notices
        asked, reached = notice.split(", this machine reaches ")
        assert asked == "asked for 2000x"
        assert float(reached.removesuffix("x")) == pytest.approx(500, rel=0.15)
        # What could not be held is given up, not caught up.
        await shown.call("SetSpeed", 200.0)
        steps = bath.steps
        await asyncio.sleep(1.2)
        assert bath.steps - steps <= 4
        assert await shown.value("Simulation/ReachedSpeed") == pytest.approx(200, rel=0.05)
        assert notices == [notice]


async def test_no_wish_reaches_a_plant_while_it_steps_and_no_step_outlives_the_server():
    class Guarded(SteadyBath):
        stepping = False

        def step(self) -> np.ndarray:
            self.stepping = True
            row = super().step()
            self.stepping = False
            return row

        async def until_stepping(self) -> None:
            while not self.stepping:
                await asyncio.sleep(0.01)

        def write(self, tag: str, value: float) -> None:
            assert not self.stepping
            super().write(tag, value)

    bath = Guarded(step_s=0.2)
    async with seen(bath, speed=2000) as (shown,):
        for i in range(3):
            await bath.until_stepping()
            await shown.node("SP").write_value(float(i))
            assert await shown.value("SP") == i
        await bath.until_stepping()
    assert not bath.stepping


async def test_a_plant_that_breaks_ends_the_server_with_its_own_error():
    class Broken(Bath):
        def step(self) -> np.ndarray:
            if self.steps:
                raise ZeroDivisionError("a bug")
            return super().step()

    server = SimulatorServer([Broken()], port=0, speed=2000)
    await server.start()
    with pytest.raises(ZeroDivisionError, match="a bug"):
        await server.run()
    await server.stop()
