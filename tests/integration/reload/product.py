"""``app.serve`` in this process, whose configuration a test changes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from opcua_ai import app
from opcua_ai.core import status as codes
from opcua_ai.core.config import Config
from opcua_ai.core.ports import SourceState
from opcua_ai.core.types import ModelInfo, OutputInfo, Prediction, Samples, Tag, Window
from opcua_ai.history.reader import Reader
from opcua_ai.pipeline import LoadedModel
from opcua_ai.pipeline.flow import Pipeline
from opcua_ai.server.advisory import AdvisoryServer
from tests.integration.plant_server import Plant
from tests.integration.watched import FAST, Seen, until, upwards

LEVEL = "Plant/Line1/Level"
FAR = FAST | {"outage_s": 60, "include": ["*/Level"]}


class Newest:
    """Predicts the newest value of its one input."""

    def predict(self, windows: Sequence[Window]) -> list[list[Prediction]]:
        return [
            [Prediction("value", float(w.value[-1, 0]), int(w.status[-1, 0]), w.newest_sample)]
            for w in windows
        ]


def model(assets: Sequence[str], tag: str = "Level") -> LoadedModel:
    info = ModelInfo(
        "m", "newest", "1", "ab" * 32, "test", "value", "FaultPrediction", "every 0.05 s", "", "",
        "", [Tag(tag, "")], [OutputInfo("value", "value")], list(assets),
    )  # fmt: skip
    return LoadedModel(Newest(), info, rows=2, period_s=0.02, stale_after_s=None)


class Product:
    """``app.serve`` in this process, with what goes through it in reach."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.seen: dict[str, Seen] = {}
        self.tables: dict[str, Any] = {}
        self._given: asyncio.Queue[Config] = asyncio.Queue()
        self._stop = asyncio.Event()
        self._taken = asyncio.Event()
        original, product = Pipeline.__init__, self

        def noted(pipeline: Pipeline, *arguments: Any) -> None:
            original(pipeline, *arguments)
            product.pipeline = pipeline

        monkeypatch.setattr(Pipeline, "__init__", noted)
        monkeypatch.setattr(app, "AdvisoryServer", self._server)
        maker = app.Sources.make

        def watched(sources: app.Sources, config: Config, name: str) -> Any:
            return self._watched(maker(sources, config, name), name)

        monkeypatch.setattr(app.Sources, "make", watched)

    def _server(self, *arguments: Any) -> AdvisoryServer:
        self.server = AdvisoryServer(*arguments)
        return self.server

    def _watched(self, source: Any, name: str) -> Any:
        seen = self.seen.setdefault(name, Seen())
        run = source.run

        async def both(sink: Callable[[Samples], None]) -> None:
            def split(samples: Samples) -> None:
                seen(samples)
                sink(samples)

            await run(split)

        source.run = both
        return source

    def config(self) -> Config:
        return Config.model_validate(self.tables, context={"folder": self.folder})

    async def _next(self) -> Config:
        self._taken.set()
        return await self._given.get()

    def give(self) -> None:
        """The configuration as the tables have it now; not waited for."""
        self._given.put_nowait(self.config())

    async def reload(self) -> None:
        """Returns when the changes are applied; the tags of a source follow on their own."""
        self._taken.clear()
        self.give()
        await asyncio.wait_for(self._taken.wait(), 15)

    def source(self, name: str) -> Any:
        return self.pipeline._sources[name]

    async def running(self, *names: str) -> None:
        await until(lambda: all(self.source(n).state is SourceState.RUNNING for n in names))

    @asynccontextmanager
    async def serving(self, **sources: dict[str, Any]) -> AsyncIterator[Product]:
        self.tables = {
            "sources": sources,
            "models": {
                "m": {
                    "bundle": "newest",
                    "schedule": {"interval_s": 0.05},
                    "assets": {name: {"source": name} for name in sources},
                }
            },
            "decisions": {
                "alarm": {"policy": "faults", "model": "m", "detection": "value", "on_delay": 1}
            },
            "server": {"endpoint": "opc.tcp://127.0.0.1:0/ai", "allow_anonymous": True},
        } | self.tables
        before = asyncio.all_tasks()
        models = {"m": model([*sources])}
        serving = asyncio.create_task(
            app.serve(self.config(), models, self._stop, next_config=self._next)
        )
        try:
            waiting = asyncio.create_task(self._taken.wait())
            await asyncio.wait([serving, waiting], return_when=asyncio.FIRST_COMPLETED)
            yield self
        finally:
            self._stop.set()
            await serving
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
            left = asyncio.all_tasks() - before - {asyncio.current_task()}
            assert not [task for task in left if "opcua_ai" in repr(task.get_coro())]

    def kept(self, tag: str) -> list[float]:
        """The values of an input tag in the history, once the product has ended."""
        with Reader(self.folder / "history") as reader:
            (series,) = [s for s in reader.all_series() if s.name.endswith(f"Inputs/{tag}")]
            return [row.value for row in reader.rows(series)]

    def shown(self, path: str) -> Any:
        """What a node of the advisory server shows."""
        tree = self.server._tree
        assert tree is not None and self.server._server is not None
        root = tree.module[""]
        node = type(root)(path, root.NamespaceIndex)
        return self.server._server.iserver.aspace[node].attributes[13].value

    def alarm(self, asset: str) -> bool:
        fault = f"AIAdvisory/Applications/FaultPrediction/{asset}/PredictedFault"
        return self.shown(f"{fault}/ActiveState/Id").Value.Value

    def prediction(self, asset: str) -> Any:
        return self.shown(
            f"AIAdvisory/Applications/FaultPrediction/{asset}/Predictions/m_value/Value"
        )


def at(plant: Plant, **options: Any) -> dict[str, Any]:
    return FAR | {"endpoint": plant.url} | options


def complete(seen: Seen, column: int = 0) -> bool:
    """Every value once, and never a word of a loss."""
    values = seen.values(column)
    statuses = {row[2] for row in seen.live if row[0] == column}
    return statuses == {codes.GOOD} and values == upwards(values[0], values[-1])
