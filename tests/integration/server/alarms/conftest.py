"""A server whose alarms a test may do everything with, and one of its assets."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator
from itertools import count
from typing import Any

import pytest
import pytest_asyncio
from asyncua import Client, ua
from asyncua.ua.uaerrors import UaStatusCodeError

from opcua_ai.core.types import FaultVerdict
from opcua_ai.server.advisory import AdvisoryServer

FAULTS = "AIAdvisory/Applications/FaultPrediction"
ASSETS = count(1)


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def server(settings: Any, running: Any, model: Any) -> AsyncIterator[AdvisoryServer]:
    """Its clients may do everything; each test takes an asset of its own."""
    options = {"allow_none": True, "allow_anonymous": True, "anonymous_role": "Engineer"}
    async with running(settings(**options), model(assets=60)) as started:
        yield started


@pytest_asyncio.fixture(loop_scope="session")
async def hmi(server: AdvisoryServer, look: Any) -> AsyncIterator[Any]:
    async with Client(server.endpoint, timeout=10) as client:
        yield await look(client)


class Asset:
    """One asset's alarm: what a policy says of it, and what a client does with it."""

    def __init__(self, server: AdvisoryServer, hmi: Any, verdict: FaultVerdict) -> None:
        self.name = verdict.asset
        self.path = f"{FAULTS}/{self.name}"
        self.condition = f"{self.path}/PredictedFault"
        self._server, self._hmi, self._verdict = server, hmi, verdict

    async def say(self, decision: str = "alarm", **changes: Any) -> None:
        verdict = dataclasses.replace(self._verdict, **changes)
        await self._server.publish_decision(decision, "FaultPrediction", verdict)

    async def call(self, method: int, *arguments: ua.Variant, below: str = "") -> None:
        node = self._hmi.node(f"{self.condition}{below}")
        await node.call_method(ua.NodeId(method), *arguments)

    async def refused(self, method: int, *arguments: ua.Variant, below: str = "") -> str:
        with pytest.raises(UaStatusCodeError) as error:
            await self.call(method, *arguments, below=below)
        return type(error.value).__name__


@pytest.fixture
def asset(server: AdvisoryServer, hmi: Any, fault: FaultVerdict) -> Asset:
    return Asset(server, hmi, dataclasses.replace(fault, asset=f"line{next(ASSETS)}"))
