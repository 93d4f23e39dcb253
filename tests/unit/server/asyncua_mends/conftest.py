"""One variable in an address space, and a subscription to it: plain asyncua's or the mended one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from asyncua import ua
from asyncua.server.address_space import AddressSpace, AttributeValue, NodeData
from asyncua.server.subscription_service import SubscriptionService

from opcua_ai.server.asyncua_mends.subscription_services import SubscriptionServices
from opcua_ai.server.values import node_id

NODE, RANGE = node_id("value", 2), node_id("range", 2)
INTERVAL_MS = 20.0
LIMITS = SimpleNamespace(
    max_subscriptions=2,
    max_keep_alive_count=50,
    max_lifetime_count=150,
    max_unacked_messages_per_subscription=3,
    max_monitored_item_queue_size=10_000,
    session_of=lambda _number: None,
)
Watching = Callable[..., AbstractAsyncContextManager["Watcher"]]


def number(value: float, status: int = 0, **times: Any) -> ua.DataValue:
    variant = ua.Variant(value, ua.VariantType.Double)
    return ua.DataValue(variant, ua.StatusCode(status), **times)


class Watcher:
    """What a client of one subscription does and sees."""

    def __init__(self, aspace: AddressSpace, service: Any) -> None:
        self.aspace = aspace
        self.service = service
        self.results: list[ua.PublishResult] = []
        self.requests = 0
        self.subscription: Any = None

    async def open(self, *, client: bool, **wishes: Any) -> None:
        options = {"RequestedPublishingInterval": INTERVAL_MS, "RequestedLifetimeCount": 150}
        params = ua.CreateSubscriptionParameters(**(options | wishes))
        request = self._request if client else None
        created = await self.service.create_subscription(params, self._seen, NODE, request)
        self.subscription = self.service.subscriptions[created.SubscriptionId]

    def _request(self, _number: int) -> object | None:
        if not self.requests:
            return None
        self.requests -= 1
        return object()

    async def _seen(self, result: ua.PublishResult, _request: object = None) -> None:
        self.results.append(result)

    async def monitor(
        self, node: ua.NodeId = NODE, mode: Any = ua.MonitoringMode.Reporting, **options: Any
    ) -> ua.MonitoredItemCreateResult:
        item = {k: options.pop(k) for k in ("IndexRange", "DataEncoding") if k in options}
        timestamps = options.pop("timestamps", ua.TimestampsToReturn.Both)
        target = ua.ReadValueId(NodeId=node, AttributeId=ua.AttributeIds.Value, **item)
        wanted = ua.MonitoringParameters(**({"QueueSize": 100, "Filter": None} | options))
        request = ua.MonitoredItemCreateRequest(target, mode, wanted)
        params = ua.CreateMonitoredItemsParameters(
            self.subscription.data.SubscriptionId, timestamps, [request]
        )
        (result,) = await self.service.create_monitored_items(params)
        return result

    async def write(self, *values: Any) -> None:
        for value in values:
            written = value if isinstance(value, ua.DataValue) else number(value)
            await self.aspace.write_attribute_value(NODE, ua.AttributeIds.Value, written)

    async def published(self) -> list[ua.DataValue]:
        """What the next publishing intervals bring."""
        before = len(self.results)
        await asyncio.sleep(3 * INTERVAL_MS / 1000)
        return [v for r in self.results[before:] for v in values_of(r)]

    async def numbers(self) -> list[float]:
        return [v.Value.Value for v in await self.published() if v.Value is not None]


def values_of(result: ua.PublishResult) -> list[ua.DataValue]:
    notifications = result.NotificationMessage.NotificationData
    changes = [n for n in notifications if isinstance(n, ua.DataChangeNotification)]
    return [item.Value for change in changes for item in change.MonitoredItems]


@pytest.fixture
def aspace() -> AddressSpace:
    """A Double with an EURange from 0 to 200."""
    space = AddressSpace()
    limits = ua.Variant(ua.Range(0.0, 200.0), ua.VariantType.ExtensionObject)
    for node, value in ((NODE, number(0.0)), (RANGE, ua.DataValue(limits))):
        space[node] = NodeData(node)
        space[node].attributes[ua.AttributeIds.Value] = AttributeValue(value)
    space[NODE].references.append(
        ua.ReferenceDescription(
            ReferenceTypeId=node_id(ua.ObjectIds.HasProperty),
            IsForward=True,
            NodeId=RANGE,
            BrowseName=ua.QualifiedName("EURange"),
        )
    )
    return space


@pytest.fixture
def watching(aspace: AddressSpace) -> Watching:
    """A subscription without items; ``plain=True`` makes it asyncua's own."""

    @asynccontextmanager
    async def make(
        *, plain: bool = False, client: bool = False, **wishes: Any
    ) -> AsyncIterator[Watcher]:
        kind = SubscriptionService if plain else SubscriptionServices
        watcher = Watcher(aspace, kind(aspace, LIMITS))
        await watcher.open(client=client, **wishes)
        try:
            yield watcher
        finally:
            await watcher.service.delete_subscriptions(list(watcher.service.subscriptions))

    return make
