"""As ``test_plain_asyncua``, for subscriptions and monitored items."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from asyncua import Client, ua

from opcua_ai.server.advisory import AdvisoryServer
from tests.integration.server.asked import answer, connected, outcome, subscribed

pytestmark = pytest.mark.asyncio(loop_scope="session")

CODES = ua.StatusCodes


async def test_triggering(endpoints: dict[str, str]) -> None:
    statuses = {}
    for name, endpoint in endpoints.items():
        async with subscribed(endpoint) as (session, number):
            params = ua.SetTriggeringParameters(number, 999, [1], [])
            request = ua.SetTriggeringRequest(Parameters=params)
            statuses[name] = await outcome(session, request)
    assert statuses == {
        "ours": CODES.BadMonitoredItemIdInvalid,
        "plain": CODES.BadUserAccessDenied,
    }


async def test_a_subscription_is_its_owners(endpoints: dict[str, str]) -> None:
    taken = {}
    for name, endpoint in endpoints.items():
        async with subscribed(endpoint) as (_, number), connected(endpoint) as thief:
            params = ua.TransferSubscriptionsParameters([number])
            (result,) = await thief.transfer_subscriptions(params)
            taken[name] = result.StatusCode.value
    assert taken == {"ours": CODES.BadUserAccessDenied, "plain": CODES.Good}


async def test_a_modified_subscription_is_modified(endpoints: dict[str, str]) -> None:
    intervals = {}
    for name, endpoint in endpoints.items():
        async with subscribed(endpoint) as (session, number):
            params = ua.ModifySubscriptionParameters(number, 200.0, 90, 30)
            request = ua.ModifySubscriptionRequest(Parameters=params)
            response = await answer(session, request, ua.ModifySubscriptionResponse)
            intervals[name] = response.Parameters.RevisedPublishingInterval
    assert intervals == {"ours": 200.0, "plain": 50.0}


async def unpublished(session: Any, interval: float = 20.0) -> int:
    """A subscription for which nobody publishes; it lives for three intervals."""
    wishes = ua.CreateSubscriptionParameters(interval, 3, 1)
    made = await answer(
        session,
        ua.CreateSubscriptionRequest(Parameters=wishes),
        ua.CreateSubscriptionResponse,
    )
    return made.Parameters.SubscriptionId


async def test_a_subscription_that_ends_says_so(endpoints: dict[str, str]) -> None:
    async with connected(endpoints["ours"]) as session:
        number = await unpublished(session)
        asked = ua.SetPublishingModeParameters(True, [number])
        # each question lets it live for another three intervals
        while (await session.set_publishing_mode(asked))[0].is_good():
            await asyncio.sleep(0.2)
        said = await answer(session, ua.PublishRequest(), ua.PublishResponse)
        assert said.Parameters.SubscriptionId == number
        (change,) = said.Parameters.NotificationMessage.NotificationData
        assert isinstance(change, ua.StatusChangeNotification)
        assert change.Status.value == CODES.BadTimeout
        assert await outcome(session, ua.PublishRequest()) == CODES.BadNoSubscription
    async with connected(endpoints["plain"]) as session:
        await unpublished(session)
        await asyncio.sleep(0.2)
        assert await outcome(session, ua.PublishRequest()) == CODES.BadNoSubscription


async def test_publish_requests_of_a_closed_session_are_answered(
    endpoints: dict[str, str],
) -> None:
    """Plain asyncua keeps all but the one that takes the first message of the subscription."""
    results: dict[str, Any] = {}
    for name, endpoint in endpoints.items():
        async with Client(endpoint, timeout=10) as client:
            session = client.uaclient.session
            await unpublished(session, interval=10_000.0)
            waiting = [
                asyncio.ensure_future(outcome(session, ua.PublishRequest())) for _ in range(2)
            ]
            await client.nodes.server_state.read_value()  # answered after the Publish came
            await session.close_session(True)
            done, late = await asyncio.wait(waiting, timeout=0.3)
            results[name] = [task.result() for task in done]
            for task in late:
                task.cancel()
            await asyncio.wait(waiting)
    assert results == {"ours": [CODES.BadSessionClosed] * 2, "plain": [CODES.Good]}


@pytest.mark.parametrize(
    ("selected", "elements", "ours"),
    [
        (1_000, 100, CODES.Good),
        (1_001, 0, CODES.BadEventFilterInvalid),
        (1, 101, CODES.BadEventFilterInvalid),
    ],
)
async def test_event_filters_are_limited(
    endpoints: dict[str, str], selected: int, elements: int, ours: int
) -> None:
    name = ua.SimpleAttributeOperand(
        BrowsePath=[ua.QualifiedName("Message")], AttributeId=ua.AttributeIds.Value
    )
    element = ua.ContentFilterElement(ua.FilterOperator.IsNull, [name])
    clauses = ua.EventFilter([name] * selected, ua.ContentFilter([element] * elements))
    statuses = {}
    for server, endpoint in endpoints.items():
        async with subscribed(endpoint) as (session, number):
            request = ua.MonitoredItemCreateRequest(
                ua.ReadValueId(ua.NodeId(ua.ObjectIds.Server), ua.AttributeIds.EventNotifier),
                ua.MonitoringMode.Reporting,
                ua.MonitoringParameters(1, 0.0, clauses, 10, True),
            )
            params = ua.CreateMonitoredItemsParameters(number, ItemsToCreate=[request])
            (result,) = await session.create_monitored_items(params)
            statuses[server] = result.StatusCode.value
    assert statuses == {"ours": ours, "plain": CODES.Good}


async def test_publishing_of_others_is_not_stopped(opened: AdvisoryServer) -> None:
    async with subscribed(opened.endpoint) as (owner, number), connected(opened.endpoint) as thief:
        params = ua.SetPublishingModeParameters(False, [number])
        (foreign,) = await thief.set_publishing_mode(params)
        assert foreign.value == CODES.BadSubscriptionIdInvalid
        (own,) = await owner.set_publishing_mode(params)
        assert own.is_good()
