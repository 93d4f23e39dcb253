"""The publishing cycle, its counters, and messages that are sent again (Part 4, 5.14)."""

from __future__ import annotations

import asyncio
import math
from typing import Any

import pytest
from asyncua import ua
from asyncua.ua import uaerrors

CODES = ua.StatusCodes
INTERVAL = 0.02


@pytest.mark.parametrize(
    ("wanted", "revised"),
    [
        (0.0, 10.0),
        (-1.0, 10.0),
        (math.nan, 10.0),
        (12.5, 12.5),
        (250.0, 250.0),
        (1e12, 3_600_000.0),
    ],
)
async def test_the_publishing_interval_is_revised(
    watching: Any, wanted: float, revised: float
) -> None:
    async with watching(RequestedPublishingInterval=wanted) as mended:
        assert mended.subscription.data.RevisedPublishingInterval == revised


async def test_plain_takes_any_interval(watching: Any) -> None:
    async with watching(plain=True, RequestedPublishingInterval=0.01) as plain:
        assert plain.subscription.data.RevisedPublishingInterval == 0.01


@pytest.mark.parametrize(
    ("keep_alive", "lifetime", "revised"),
    [(0, 0, (10, 30)), (20, 10, (20, 60)), (10_000, 10**9, (50, 150)), (5, 100, (5, 100))],
)
async def test_the_counts_are_revised(
    watching: Any, keep_alive: int, lifetime: int, revised: tuple[int, int]
) -> None:
    wishes = {"RequestedMaxKeepAliveCount": keep_alive, "RequestedLifetimeCount": lifetime}
    async with watching(**wishes) as mended:
        data = mended.subscription.data
        assert (data.RevisedMaxKeepAliveCount, data.RevisedLifetimeCount) == revised


async def test_too_many_subscriptions(watching: Any) -> None:
    async with watching() as mended:
        await mended.open(client=False)
        with pytest.raises(uaerrors.BadTooManySubscriptions):
            await mended.open(client=False)


async def test_modify_subscription(watching: Any) -> None:
    async with watching(RequestedPublishingInterval=60_000.0) as mended:
        data = mended.subscription.data
        await mended.monitor()
        wanted = ua.ModifySubscriptionParameters(data.SubscriptionId, 20.0, 90, 30, 5, 0)
        result = await mended.service.modify(wanted)
        assert result == ua.ModifySubscriptionResult(20.0, 90, 30)
        assert await mended.numbers() == [0.0]
        assert mended.subscription.max_notifications == 5
        with pytest.raises(uaerrors.BadSubscriptionIdInvalid):
            await mended.service.modify(ua.ModifySubscriptionParameters(999))


async def test_plain_ignores_modify_subscription(watching: Any) -> None:
    async with watching(plain=True, RequestedPublishingInterval=60_000.0) as plain:
        number = plain.subscription.data.SubscriptionId
        wanted = ua.ModifySubscriptionParameters(number, 20.0, 90, 30, 5, 0)
        assert plain.service.modify_subscription(wanted).RevisedPublishingInterval == 60_000.0


async def test_keep_alives_have_no_sequence_number_of_their_own(watching: Any) -> None:
    async with watching(client=True, RequestedMaxKeepAliveCount=2) as mended:
        mended.requests = 10
        await asyncio.sleep(7 * INTERVAL)
        assert 3 <= len(mended.results) <= 4  # the first at once, then each second interval
        assert {r.NotificationMessage.SequenceNumber for r in mended.results} == {1}
        await mended.monitor()
        await mended.published()
        numbers = [r.NotificationMessage.SequenceNumber for r in mended.results]
        assert numbers[-1] in {1, 2}
        assert mended.subscription.available() == [1]


async def test_a_lifetime_without_publish_requests_ends_it(watching: Any) -> None:
    wishes = {"RequestedMaxKeepAliveCount": 1, "RequestedLifetimeCount": 5}
    async with watching(client=True, **wishes) as mended:
        created = await mended.monitor()
        assert created.StatusCode.is_good()
        await asyncio.sleep(3 * INTERVAL)
        assert mended.service.subscriptions
        mended.service.acknowledge(mended.subscription.session_id, [])
        await asyncio.sleep(4 * INTERVAL)
        assert mended.service.subscriptions  # the request has started the count again
        await asyncio.sleep(4 * INTERVAL)
        assert not mended.service.subscriptions
        assert not mended.subscription.monitored_item_srv._monitored_items


