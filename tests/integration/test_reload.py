"""A changed configuration in a running product, over real sockets: the rest hears nothing of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from opcua_ai import app
from opcua_ai.core import status as codes
from opcua_ai.core.config import Config
from opcua_ai.core.ports import SourceState
from opcua_ai.core.types import ModelInfo, OutputInfo, Prediction, Samples, Tag, Window
from opcua_ai.demo.processes import free_port
from opcua_ai.history.reader import Reader
from opcua_ai.pipeline import LoadedModel
from opcua_ai.pipeline.flow import Pipeline
from opcua_ai.server.advisory import AdvisoryServer
from tests.integration.plant_server import Plant, running
from tests.integration.proxy import between
from tests.integration.watched import FAST, Seen, counting, until, upwards

pytestmark = pytest.mark.asyncio(loop_scope="module")

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

    async def reload(self) -> None:
        """Returns when the changes are applied; the tags of a source follow on their own."""
        self._taken.clear()
        self._given.put_nowait(self.config())
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


@pytest.fixture
def product(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Product:
    return Product(tmp_path, monkeypatch)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def plants() -> AsyncIterator[tuple[Plant, Plant]]:
    async with running() as one, running() as two, counting(one), counting(two):
        yield one, two


def at(plant: Plant, **options: Any) -> dict[str, Any]:
    return FAR | {"endpoint": plant.url} | options


def complete(seen: Seen, column: int = 0) -> bool:
    """Every value once, and never a word of a loss."""
    values = seen.values(column)
    statuses = {row[2] for row in seen.live if row[0] == column}
    return statuses == {codes.GOOD} and values == upwards(values[0], values[-1])


async def test_sources_come_change_and_go_while_others_go_on(product: Product, plants) -> None:
    one, two = plants
    async with product.serving(a=at(one), b=at(two)):
        await product.running("a", "b")
        untouched, assets = product.source("a"), product.tables["models"]["m"]["assets"]
        product.tables["sources"]["c"] = at(two, browse_root="Plant")
        assets["c"] = {"source": "c", "inputs": "*/Level"}
        await product.reload()
        await product.running("c")
        await until(lambda: product.prediction("c").StatusCode.is_good())

        product.tables["sources"]["b"]["publishing_interval_ms"] = 40
        other = product.source("b")
        await product.reload()
        await product.running("b")
        assert product.source("b") is not other
        await until(lambda: product.prediction("b").StatusCode.is_good())

        await until(lambda: product.alarm("a") and product.alarm("b"))

        del product.tables["sources"]["b"], assets["b"]
        await product.reload()
        assert (product.alarm("a"), product.alarm("b")) == (True, False)
        assert "b" not in product.pipeline._sources
        assert product.prediction("b").StatusCode.value == codes.BAD_OUT_OF_SERVICE
        shown = product.shown("AIAdvisory/Sources/b/State")
        assert shown.StatusCode.value == codes.BAD_OUT_OF_SERVICE
        sessions = two.server.iserver.subscription_service.subscriptions
        assert len(sessions) == 1, "c's alone"
        assert product.source("a") is untouched
        last = product.seen["a"].last
        await until(lambda: product.seen["a"].last > last + 20)
        assert product.prediction("a").StatusCode.is_good()
    assert complete(product.seen["a"])
    assert (untouched.stats.gaps, untouched.stats.reconnects) == (0, 0)


async def test_tags_come_and_go_while_others_keep_their_items_and_rows(
    product: Product, plants
) -> None:
    one, _ = plants
    product.tables = {"history": {"folder": product.folder / "history"}}
    async with counting(one, "a/b"), product.serving(a=at(one)):
        await product.running("a")
        await until(lambda: product.prediction("a").StatusCode.is_good())
        source = product.source("a")._source
        link, (binding,) = source._link, product.pipeline.runners["m"].bindings
        (subscription,) = one.server.iserver.subscription_service.subscriptions.values()
        (item,) = subscription.monitored_item_srv._monitored_items
        rows, version = binding.store.rows, binding.store.version

        product.tables["sources"]["a"]["include"] = ["*/Level", "*/a%2Fb"]
        await product.reload()
        await until(lambda: product.seen["a"].values(1))
        items = subscription.monitored_item_srv._monitored_items
        assert len(items) == 2 and item in items
        assert [tag.path for tag in source.tags] == [LEVEL, "Plant/Line1/a%2Fb"]
        assert product.pipeline.runners["m"].bindings == [binding], "bound as before"
        assert binding.store.filled == rows and binding.store.version > version

        product.tables["sources"]["a"]["include"] = ["*/Level"]
        await product.reload()
        await until(lambda: [*items] == [item])
        count = len(product.seen["a"].values(1))
        last = product.seen["a"].last
        await until(lambda: product.seen["a"].last > last + 20)
        assert len(product.seen["a"].values(1)) == count, "a removed tag is silent"
        assert source._link is link
        assert [*one.server.iserver.subscription_service.subscriptions.values()] == [subscription]
    assert complete(product.seen["a"])
    assert complete(product.seen["a"], 1)
    for column, path in enumerate([LEVEL, "Plant/Line1/a%2Fb"]):
        assert product.kept(f"a/{path}") == product.seen["a"].values(column)
    assert (source.stats.gaps, source.stats.reconnects) == (0, 0)


async def test_a_source_in_a_process_is_made_anew_beside_the_others(
    product: Product, plants
) -> None:
    one, two = plants
    product.tables = {"history": {"folder": product.folder / "history"}}
    shared = {"process": "line"}
    async with product.serving(a=at(one, **shared), b=at(two, **shared)):
        await until(lambda: product.prediction("b").StatusCode.is_good(), 20)
        other, process = product.source("b"), product.source("a")._source._process
        pid = process.pid
        product.tables["sources"]["b"]["include"] = ["*/Level", "*/Count"]
        await product.reload()
        await until(lambda: 7.0 in product.seen["b"].values(0), 20)
        await until(lambda: product.prediction("b").StatusCode.is_good())
        assert product.source("b") is not other
        del product.tables["sources"]["b"], product.tables["models"]["m"]["assets"]["b"]
        await product.reload()
        last = product.seen["a"].last
        await until(lambda: product.seen["a"].last > last + 20)
        assert process.pid == pid
    assert complete(product.seen["a"])


async def test_a_model_gets_an_input_that_was_not_there(product: Product, plants) -> None:
    one, _ = plants
    async with product.serving(a=at(one, include=["*/Count"])):
        await until(lambda: product.prediction("a").StatusCode.value == codes.BAD_NODE_ID_UNKNOWN)
        product.tables["sources"]["a"]["include"] = ["*/Count", "*/Level"]
        await product.reload()
        await until(lambda: product.prediction("a").StatusCode.is_good())
        shown = product.shown("AIAdvisory/Models/m/Inputs/a").Value.Value
        assert shown == ["nsu=urn:test:plant;s=Level"]


async def test_other_inputs_and_another_schedule_of_a_model(
    product: Product, plants, caplog: pytest.LogCaptureFixture
) -> None:
    one, two = plants
    async with product.serving(a=at(one), b=at(two)):
        await product.running("a", "b")
        table = product.tables["models"]["m"]
        table["assets"]["b"] = {"source": "a"}
        table["schedule"] = {"interval_s": 0.1}
        await product.reload()
        stores = {b.asset: b.store for b in product.pipeline.runners["m"].bindings}
        assert stores["a"] is stores["b"]
        await until(lambda: product.prediction("b").StatusCode.is_good())
        assert product.shown("AIAdvisory/Models/m/Schedule").Value.Value == "every 0.1 s"
        caplog.set_level("INFO")
        await product.reload()
    assert "nothing has changed" in caplog.text
    assert complete(product.seen["a"]) and complete(product.seen["b"])


async def test_tags_that_are_changed_in_an_outage_come_after_it(product: Product, plants) -> None:
    one, _ = plants
    async with between(one.port) as proxy, product.serving(a=at(one, endpoint=proxy.url())):
        await product.running("a")
        await until(lambda: product.seen["a"].last > 10)
        await proxy.cut()
        await until(lambda: product.source("a").state is SourceState.LOST)
        product.tables["sources"]["a"]["include"] = ["*/Level", "*/Count"]
        await product.reload()
        await proxy.restore()
        await until(lambda: 7.0 in product.seen["a"].values(1))
        assert product.source("a").stats.gaps == 0
    values = [*dict.fromkeys(product.seen["a"].values())]
    assert values == upwards(values[0], values[-1]), "none of the outage's values is lost"


async def test_a_dead_new_source_and_one_reload_upon_the_other(product: Product, plants) -> None:
    one, two = plants
    dead = at(two, endpoint=f"opc.tcp://127.0.0.1:{free_port(0)}/nobody")
    async with product.serving(a=at(one)):
        await product.running("a")
        for sources in ({"dead": dead}, {"dead": at(two)}, {}, {"dead": dead, "c": at(two)}):
            product.tables["sources"] = {"a": product.tables["sources"]["a"]} | sources
            product._given.put_nowait(product.config())
        await until(lambda: {*product.pipeline._sources} == {"a", "dead", "c"})
        await product.running("c")
        assert product.source("dead").state is SourceState.LOST
    assert complete(product.seen["a"])


async def test_a_wrong_choice_of_tags_leaves_them_as_they_are(
    product: Product, plants, caplog: pytest.LogCaptureFixture
) -> None:
    one, _ = plants
    async with product.serving(a=at(one)):
        await product.running("a")
        product.tables["sources"]["a"]["include"] = ["*/Leven"]
        await product.reload()
        await until(lambda: "its tags stay as they are" in caplog.text)
        assert [tag.path for tag in product.source("a").tags] == [LEVEL]
    assert complete(product.seen["a"])


async def test_what_needs_a_restart_is_named_and_the_rest_applied(
    product: Product, plants, caplog: pytest.LogCaptureFixture
) -> None:
    one, two = plants
    async with product.serving(a=at(one)):
        await product.running("a")
        product.tables["server"] = product.tables["server"] | {"max_sessions": 7}
        product.tables["models"] = product.tables["models"] | {
            "n": {"bundle": "x", "schedule": {"interval_s": 1}, "assets": {"a": {"source": "a"}}}
        }
        product.tables["sources"]["c"] = at(two)
        await product.reload()
        await product.running("c")
    warned = [r.getMessage() for r in caplog.records if "needs a restart" in r.getMessage()]
    assert [text.split()[2] for text in warned] == ["server.max_sessions", "models.n"]


@pytest.mark.parametrize("process", [None, "line"])
async def test_a_stop_in_the_middle_of_a_reload_leaves_nothing(
    product: Product, plants, process: str | None
) -> None:
    one, two = plants
    async with product.serving(a=at(one, process=process), b=at(two, process=process)):
        await until(lambda: product.prediction("b").StatusCode.is_good(), 20)
        product.tables["sources"] |= {"a": at(one, process=process, timeout_s=1), "c": at(two)}
        closing, close = asyncio.Event(), product.source("a").close

        async def slowly() -> None:
            closing.set()
            await asyncio.sleep(0.05)
            await close()

        product.source("a").close = slowly
        product._given.put_nowait(product.config())
        await closing.wait()
    assert {*product.pipeline._sources} == {"a", "b", "c"}, "to the end"
    for plant in (one, two):
        assert not plant.server.iserver.subscription_service.subscriptions
