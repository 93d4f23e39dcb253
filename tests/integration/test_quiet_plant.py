"""A plant in which nothing changes: its rows close all the same, as far as it is known."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest
from asyncua import ua
from asyncua.server.subscription_service import SubscriptionService

from opcua_ai.core import status
from opcua_ai.sources._quiet import Quiet
from opcua_ai.windows.store import WindowStore
from tests.integration.plant_server import running
from tests.integration.proxy import between
from tests.integration.watched import CLOCK, delivering, lost_and_back, source, until, write

ROWS = 5
LEVEL = np.array([0])


def windows() -> WindowStore:
    store = WindowStore(1, 0.1, ROWS)
    store.use(LEVEL)
    return store


def shown(store: WindowStore) -> list[float]:
    return store.window(LEVEL, ROWS).value[:, 0].tolist()


async def one_change(plant, store: WindowStore, value: float) -> None:
    """The last one, until its rows fill the window."""
    before = store.window(LEVEL, 1).newest_sample
    await write(plant, "Level", value)
    await until(lambda: shown(store) == [value] * ROWS)
    window = store.window(LEVEL, ROWS)
    assert before < window.newest_sample < window.time
    assert status.is_good(int(window.status[-1, 0]))


async def refuse(*_, **__):
    raise ua.UaStatusCodeError(ua.StatusCodes.BadServiceUnsupported)


@pytest.mark.parametrize("polled", [False, True])
async def test_the_rows_after_the_last_change_close(polled, monkeypatch):
    if polled:
        monkeypatch.setattr(SubscriptionService, "create_subscription", refuse)
    async with running() as plant:
        src, store = source(plant.url), windows()
        async with delivering(src, store.add):
            await until(lambda: src.stats.values == 1)
            for value in (4.0, 42.0):
                await one_change(plant, store, value)
        assert src.stats.values == 3
        assert src.stats.lag_s >= 0
        assert src.stats.cpu_s > 0


async def test_a_plant_with_a_clock_of_its_own_stands_still(monkeypatch):
    told: list[int] = []
    plainly = Quiet.until

    def spy(self, sent):
        told.append(plainly(self, sent))
        return told[-1]

    monkeypatch.setattr(Quiet, "until", spy)
    monkeypatch.setattr(CLOCK, "ahead", timedelta(hours=-1))
    async with running() as plant:
        src, store = source(plant.url), windows()
        async with delivering(src, store.add):
            await until(lambda: src.stats.values == 1)
            await write(plant, "Level", 4.0)
            await until(lambda: src.stats.values == 2)
            told.clear()
            version = store.version
            await until(lambda: len(told) == 2)
            assert (told, store.version) == ([0, 0], version)


@pytest.mark.parametrize("forgotten", [False, True])
async def test_after_an_outage_the_rows_of_a_quiet_plant_are_good_again(forgotten):
    async with running() as plant, between(plant.port) as proxy:
        src, store = source(proxy.url()), windows()
        async with delivering(src, store.add):
            await until(lambda: src.stats.values == 1)
            await one_change(plant, store, 4.0)
            service = plant.server.iserver.subscription_service

            async def cut() -> None:
                await proxy.cut()
                if forgotten:
                    await service.delete_subscriptions([*service.subscriptions])

            await lost_and_back(src, proxy, cut)
            lost = store.window(LEVEL, 1).time
            await until(lambda: store.window(LEVEL, ROWS).time > lost + ROWS * store.period)
            assert status.good_mask(store.window(LEVEL, ROWS).status).all()
            assert shown(store) == [4.0] * ROWS
