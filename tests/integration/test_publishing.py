"""Each value once and in order, whatever the server does with its NotificationMessages."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import pytest
import pytest_asyncio
from asyncua import ua
from asyncua.server.internal_subscription import InternalSubscription
from asyncua.server.uaprocessor import UaProcessor

from tests.integration.plant_server import Plant, running
from tests.integration.unruly_server import dropped, every, swapped, twice, unruly
from tests.integration.watched import delivering, source, until

pytestmark = pytest.mark.asyncio(loop_scope="module")

LAST = 150


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def plant():
    async with running() as shared:
        yield shared


@asynccontextmanager
async def watching(plant: Plant):
    """A source that watches Level, and the values that it has delivered."""
    src = source(plant.url, publishing_interval_ms=10, queue_size=100, timeout_s=2)
    values: list[float] = []
    await plant.write("Level", 0.0)
    async with delivering(src, lambda samples: values.extend(samples.value)):
        await until(lambda: values)
        yield src, values


async def count_up(plant: Plant) -> None:
    for number in range(1, LAST + 1):
        await plant.write("Level", float(number))
        await asyncio.sleep(0.002)


@pytest.mark.parametrize("rule", [every(3, dropped), every(2, twice), swapped()])
async def test_what_is_dropped_doubled_or_swapped_arrives_once_and_in_order(
    plant, monkeypatch, rule
):
    with unruly(monkeypatch, rule) as traffic:
        async with watching(plant) as (src, values):
            await count_up(plant)
            await until(lambda: values[-1] == LAST)
            assert values == list(range(LAST + 1))
            assert traffic.sent != list(range(1, max(traffic.sent) + 1))
            stats = src.stats
            assert (stats.lost_messages, stats.gaps, stats.reconnects) == (0, 0, 0)
            assert stats.values == LAST + 1
            assert stats.cpu_s > 0


async def test_a_keep_alive_shows_the_last_message_missing(plant, monkeypatch):
    with unruly(monkeypatch, every(1, dropped)) as traffic:
        async with watching(plant) as (src, values):
            await plant.write("Level", 7.0)
            await until(lambda: values == [0.0, 7.0])
            assert traffic.asked == [1, 2]
            assert src.stats.lost_messages == 0


async def test_what_the_server_cannot_send_again_is_counted(plant, monkeypatch):
    with unruly(monkeypatch, every(4, dropped), forgets=True) as traffic:
        async with watching(plant) as (src, values):
            await count_up(plant)
            last = LAST
            while values[-1] < LAST:  # the last one may be among the lost
                last += 1
                await plant.write("Level", float(last))
                await asyncio.sleep(0.03)
            assert values == sorted(set(values))
            assert len(values) < LAST
            assert src.stats.lost_messages == len(traffic.asked) > 0
            assert src.stats.gaps > 0
            assert src.stats.reconnects == 0


async def test_every_message_is_acknowledged(plant):
    async with watching(plant) as (_, values):
        await count_up(plant)
        await until(lambda: values[-1] == LAST)
        (subscription,) = plant.server.iserver.subscription_service.subscriptions.values()
        await until(lambda: not subscription._not_acknowledged_results)


async def test_a_server_that_takes_one_publish_request(plant, monkeypatch):
    """Those beyond are refused, the oldest first (Part 4, 5.14.5.3)."""
    refused = []
    evict = UaProcessor._evict_publish_request

    async def publish(self, *arguments):
        goes_on = await plainly(self, *arguments)
        while len(self._publish_requests) > 1:
            refused.append(1)
            evict(self)
        return goes_on

    plainly = UaProcessor._process_message
    with monkeypatch.context() as patch:
        patch.setattr(UaProcessor, "_process_message", publish)
        async with watching(plant) as (src, values):
            await count_up(plant)
            await until(lambda: values[-1] == LAST)
            assert values == list(range(LAST + 1))
            assert 0 < len(refused) < 10
            assert src.stats.reconnects == 0


async def test_overflow_is_counted(plant):
    async with watching(plant) as (src, values):
        overflown = ua.StatusCode(ua.UInt32(0x480))
        await plant.write_data("Level", ua.DataValue(ua.Variant(1.0), overflown))
        await until(lambda: len(values) == 2)
        assert src.stats.overflows == 1


async def test_a_subscription_that_the_server_ends(plant, caplog):
    async with watching(plant) as (src, values):
        (subscription,) = plant.server.iserver.subscription_service.subscriptions.values()
        assert isinstance(subscription, InternalSubscription)
        await subscription.enqueue_statuschange(ua.StatusCode(ua.StatusCodes.BadTimeout))
        await until(lambda: src.stats.reconnects == 1)
        assert "subscription ended by the server: BadTimeout" in caplog.text
        await plant.write("Level", 3.0)
        await until(lambda: values[-1] == 3.0)
