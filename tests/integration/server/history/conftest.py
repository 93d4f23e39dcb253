"""A server that keeps a history, with a hundred seconds in it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest_asyncio

from opcua_ai.core import status as codes
from opcua_ai.core.config import History
from opcua_ai.core.types import NS, FaultVerdict, Prediction
from opcua_ai.server.advisory import AdvisoryServer
from tests.integration.server.history.recorded import (
    COUNT,
    START,
    recommendation,
    written,
)


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def server(
    settings: Any, model: Any, result: Any, fault: FaultVerdict, tmp_path_factory: Any
) -> AsyncIterator[AdvisoryServer]:
    """A hundred seconds: load 0, 1, 2 ... with second 50 Bad and 60 Uncertain; a fault from 20."""
    folder = tmp_path_factory.mktemp("history")
    everybody = settings(allow_none=True, allow_anonymous=True, anonymous_role="Engineer")
    server = AdvisoryServer(everybody, History(folder=folder))
    await server.start([model()], {"plant": "opc.tcp://plant:4840"})
    try:
        for second in range(COUNT):
            status = {50: codes.BAD_OUT_OF_SERVICE, 60: codes.UNCERTAIN_SUB_NORMAL}.get(second, 0)
            time = (START + second) * NS
            label = "fault 5" if second >= 20 else "normal"
            load = Prediction("load", float(second), status, time, "kW", confidence=0.5)
            named = Prediction("fault", float(second >= 20), codes.GOOD, time, label=label)
            await server.publish(result(load, named))
        await server.publish_decision("alarm", "FaultPrediction", fault)
        for second in (10, 30):
            rec = recommendation(second, float(second))
            await server.publish_decision("setpoint", "FaultPrediction", rec)
        await written(server, 3 * COUNT)
        await asyncio.sleep(0.7)
        yield server
    finally:
        await server.stop()
