"""The product with many sources, for the scale benchmark: ``scale_main PROCESSES SECONDS URL...``.

Every tag of every source is an input of one model, so all are in windows. Prints one line of JSON:
the figures of each process.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import psutil
import tensorflow  # noqa: F401  # as ``opcua-ai serve`` has it loaded

from opcua_ai import app
from opcua_ai.core.config import Config
from opcua_ai.core.ports import SourceState
from opcua_ai.core.types import ModelInfo, OutputInfo, Prediction, Tag, Window
from opcua_ai.pipeline import LoadedModel

TAGS, ROWS, PERIOD_S = 10_000, 60, 1.0
PROCESSES, SECONDS, URLS = int(sys.argv[1]), float(sys.argv[2]), sys.argv[3:]


class Mean:
    def predict(self, windows: Sequence[Window]) -> list[list[Prediction]]:
        return [
            [Prediction("mean", float(w.value[-1, 0]), 0, w.newest_sample, coverage=w.coverage)]
            for w in windows
        ]


def config(folder: Path) -> Config:
    sources = {
        f"s{number}": {
            "kind": "opcua",
            "endpoint": url,
            "browse_root": "Values",
            "process": f"p{number % PROCESSES}",
            "sampling_interval_ms": 1000,
            "publishing_interval_ms": 1000,
        }
        for number, url in enumerate(URLS)
    }
    assets = {f"a{name}": {"source": name} for name in sources}
    model = {"bundle": "mean", "schedule": {"interval_s": 5}, "assets": assets}
    server = {"endpoint": "opc.tcp://127.0.0.1:0/opcua-ai", "allow_anonymous": True}
    table = {"sources": sources, "models": {"mean": model}, "server": server}
    return Config.model_validate(table, context={"folder": folder})


def model(assets: Sequence[str]) -> LoadedModel:
    info = ModelInfo(
        "mean", "mean", "1", "", "test", "fault", "FaultPrediction", "", "", "{}", "CPU",
        [Tag(f"v{number}", "") for number in range(TAGS)], [OutputInfo("mean", "value")],
        list(assets),
    )  # fmt: skip
    return LoadedModel(Mean(), info, ROWS, PERIOD_S, None)


async def main(folder: Path) -> dict[str, dict[str, float]]:
    settings = config(folder)
    sources = app.build_sources(settings)
    app.build_sources = lambda _: sources
    stop, began = asyncio.Event(), time.monotonic()
    models = {"mean": model(list(settings.models["mean"].assets))}
    serving = asyncio.create_task(app.serve(settings, models, stop))
    stores = [s.feed for s in sources.values()]
    while not all(s.state is SourceState.RUNNING for s in sources.values()) or not all(
        store.filled > 1 for feed in stores for store in feed.stores
    ):
        await asyncio.sleep(0.1)
        if serving.done():
            serving.result()
    connected = time.monotonic() - began
    processes = {"main": psutil.Process()} | {
        s._process.name: psutil.Process(s._process.pid) for s in sources.values()
    }
    before = {name: s.stats.values for name, s in sources.items()}
    cpu = {name: _cpu_s(p) for name, p in processes.items()}
    began = time.monotonic()
    await asyncio.sleep(SECONDS)
    passed = time.monotonic() - began
    coverage = min(
        store.window(np.arange(TAGS), 1).coverage for feed in stores for store in feed.stores
    )
    found: dict[str, dict[str, float]] = {}
    for name, process in processes.items():
        own = {n: s for n, s in sources.items() if s._process.name == name}
        values = sum(s.stats.values - before[n] for n, s in own.items())
        found[name] = {
            "tags": sum(len(s.tags) for s in own.values()),
            "values_per_s": values / passed,
            "peak_mb": _peak_mb(process.pid),
            "rss_mb": process.memory_info().rss / 2**20,
            "pss_mb": process.memory_full_info().pss / 2**20,
            "connect_cpu_s": cpu[name],
            "cores": (_cpu_s(process) - cpu[name]) / passed,
            "connect_s": connected,
            "coverage": coverage,
        }
    stop.set()
    await serving
    return found


def _cpu_s(process: psutil.Process) -> float:
    return sum(process.cpu_times()[:2])


def _peak_mb(pid: int) -> float:
    """Highest resident memory since the start."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="opcua-ai-bench-") as name:
        print(json.dumps(asyncio.run(main(Path(name)))), flush=True)
