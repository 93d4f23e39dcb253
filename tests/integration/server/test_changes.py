"""Sources and assets that come and go while the server runs, as a client sees them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import pytest_asyncio
from asyncua import Client

from opcua_ai.core import status as codes
from opcua_ai.core.ports import SourceStats
from opcua_ai.core.types import ModelInfo, ModelResult, Prediction
from opcua_ai.server.advisory import AdvisoryServer
from opcua_ai.sources.opcua import Options
from opcua_ai.top.reading import Reader

FAILURE = "AIAdvisory/Sources/new/DeviceHealthAlarms/Failure/ActiveState/Id"
LEVEL = "i=2267"


@pytest_asyncio.fixture
async def server(settings: Any, running: Any) -> AsyncIterator[AdvisoryServer]:
    everybody = settings(allow_none=True, allow_anonymous=True)
    async with running(everybody) as server:
        yield server


async def test_a_source_that_comes_fails_goes_and_comes_again(
    server: AdvisoryServer, look: Any
) -> None:
    await server.publish_source("plant", "running", SourceStats())
    async with Client(server.endpoint, timeout=10) as client:
        hmi = await look(client)
        await server.show_source("new", "opc.tcp://new:4840")
        assert await hmi.value("AIAdvisory/Sources/new/State") == "connecting"
        assert await hmi.value("AIAdvisory/Sources/new/Endpoint") == "opc.tcp://new:4840"
        await server.publish_source("new", "lost", SourceStats())
        assert await hmi.value("AIAdvisory/DeviceHealth") == 1
        assert await hmi.value(FAILURE) is True
        with_it = await hmi.value(LEVEL)

        await server.forget_source("new")
        for name in ("State", "Endpoint", "ActiveEndpoint", "Gaps", "DeviceHealth"):
            found = await hmi.read(f"AIAdvisory/Sources/new/{name}")
            assert found.StatusCode.value == codes.BAD_OUT_OF_SERVICE, name
        assert await hmi.value("AIAdvisory/DeviceHealth") != 1
        assert await hmi.value(FAILURE) is False
        assert await hmi.value(LEVEL) > with_it
        reading = await Reader.open(Options(endpoint=server.endpoint))
        assert {*(await reading.read()).sources} == {"plant"}
        await reading.close()

        await server.show_source("new", "opc.tcp://other:4840")
        assert await hmi.value("AIAdvisory/Sources/new/State") == "connecting"
        assert await hmi.value("AIAdvisory/Sources/new/Endpoint") == "opc.tcp://other:4840"


async def test_an_asset_that_comes_and_another_schedule(
    server: AdvisoryServer,
    look: Any,
    model: Callable[..., ModelInfo],
    result: Callable[..., ModelResult],
) -> None:
    info = replace(model(assets=3), schedule="every 9 s", simulated=["line1"])
    await server.show_model(info)
    good = result(Prediction("load", 5.0, codes.GOOD, 1))
    await server.publish(replace(good, asset="line3"))
    predictions = "AIAdvisory/Applications/FaultPrediction/{}/Predictions/faults_load/{}"
    async with Client(server.endpoint, timeout=10) as client:
        hmi = await look(client)
        assert await hmi.value(predictions.format("line3", "Value")) == 5.0
        assert await hmi.value("AIAdvisory/Models/faults/Schedule") == "every 9 s"
        for asset, simulated in (("line1", True), ("line2", False)):
            assert await hmi.value(predictions.format(asset, "IsSimulated")) is simulated
