"""Event-loop lag of the advisory server while a model predicts and while one trains beside it.

Three phases in one run, the same probe in each: the server idle, the server predicting on a plant
that runs at 1000x with a run every 0.1 s, and the same with ``opcua-ai train`` in a process of its
own.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from asyncua import Client

from opcua_ai import app
from opcua_ai.core import config
from opcua_ai.core.resources import models_dir
from opcua_ai.demo.configuration import configuration
from opcua_ai.demo.processes import Child, free_port

SECONDS = 20.0  # per phase


async def probe(seconds: float, period_s: float = 0.005) -> np.ndarray:
    """How late the loop wakes a task that sleeps ``period_s``, in milliseconds."""
    lags: list[float] = []
    end = time.perf_counter() + seconds
    while (before := time.perf_counter()) < end:
        await asyncio.sleep(period_s)
        lags.append((time.perf_counter() - before - period_s) * 1e3)
    return np.array(lags)


async def runs(endpoint: str) -> int:
    """How often the model has run, read as any client would."""
    async with Client(endpoint) as client:
        index = await client.get_namespace_index("urn:opcua-ai:advisory")
        return await client.get_node(f"ns={index};s=AIAdvisory/Models/faults/Runs").read_value()


async def predicting(seconds: float, endpoint: str) -> np.ndarray:
    """Lag while the model runs; refuses to report a phase in which it did not."""
    before = await runs(endpoint)
    lags = await probe(seconds)
    count = await runs(endpoint) - before
    if count < 5 * seconds:
        raise SystemExit(f"the model ran {count} times in {seconds:g} s instead of ten a second")
    return lags


async def train_beside(folder: Path) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "opcua_ai", "train", str(models_dir() / "tep_faults" / "train.toml"),
        "--fresh", "--output", str(folder / "trained"),
        cwd=folder, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip


async def measure(seconds: float, folder: Path) -> dict[str, np.ndarray]:
    plant = Child("plant simulator", folder / "simulator.log")
    port, server_port = free_port(4860), free_port(4861)
    await plant.start(
        ["opcua_ai_simulator", "run", "recording", "--port", str(port), "--speed", "1000",
         "--fault", "5"],
        "Simulator ready",
    )  # fmt: skip
    path = folder / "bench.toml"
    path.write_text(
        configuration(
            f"opc.tcp://127.0.0.1:{port}/simulator",
            f"opc.tcp://127.0.0.1:{server_port}/opcua-ai",
            interval_s=0.1,
        )
    )
    settings = config.load(path)
    models = await asyncio.to_thread(app.load_models, settings)
    stop = asyncio.Event()
    found = {"idle": await probe(seconds)}
    serving = asyncio.create_task(app.serve(settings, models, stop))
    try:
        await asyncio.sleep(10)  # until the window is full
        found["predicting"] = await predicting(seconds, settings.server.endpoint)
        trainer = await train_beside(folder)
        await asyncio.sleep(10)  # until the fit is under way
        lags = await predicting(seconds, settings.server.endpoint)
        found["predicting, training beside"] = lags
        if trainer.returncode is not None:
            raise SystemExit("the training ended before it was measured")
        trainer.kill()
        await trainer.wait()
    finally:
        stop.set()
        await serving
        await plant.stop()
    return found


def measured() -> dict[str, dict[str, float]]:
    """Milliseconds, by phase; the ratio is that of the 99th percentile to the idle one."""
    with tempfile.TemporaryDirectory(prefix="opcua-ai-bench-") as folder:
        found = asyncio.run(measure(SECONDS, Path(folder)))
    idle = float(np.percentile(found["idle"], 99))
    results: dict[str, dict[str, float]] = {}
    for phase, lags in found.items():
        p50, p99, most = (float(np.percentile(lags, q)) for q in (50, 99, 100))
        results[phase] = {"p50_ms": p50, "p99_ms": p99, "max_ms": most, "ratio": p99 / idle}
    return results