async def test_a_message_can_be_republished_more_than_once(watching: Any) -> None:
    async with watching(client=True) as mended, watching(plain=True, client=True) as plain:
        for watcher in (mended, plain):
            watcher.requests = 5
            await watcher.monitor()
        await mended.published()
        first = mended.subscription.republish(1)
        assert first.NotificationData
        assert mended.subscription.republish(1) is first
        with pytest.raises(uaerrors.BadMessageNotAvailable):
            mended.subscription.republish(2)
        (number,) = plain.subscription._not_acknowledged_results
        assert plain.subscription.republish(number).NotificationData
        assert not plain.subscription.republish(number).NotificationData


async def test_acknowledgements(watching: Any) -> None:
    async with watching(client=True) as mended, watching(plain=True, client=True) as plain:
        mended.requests = 5
        await mended.monitor()
        await mended.published()
        number = mended.subscription.data.SubscriptionId
        acks = [ua.SubscriptionAcknowledgement(number, 1)] * 2
        acks.append(ua.SubscriptionAcknowledgement(999, 1))
        count, results = mended.service.acknowledge(mended.subscription.session_id, acks)
        assert count == 1
        assert [s.value for s in results] == [
            CODES.Good,
            CODES.BadSequenceNumberUnknown,
            CODES.BadSubscriptionIdInvalid,
        ]
        assert mended.subscription.available() == []
        count, results = mended.service.acknowledge(ua.NodeId(1), acks[:1])
        assert (count, [s.value for s in results]) == (0, [CODES.BadSubscriptionIdInvalid])
        acks = [ua.SubscriptionAcknowledgement(plain.subscription.data.SubscriptionId, 77)]
        assert plain.service.publish(acks)[1] == [ua.StatusCode()]


async def test_few_messages_wait_for_acknowledgement(watching: Any) -> None:
    async with watching(client=True) as mended:
        mended.requests = 10
        await mended.monitor()
        for value in range(1, 6):
            await mended.write(float(value))
            await mended.published()
        assert mended.subscription.available() == [3, 4, 5]


async def test_notifications_are_spread_over_messages(watching: Any) -> None:
    wishes = {"client": True, "MaxNotificationsPerPublish": 2}
    async with watching(**wishes) as mended, watching(plain=True, **wishes) as plain:
        for watcher in (mended, plain):
            watcher.requests = 2
            await watcher.monitor()
        await mended.write(1.0, 2.0, 3.0, 4.0)
        assert await mended.numbers() == [0.0, 1.0, 2.0, 3.0]
        assert [r.MoreNotifications for r in mended.results] == [True, True]
        mended.requests = 1
        assert await mended.numbers() == [4.0]
        assert mended.results[-1].MoreNotifications is False
        sizes = [
            len(n.MonitoredItems)
            for r in plain.results
            for n in r.NotificationMessage.NotificationData
        ]
        assert max(sizes) > 2


async def test_what_waits_is_sent_with_the_next_request(watching: Any) -> None:
    async with watching(client=True) as mended:
        await mended.monitor()
        assert await mended.published() == []
        assert await mended.subscription.publish_results(object())
        assert len(mended.results) == 1
        assert not await mended.subscription.publish_results(object())


async def test_disabled_publishing_keeps_changes(watching: Any) -> None:
    async with watching(PublishingEnabled=False) as mended:
        await mended.monitor()
        assert await mended.published() == []
        await mended.subscription.set_publishing_mode(True)
        assert await mended.numbers() == [0.0]


async def test_initial_values_for_a_new_owner(watching: Any) -> None:
    async with watching() as mended:
        await mended.monitor()
        await mended.write(3.0)
        await mended.published()
        mended.subscription.monitored_item_srv.resend()
        assert await mended.numbers() == [3.0]
