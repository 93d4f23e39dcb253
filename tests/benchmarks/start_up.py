"""Seconds until the advisory server answers, by number of predictions, beside plain asyncua.

Each prediction is an object with a dozen variables. Plain asyncua makes the same objects by
``add_object`` with our PredictionType, a hundred to a folder.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path

import asyncua
import psutil

from opcua_ai.core import resources
from opcua_ai.core.config import Server
from opcua_ai.core.types import ModelInfo, OutputInfo
from opcua_ai.server.advisory import NAMESPACE, NODESETS, AdvisoryServer
from opcua_ai.server.tree import PREDICTION_TYPE

OUTPUTS = 100
"""Predictions of one asset."""
PLAIN = 300
"""As many as plain asyncua makes in a bearable time."""


def measured() -> dict[str, dict[str, float]]:
    rows = {f"plain asyncua, {PLAIN} predictions": asyncio.run(_plain())}
    for predictions in (OUTPUTS, 1_000, 10_000):
        with tempfile.TemporaryDirectory(prefix="opcua-ai-bench-") as folder:
            row = asyncio.run(_started(predictions, Path(folder)))
        rows[f"opcua-ai, {predictions} predictions"] = row
    return rows


def _row(seconds: float, predictions: int) -> dict[str, float]:
    return {
        "seconds": seconds,
        "ms_each": 1000 * seconds / predictions,
        "rss_mib": psutil.Process().memory_info().rss / 2**20,
    }


async def _started(predictions: int, folder: Path) -> dict[str, float]:
    """The whole start, from the node sets to the open port."""
    table = {"endpoint": "opc.tcp://127.0.0.1:0/opcua-ai", "allow_anonymous": True}
    server = AdvisoryServer(Server.model_validate(table, context={"folder": folder}))
    await server.start([], [])  # makes the certificate
    await server.stop()
    start = time.perf_counter()
    await server.start([model(predictions // OUTPUTS)], ["plant"])
    seconds = time.perf_counter() - start
    await server.stop()
    return _row(seconds, predictions)


def model(assets: int) -> ModelInfo:
    """A model with 100 outputs."""
    return ModelInfo(
        name="faults",
        bundle="bench",
        version="1.0.0",
        digest="0" * 64,
        framework="linear",
        task="regression",
        application="FaultPrediction",
        schedule="every 1 s",
        trained_on="nothing",
        metrics="{}",
        accelerator="CPU",
        inputs=[],
        outputs=[OutputInfo(f"out{i}", "value", "", "kW", 0.0, 10.0) for i in range(OUTPUTS)],
        assets=[f"line{i}" for i in range(assets)],
    )


async def _plain() -> dict[str, float]:
    server = asyncua.Server()
    start = time.perf_counter()
    await server.init()
    for name in NODESETS:
        await server.import_xml(resources.nodesets_dir() / name, auto_load_definitions=False)
    index = await server.get_namespace_index(NAMESPACE)
    kind = f"ns={index};i={PREDICTION_TYPE}"
    for first in range(0, PLAIN, OUTPUTS):
        folder = await server.nodes.objects.add_folder(index, f"line{first}")
        for number in range(OUTPUTS):
            await folder.add_object(index, f"out{number}", kind)
    return _row(time.perf_counter() - start, PLAIN)
