"""What the history of these tests holds."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from opcua_ai.core import status as codes
from opcua_ai.core.types import NS, Recommendation, Tag
from opcua_ai.server.advisory import AdvisoryServer

START = 1_700_000_000
LINE = "AIAdvisory/Applications/FaultPrediction/line1"
LOAD = f"{LINE}/Predictions/faults_load/Value"
LABEL = f"{LINE}/Predictions/faults_fault/Label"
CLASS = f"{LINE}/Predictions/faults_fault/Value"
TARGET = f"{LINE}/Recommendations/XMV(6)/ClampedValue"
INPUTS = "AIAdvisory/History/Inputs"
COUNT = 100


def iso(second: float) -> str:
    moment = datetime.fromtimestamp(START + second, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def recommendation(second: int, value: float) -> Recommendation:
    return Recommendation(
        "line1", "XMV(6)", Tag("Plant/XMV(6)", "nsu=urn:plant;s=XMV6"), value, value, value, "",
        1.0, "$/h", 0.5, 1.5, 0.9, "cheaper", codes.GOOD, (START + second) * NS,
        (START + second + 900) * NS,
    )  # fmt: skip


async def written(server: AdvisoryServer, count: int) -> None:
    """Wait until the disk has that many values and events."""
    history = server._history
    assert history is not None
    async with asyncio.timeout(10):
        while history._recorder.health.written < count:
            await asyncio.sleep(0.05)
