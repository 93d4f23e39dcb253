"""Other tags of a source and other inputs of a model: what stays goes on."""

from __future__ import annotations

import pytest

from opcua_ai.core import status as codes
from opcua_ai.core.ports import SourceState
from tests.integration.proxy import between
from tests.integration.reload.product import LEVEL, Product, at, complete
from tests.integration.watched import counting, until, upwards

pytestmark = pytest.mark.asyncio(loop_scope="module")


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
