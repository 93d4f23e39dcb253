"""One subscription with one monitored item per tag (Part 4, 5.13 and 5.14)."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from asyncua import ua
from asyncua.ua.uaerrors import BadNoSubscription, BadTimeout, BadTooManyPublishRequests

from opcua_ai.core import status
from opcua_ai.core.errors import SourceLostError
from opcua_ai.core.types import Samples, Tag
from opcua_ai.sources._decode import decode
from opcua_ai.sources._nodeid import from_text
from opcua_ai.sources._session import Link, plain_errors

if TYPE_CHECKING:
    from opcua_ai.sources.opcua import Options

_log = logging.getLogger("opcua_ai.sources")

PUBLISH_REQUESTS = 2
"""Kept at the server, so that it can send while we decode."""
NOTIFICATIONS_PER_PUBLISH = 1000
"""Decoding more at once would hold the event loop up."""
LIFETIME_S = 30.0
"""How long the server keeps the subscription when it hears nothing from us."""
TICK_S = 0.5


class Subscription:
    """Created on a link, pumped until the link is lost; never re-used."""

    def __init__(self, link: Link, options: Options) -> None:
        self._link = link
        self._options = options
        self._silent_s = 0.0
        self._limit_s = float("inf")

    async def create(self, tags: Sequence[Tag]) -> dict[int, int]:
        """Subscribe to every tag; the client handle is its column. Returns column -> status of the
        tags that the server refuses. Raises SourceLostError."""
        with plain_errors(self._link.endpoint):
            revised = await self._link.session.create_subscription(self._parameters(), _unused)
            keep_alive_ms = revised.RevisedPublishingInterval * revised.RevisedMaxKeepAliveCount
            self._limit_s = 1.5e-3 * keep_alive_ms + self._options.timeout_s
            refused, known = _resolve(tags, self._link.namespaces)
            results = await self._link.item_chunks.gather(
                list(known.items()), lambda part: self._create_items(revised.SubscriptionId, part)
            )
        for column, result in zip(known, results, strict=True):
            if not result.StatusCode.is_good():
                refused[column] = int(result.StatusCode.value)
        return refused

    def _parameters(self) -> ua.CreateSubscriptionParameters:
        interval = self._options.publishing_interval_ms
        keep_alive = max(1, round(self._options.keep_alive_s * 1e3 / interval))
        lifetime = max(3 * keep_alive, round(LIFETIME_S * 1e3 / interval))
        return ua.CreateSubscriptionParameters(
            RequestedPublishingInterval=ua.Duration(interval),
            RequestedLifetimeCount=ua.UInt32(lifetime),
            RequestedMaxKeepAliveCount=ua.UInt32(keep_alive),
            MaxNotificationsPerPublish=ua.UInt32(NOTIFICATIONS_PER_PUBLISH),
            PublishingEnabled=True,
        )

    async def _create_items(
        self, subscription: int, part: Sequence[tuple[int, ua.NodeId]]
    ) -> list[ua.MonitoredItemCreateResult]:
        parameters = ua.CreateMonitoredItemsParameters()
        parameters.SubscriptionId = ua.IntegerId(subscription)
        parameters.TimestampsToReturn = ua.TimestampsToReturn.Both
        parameters.ItemsToCreate = [self._item(column, node_id) for column, node_id in part]
        return await self._link.session.create_monitored_items(parameters)

    def _item(self, column: int, node_id: ua.NodeId) -> ua.MonitoredItemCreateRequest:
        requested = ua.MonitoringParameters()
        requested.ClientHandle = ua.IntegerId(column)
        requested.SamplingInterval = ua.Duration(self._options.sampling_interval_ms)
        requested.QueueSize = ua.Counter(self._options.queue_size)
        requested.DiscardOldest = True
        item = ua.MonitoredItemCreateRequest()
        item.ItemToMonitor = ua.ReadValueId(node_id, ua.UInt32(ua.AttributeIds.Value))
        item.MonitoringMode = ua.MonitoringMode.Reporting
        item.RequestedParameters = requested
        return item

    async def pump(self, deliver: Callable[[Samples], None]) -> None:
        """Deliver notifications until the link is lost. Raises SourceLostError that says why."""
        tasks = [asyncio.create_task(self._publish(deliver)) for _ in range(PUBLISH_REQUESTS)]
        tasks.append(asyncio.create_task(self._watch()))
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _publish(self, deliver: Callable[[Samples], None]) -> None:
        acks: list[ua.SubscriptionAcknowledgement] = []
        while True:
            with plain_errors(self._link.endpoint):
                try:
                    body = await self._link.session.publish_raw(acks)
                    message = decode(body)
                except BadTimeout:
                    continue  # only this request waited too long for the server
                except BadTooManyPublishRequests:
                    return
                except BadNoSubscription as error:
                    raise self._ended("BadNoSubscription") from error
            self._silent_s = 0.0
            if message.ended is not None:
                raise self._ended(ua.StatusCode(ua.UInt32(message.ended)).name)
            for samples in message.samples:
                deliver(samples)
            acks = []
            if not message.keep_alive:
                ack = ua.SubscriptionAcknowledgement()
                ack.SubscriptionId = ua.IntegerId(message.subscription)
                ack.SequenceNumber = ua.Counter(message.sequence)
                acks.append(ack)

    def _ended(self, reason: str) -> SourceLostError:
        return SourceLostError(f"{self._link.endpoint}: subscription ended by the server: {reason}")

    async def _watch(self) -> None:
        """Raise SourceLostError after a silence that is longer than the keep-alive allows.

        Counts only time in which the event loop ran: after a blocked loop the answers that wait in
        the socket are read first.
        """
        before = time.monotonic()
        while self._silent_s <= self._limit_s:
            await asyncio.sleep(TICK_S)
            now = time.monotonic()
            self._silent_s += min(now - before, 2 * TICK_S)
            before = now
        raise SourceLostError(
            f"{self._link.endpoint}: the server has been silent for {self._silent_s:.0f} s"
        )


def _resolve(
    tags: Sequence[Tag], uris: Sequence[str]
) -> tuple[dict[int, int], dict[int, ua.NodeId]]:
    """Columns whose namespace the server does not have (any more), and the node ids of the rest."""
    unknown: dict[int, int] = {}
    known: dict[int, ua.NodeId] = {}
    for column, tag in enumerate(tags):
        node_id = from_text(tag.node_id, uris)
        if node_id is None:
            unknown[column] = status.BAD_NODE_ID_UNKNOWN
        else:
            known[column] = node_id
    return unknown, known


def _unused(_result: object) -> None:
    """asyncua asks for a callback; our own publish loop does not use it."""


def status_names(refused: Mapping[int, int]) -> dict[int, str]:
    """Column -> name of its status, e.g. ``BadNodeIdUnknown``."""
    return {column: ua.StatusCode(ua.UInt32(code)).name for column, code in refused.items()}
