"""Sources that come, change and go in a running product: the others hear nothing of it."""

from __future__ import annotations

import asyncio

import pytest

from opcua_ai.core import status as codes
from opcua_ai.core.ports import SourceState
from opcua_ai.demo.processes import free_port
from tests.integration.reload.product import Product, at, complete
from tests.integration.watched import until

pytestmark = pytest.mark.asyncio(loop_scope="module")


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


async def test_a_dead_new_source_and_one_reload_upon_the_other(product: Product, plants) -> None:
    one, two = plants
    dead = at(two, endpoint=f"opc.tcp://127.0.0.1:{free_port(0)}/nobody")
    async with product.serving(a=at(one)):
        await product.running("a")
        for sources in ({"dead": dead}, {"dead": at(two)}, {}, {"dead": dead, "c": at(two)}):
            product.tables["sources"] = {"a": product.tables["sources"]["a"]} | sources
            product.give()
        await until(lambda: {*product.pipeline._sources} == {"a", "dead", "c"})
        await product.running("c")
        assert product.source("dead").state is SourceState.LOST
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
        product.give()
        await closing.wait()
    assert {*product.pipeline._sources} == {"a", "b", "c"}, "to the end"
    for plant in (one, two):
        assert not plant.server.iserver.subscription_service.subscriptions
