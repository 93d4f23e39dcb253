"""From a change in the plant to the prediction at a client: milliseconds, by load and station.

The real program (``opcua-ai serve``) between a node-opcua server and asyncua's client, each in a
process of its own on one machine; every publishing interval is 10 ms. A tag of the plant steps
about ten times a second; the model predicts the number of the step from it and seven other tags, so
a prediction tells which step it has seen. ``plant``: to a client that subscribes to the plant
itself. ``server``: until the prediction stands in our node. ``client``: until a client of ours has
it. ``unseen`` steps were overtaken by the next one, ``cpu_percent`` is that of our program, and
``ratio`` is to the median of ``plant``.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import psutil
from asyncua import Client, Node, ua

from opcua_ai.core.types import NS, Window
from opcua_ai.demo.processes import Child, free_port
from opcua_ai.inference import write_bundle
from opcua_ai.inference.kinds import linear
from opcua_ai.inference.manifest import InputSpec, Manifest, OutputSpec
from tests.benchmarks.node import has
from tests.benchmarks.processes import serving
from tests.benchmarks.results import NotPossibleError

PLANT = Path(__file__).with_name("latency_plant.js")
LOADS = {"steps alone": (100, 0), "100 values/s": (100, 100), "50,000 values/s": (2000, 50_000)}
"""Name -> tags, values a second."""
PUBLISHING_MS = 10.0
ROW_S, ROWS, RUN_S = 0.02, 5, 0.01
"""Period and rows of the model's window, interval of its schedule."""
SETTLE, SECONDS = 5.0, 40.0
ON_ITS_WAY = 1.0
MODEL, ASSET = "follow", "plant"
INPUTS = ("Step", *(f"v{number}" for number in range(7)))

Rows = dict[str, dict[str, float]]

CONFIGURATION = """
[sources.plant]
kind = "opcua"
endpoint = "{plant}"
browse_root = "Plant"
sampling_interval_ms = 0
publishing_interval_ms = {publishing}
outage_s = 10

[models.{model}]
bundle = "{bundle}"
schedule.interval_s = {run}
[models.{model}.assets.{asset}]
source = "plant"

[server]
endpoint = "{server}"
allow_none = true
allow_anonymous = true
"""


def measured() -> Rows:
    """Rows by load and station."""
    if not has("node-opcua-server"):
        raise NotPossibleError("its plant is a node-opcua server, which needs npm")
    rows: Rows = {}
    with tempfile.TemporaryDirectory(prefix="opcua-ai-bench-") as folder:
        bundle = _train(Path(folder) / "models")
        for name, (tags, rate) in LOADS.items():
            found = asyncio.run(_run(Path(folder), bundle, tags, rate))
            rows |= {f"{name}: {station}": row for station, row in found.items()}
    return rows


