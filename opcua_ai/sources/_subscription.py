"""One subscription with one monitored item per tag (Part 4, 5.13 and 5.14)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from asyncua import ua

from opcua_ai.core.ports import SourceStats
from opcua_ai.core.types import VACANT, Tag
from opcua_ai.sources._nodeid import resolve
from opcua_ai.sources._position import Position
from opcua_ai.sources._publish import Deliver, Publishing
from opcua_ai.sources._revised import Revised
from opcua_ai.sources._session import UNSUPPORTED, Link, plain_errors

if TYPE_CHECKING:
    from opcua_ai.sources.opcua import Options

NOTIFICATIONS_PER_PUBLISH = 2000
"""So many Doubles fit into one chunk of 64 KiB and hold the event loop up for a fraction of a
millisecond; larger messages save little more."""
LONGEST_QUEUE = 10_000
NO_ROOM = frozenset(
    {
        ua.StatusCodes.BadTooManyMonitoredItems,
        ua.StatusCodes.BadOutOfMemory,
        ua.StatusCodes.BadResourceUnavailable,
    }
)
"""With these a server says that it has enough items, not that there is something wrong with one."""


class Subscription:
    """Created on a link; it may go on over a later one."""

    def __init__(self, tags: Sequence[Tag], options: Options, stats: SourceStats) -> None:
        self._tags = tags
        self._options = options
        self._stats = stats
        self._limit_s = math.inf
        self._items = np.zeros(len(tags), np.uint32)
        """MonitoredItemId of each column; 0: it has none."""
        self.refused: dict[int, int] = {}
        """Column -> status of the tags that the server refuses."""
        self.polled: dict[int, ua.NodeId] = {}
        """Columns for which the server has no room among its monitored items."""

    async def create(self, link: Link) -> None:
        """Subscribe to every tag; the client handle is its column. What the server makes of the
        wishes is in ``revised``. Raises UaStatusCodeError when it refuses the subscription as a
        whole."""
        self._endpoint, self._started = link.endpoint, link.started
        wanted = self._parameters()
        made = await link.session.create_subscription(wanted, _unused)
        self.position = Position(made.SubscriptionId)
        keep_alive_ms = made.RevisedPublishingInterval * made.RevisedMaxKeepAliveCount
        self._limit_s = 1.5e-3 * keep_alive_ms + self._options.timeout_s
        self.revised = Revised(self._options, made, link.session_timeout_s)
        await self._subscribe(link, range(len(self._tags)))

    async def go_on(self, link: Link) -> bool:
        """Use the subscription on a new link, if the server still has it (Part 4, 6.7): with the
        same session as it is, else by TransferSubscriptions. Raises SourceLostError."""
        if (link.endpoint, link.started) != (self._endpoint, self._started):
            return False  # the same number may be somebody else's
        with plain_errors(link.endpoint):
            try:
                if link.resumed:
                    return await self._lives(link)
                return await self._transfer(link)
            except ua.UaStatusCodeError:
                return False

    async def _lives(self, link: Link) -> bool:
        parameters = ua.SetPublishingModeParameters(
            PublishingEnabled=True,
            SubscriptionIds=[ua.IntegerId(self.position.subscription_id)],
        )
        try:
            results = await link.session.set_publishing_mode(parameters)
        except ua.UaStatusCodeError as error:
            return error.code in UNSUPPORTED
        return results[0].is_good()

    async def _transfer(self, link: Link) -> bool:
        """TransferSubscriptions (Part 4, 5.14.7). No initial values: what has changed meanwhile is
        in the queues, oldest first, and a value sent twice would be one too many."""
        parameters = ua.TransferSubscriptionsParameters(
            SubscriptionIds=[ua.IntegerId(self.position.subscription_id)],
            SendInitialValues=False,
        )
        result = (await link.session.transfer_subscriptions(parameters))[0]
        if not result.StatusCode.is_good():
            return False
        self.position.resume(int(n) for n in result.AvailableSequenceNumbers or [])
        return True

    async def retry(self, link: Link) -> None:
        """Ask again for the tags that were refused."""
        with plain_errors(link.endpoint):
            await self._subscribe(link, sorted(self.refused))

    async def follow(self, link: Link) -> None:
        """Items for the tags that are new, none any more for those that are VACANT. Raises
        UaStatusCodeError."""
        tags, items = self._tags, self._items
        self._items = items = np.concatenate([items, np.zeros(len(tags) - len(items), np.uint32)])
        gone = [column for column in np.flatnonzero(items).tolist() if tags[column] is VACANT]
        await link.item_chunks.gather(gone, lambda part: self._delete_items(link, part))
        self.refused = {c: code for c, code in self.refused.items() if tags[c] is not VACANT}
        self.polled = {c: node for c, node in self.polled.items() if tags[c] is not VACANT}
        known = self.refused.keys() | self.polled.keys()
        new = [column for column in np.flatnonzero(items == 0).tolist() if column not in known]
        await self._subscribe(link, new)

    async def pump(self, link: Link, deliver: Deliver) -> None:
        """Deliver notifications until the link is lost. Raises SourceLostError that says why."""
        await Publishing(link, self.position, self._limit_s, self._stats).pump(deliver)

    async def _subscribe(self, link: Link, columns: Sequence[int]) -> None:
        refused, known = resolve(self._tags, columns, link.namespaces)
        asked = {*columns}
        results = await link.item_chunks.gather(
            list(known.items()), lambda part: self._create_items(link, part)
        )
        polled = dict(self.polled)
        for (column, node_id), result in zip(known.items(), results, strict=True):
            if result.StatusCode.is_good():
                self.revised.item(result)
            elif result.StatusCode.value in NO_ROOM:
                polled[column] = node_id
            else:
                refused[column] = int(result.StatusCode.value)
        others = {c: code for c, code in self.refused.items() if c not in asked}
        self.refused, self.polled = others | refused, polled

    async def _create_items(
        self, link: Link, part: Sequence[tuple[int, ua.NodeId]]
    ) -> list[ua.MonitoredItemCreateResult]:
        parameters = ua.CreateMonitoredItemsParameters()
        parameters.SubscriptionId = ua.IntegerId(self.position.subscription_id)
        parameters.TimestampsToReturn = ua.TimestampsToReturn.Both
        parameters.ItemsToCreate = [self._item(column, node_id) for column, node_id in part]
        try:
            results = await link.session.create_monitored_items(parameters)
        except ua.uaerrors.BadTooManyMonitoredItems as error:
            code = ua.StatusCode(ua.UInt32(error.code))
            return [ua.MonitoredItemCreateResult(StatusCode=code) for _ in part]
        for (column, _), result in zip(part, results, strict=False):
            if result.StatusCode.is_good():
                self._items[column] = result.MonitoredItemId
        return results

    async def _delete_items(self, link: Link, part: Sequence[int]) -> Sequence[ua.StatusCode]:
        """One that the server has not (any more) is as good as deleted."""
        parameters = ua.DeleteMonitoredItemsParameters(
            SubscriptionId=ua.IntegerId(self.position.subscription_id),
            MonitoredItemIds=[ua.IntegerId(int(self._items[column])) for column in part],
        )
        results = await link.session.delete_monitored_items(parameters)
        self._items[list(part)] = 0
        return results

    def _parameters(self) -> ua.CreateSubscriptionParameters:
        options = self._options
        interval = options.publishing_interval_ms
        keep_alive = max(1, round(options.keep_alive_s * 1e3 / interval))
        lifetime = max(3 * keep_alive, math.ceil(options.outage_s * 1e3 / interval))
        return ua.CreateSubscriptionParameters(
            RequestedPublishingInterval=ua.Duration(interval),
            RequestedLifetimeCount=ua.UInt32(lifetime),
            RequestedMaxKeepAliveCount=ua.UInt32(keep_alive),
            MaxNotificationsPerPublish=ua.UInt32(NOTIFICATIONS_PER_PUBLISH),
            PublishingEnabled=True,
        )

    def _item(self, column: int, node_id: ua.NodeId) -> ua.MonitoredItemCreateRequest:
        requested = ua.MonitoringParameters()
        requested.ClientHandle = ua.IntegerId(column)
        requested.SamplingInterval = ua.Duration(self._options.sampling_interval_ms)
        requested.QueueSize = ua.Counter(queue_size(self._options))
        requested.DiscardOldest = True
        item = ua.MonitoredItemCreateRequest()
        item.ItemToMonitor = ua.ReadValueId(node_id, ua.UInt32(ua.AttributeIds.Value))
        item.MonitoringMode = ua.MonitoringMode.Reporting
        item.RequestedParameters = requested
        return item


def queue_size(options: Options) -> int:
    """Values that an item has to keep for an outage; a tag that is sampled as fast as the server
    can (interval 0) is taken to change once in each publishing interval."""
    if options.queue_size is not None:
        return options.queue_size
    interval_ms = options.sampling_interval_ms or options.publishing_interval_ms
    return min(LONGEST_QUEUE, max(2, math.ceil(options.outage_s * 1e3 / interval_ms) + 1))


def _unused(_result: object) -> None:
    """asyncua asks for a callback; our own publish loop does not use it."""


def status_names(refused: Mapping[int, int]) -> dict[int, str]:
    """Column -> name of its status, e.g. ``BadNodeIdUnknown``."""
    return {column: ua.StatusCode(ua.UInt32(code)).name for column, code in refused.items()}