def _train(root: Path) -> Path:
    """A linear model that has learnt that its output is the step."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=(500, len(INPUTS)))
    fit = linear.fit(x, x[:, 0], INPUTS)
    manifest = Manifest(
        name=MODEL,
        version="1.0.0",
        kind="linear",
        task="regression",
        inputs=tuple(InputSpec(name=name, mean=0.0, std=1.0) for name in INPUTS),
        period_s=ROW_S,
        rows=ROWS,
        outputs=(OutputSpec(name="step", type="value"),),
    )
    shape = ROWS, len(INPUTS)
    golden = Window(rng.normal(size=shape), np.zeros(shape, np.uint32), NS, NS)
    return write_bundle(root, manifest, {linear.FILE: linear.to_bytes(fit, 1)}, [golden])


async def _run(folder: Path, bundle: Path, tags: int, rate: int) -> Rows:
    plant, server = (f"opc.tcp://127.0.0.1:{free_port(port)}" for port in (4890, 4891))
    config = folder / f"{rate}.toml"
    config.write_text(
        CONFIGURATION.format(
            plant=plant, server=server, bundle=bundle, publishing=PUBLISHING_MS, run=RUN_S,
            model=MODEL, asset=ASSET,
        )
    )  # fmt: skip
    product = Child("advisory server", folder / f"{rate}.log")
    async with serving(["node", PLANT, plant.rpartition(":")[2], tags, rate]) as (simulator, _):
        try:
            await product.start(["opcua_ai", "serve", str(config)], "Advisory server ready")
            (process,) = (p for p in psutil.Process().children() if p.pid != simulator.pid)
            async with Client(plant) as at_plant, Client(server) as at_server:
                return await _watch(at_plant, at_server, process)
        finally:
            await product.stop()


@dataclass
class Steps:
    """When a client first saw each step, and which times came with it; in seconds since 1970."""

    arrived: dict[int, float] = field(default_factory=dict[int, float])
    source: dict[int, float] = field(default_factory=dict[int, float])
    server: dict[int, float] = field(default_factory=dict[int, float])

    def datachange_notification(self, node: Node, val: float | None, data) -> None:
        now, found = time.time(), data.monitored_item.Value
        if val is None or round(val) in self.arrived:
            return
        step = round(val)
        self.arrived[step] = now
        self.source[step] = found.SourceTimestamp.timestamp()
        self.server[step] = found.ServerTimestamp.timestamp()


@dataclass(frozen=True)
class Reading:
    """Counters at one moment."""

    offered: float
    values: float
    lost: float
    cpu_s: float
    at: float


async def _watch(plant: Client, server: Client, process: psutil.Process) -> Rows:
    direct, predicted = Steps(), Steps()
    await _subscribe(plant.get_node("ns=1;s=Step"), plant, direct)
    value = f"Applications/FaultPrediction/{ASSET}/Predictions/{MODEL}_step/Value"
    await _subscribe(await _node(server, value), server, predicted)
    await asyncio.sleep(SETTLE)
    before, first = await _read(plant, server, process), max(direct.arrived)
    await asyncio.sleep(SECONDS)
    after, last = await _read(plant, server, process), max(direct.arrived)
    await asyncio.sleep(ON_ITS_WAY)

    steps = [step for step in range(first, last) if step in predicted.arrived]
    wall = after.at - before.at
    load = {
        "offered_per_s": (after.offered - before.offered + last - first) / wall,
        "received_per_s": (after.values - before.values) / wall,
        "lost": after.lost - before.lost,
        "cpu_percent": 100.0 * (after.cpu_s - before.cpu_s) / wall,
        "steps": len(steps),
        "unseen": last - first - len(steps),
    }
    stations = {"plant": direct.arrived, "server": predicted.server, "client": predicted.arrived}
    rows = {
        name: load | _figures([moments[step] - direct.source[step] for step in steps])
        for name, moments in stations.items()
    }
    return {name: row | {"ratio": row["p50"] / rows["plant"]["p50"]} for name, row in rows.items()}


def _figures(seconds: list[float]) -> dict[str, float]:
    p50, p99, most = np.percentile(seconds, (50, 99, 100)) * 1e3
    return {"p50": float(p50), "p99": float(p99), "max": float(most)}


async def _subscribe(variable: Node, client: Client, steps: Steps) -> None:
    subscription = await client.create_subscription(PUBLISHING_MS, steps)
    revised = subscription.parameters.RequestedPublishingInterval
    if revised != PUBLISHING_MS:
        raise SystemExit(f"{client.server_url.geturl()} publishes every {revised} ms")
    await subscription.subscribe_data_change(
        [variable], queuesize=100, sampling_interval=ua.Duration(0)
    )


async def _node(server: Client, path: str) -> Node:
    index = await server.get_namespace_index("urn:opcua-ai:advisory")
    return server.get_node(f"ns={index};s=AIAdvisory/{path}")


async def _read(plant: Client, server: Client, process: psutil.Process) -> Reading:
    paths = [f"Sources/plant/{name}" for name in ("Values", "LostMessages", "Overflows")]
    nodes = [await _node(server, path) for path in paths]
    values, lost, overflows = await server.read_values(nodes)
    cpu = process.cpu_times()
    return Reading(
        offered=await plant.get_node("ns=1;s=Offered").read_value(),
        values=values,
        lost=lost + overflows,
        cpu_s=cpu.user + cpu.system,
        at=time.monotonic(),
    )
