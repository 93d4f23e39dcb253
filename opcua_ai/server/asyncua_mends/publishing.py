"""One subscription: its publishing cycle, queues and retransmission (Part 4, 5.14).

asyncua counts the lifetime from the wrong moment, forgets a message that was republished once,
ignores MaxNotificationsPerPublish, and ends the cycle of a subscription at the first value that
cannot be encoded.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any

from asyncua import ua
from asyncua.server.address_space import AddressSpace
from asyncua.server.internal_subscription import InternalSubscription
from asyncua.ua import uaerrors

from opcua_ai.server.asyncua_mends.event_items import EventItem
from opcua_ai.server.asyncua_mends.monitored_items import DataItem
from opcua_ai.server.asyncua_mends.monitoring import Item, MonitoredItems
from opcua_ai.server.asyncua_mends.operation_limits import MAX_NOTIFICATIONS
from opcua_ai.server.values import code

logger = logging.getLogger(__name__)

_MAX_SEQUENCE_NUMBER = 0xFFFFFFFF


class Subscription(InternalSubscription):
    """Sends what its items have queued, once in each publishing interval."""

    def __init__(self, *args: Any, user: str | None, **options: Any) -> None:
        super().__init__(*args, **options)
        aspace: AddressSpace = self.monitored_item_srv.aspace
        self.monitored_item_srv: MonitoredItems = MonitoredItems(self, aspace)
        self.user = user
        """Of the session that made it; only the same user may take it over."""
        self.client: str | None = None
        """ApplicationUri of the client that made it."""
        self.max_notifications = MAX_NOTIFICATIONS
        self.figures: Any = ua.SubscriptionDiagnosticsDataType()
        """What is counted; see :mod:`diagnostics_arrays`."""
        self._late = False
        self._ready: dict[int, DataItem] = {}
        self._ready_events: dict[int, EventItem] = {}
        self._holding: list[DataItem] = []

    # What items say

    def ready(self, item: DataItem) -> None:
        self._ready[item.monitored_item_id or 0] = item

    def holding(self, item: DataItem) -> None:
        self._holding.append(item)

    def overflowed(self) -> None:
        self.figures.MonitoringQueueOverflowCount += 1

    def forget(self, item: Item) -> None:
        number = item.monitored_item_id or 0
        self._ready.pop(number, None)
        self._ready_events.pop(number, None)
        if item in self._holding:
            self._holding.remove(item)

    async def enqueue_event(self, mid: int, eventdata: ua.EventFieldList, maxsize: int) -> None:  # noqa: ARG002
        """Queue an event of an item that reports; the item knows the size of its queue."""
        item = self.monitored_item_srv._monitored_items[mid]  # noqa: SLF001
        if not isinstance(item, EventItem) or item.mode != ua.MonitoringMode.Reporting:
            return
        self.figures.EventQueueOverflowCount += not item.put(eventdata)
        self._ready_events[mid] = item

    # What the publishing interval brings

    async def start(self) -> None:
        self._closing = False
        self._task = asyncio.create_task(self._subscription_loop())

    async def restart(self) -> None:
        """Begin a new interval, for it has another length now."""
        if self._task is not None:
            self._task.cancel()
        await self.start()

    async def _subscription_loop(self) -> None:
        due = time.monotonic()
        while not self._closing:
            # A stall of the loop is not made up for.
            due = max(due + self.data.RevisedPublishingInterval / 1000, time.monotonic())
            await asyncio.sleep(due - time.monotonic())
            await self._cycle(due)

    async def _cycle(self, now: float) -> None:
        self._holding = [item for item in self._holding if not item.sample_held(now)]
        self._keep_alive_count += 1
        self._publish_cycles_count += 1
        has_client = self.pub_request_callback is not None
        if has_client and self._publish_cycles_count > self.data.RevisedLifetimeCount:
            await self._expire()
            return
        try:
            await self.publish_results()
        except Exception:
            logger.exception("subscription %s: a message was not sent", self.data.SubscriptionId)

    def keep(self) -> None:
        """The client is there: its lifetime counter starts again (Part 4, 5.14.1.2)."""
        self._publish_cycles_count = 0

    async def _expire(self) -> None:
        logger.warning(
            "subscription %s ends: no Publish request in %d intervals",
            self.data.SubscriptionId,
            self.data.RevisedLifetimeCount,
        )
        self._closing = True
        self._task = None
        self.monitored_item_srv.delete_all_monitored_items()
        if self.delete_callback:
            await self.delete_callback()

    def has_published_results(self) -> bool:
        """Whether there is anything to say: changes, events, or that the server is alive."""
        return (
            self._startup
            or self._has_notifications()
            or bool(self._triggered_statuschanges)
            or self._keep_alive_count >= self.data.RevisedMaxKeepAliveCount
        )

    def _has_notifications(self) -> bool:
        return self._publishing_enabled and bool(self._ready or self._ready_events)

    async def publish_results(self, requestdata: Any = None) -> bool:
        """Send messages while there are both notifications and Publish requests.

        With ``requestdata``, the first message answers that request, which came after the end of
        the publishing interval. False when it was not needed.
        """
        sent = False
        while self.has_published_results():
            if requestdata is None and self.pub_request_callback:
                requestdata = self.pub_request_callback(self.data.SubscriptionId)
                if requestdata is None:
                    self.figures.LatePublishRequestCount += not self._late
                    self._late = True
                    break
            self._late = False
            result = self._pop_publish_result()
            if requestdata is None:
                await self.pub_result_callback(result)
            else:
                self.keep()
                self.figures.PublishRequestCount += 1
                await self.pub_result_callback(result, requestdata)
            requestdata = None
            sent = True
        return sent

    # Messages

    def _pop_publish_result(self) -> ua.PublishResult:
        message = ua.NotificationMessage(SequenceNumber=self._notification_seq)  # type: ignore[arg-type]
        if self._publishing_enabled:
            message.NotificationData = self._notifications()
        if self._triggered_statuschanges:
            status = self._triggered_statuschanges.pop(0)
            message.NotificationData.append(ua.StatusChangeNotification(Status=status))
        self._keep_alive_count = 0
        self._startup = False
        result = ua.PublishResult(
            SubscriptionId=self.data.SubscriptionId,
            MoreNotifications=self._has_notifications(),  # type: ignore[arg-type]
            NotificationMessage=message,
        )
        if message.NotificationData and self.pub_request_callback:
            self._retain(result)
        result.AvailableSequenceNumbers = list(self._not_acknowledged_results)  # type: ignore[assignment]
        return result

    def _retain(self, result: ua.PublishResult) -> None:
        """Keep a message until it is acknowledged, or too many newer ones are waiting."""
        self._not_acknowledged_results[self._notification_seq] = result
        self._notification_seq = self._notification_seq % _MAX_SEQUENCE_NUMBER + 1
        while len(self._not_acknowledged_results) > self._no_acks_limit:
            self.figures.DiscardedMessageCount += 1
            del self._not_acknowledged_results[next(iter(self._not_acknowledged_results))]

    def _notifications(self) -> list[Any]:
        data: list[Any] = []
        changes = self._take_changes(self.max_notifications)
        if changes:
            data.append(ua.DataChangeNotification(MonitoredItems=changes))
        events = self._take_events(self.max_notifications - len(changes))
        if events:
            data.append(ua.EventNotificationList(Events=events))
        self.figures.DataChangeNotificationsCount += len(changes)
        self.figures.EventNotificationsCount += len(events)
        self.figures.NotificationsCount += len(changes) + len(events)
        return data

    def _take_changes(self, room: int) -> list[ua.MonitoredItemNotification]:
        taken: list[ua.MonitoredItemNotification] = []
        while self._ready and len(taken) < room:
            mid, item = next(iter(self._ready.items()))
            handle, queue = item.client_handle, item.queue
            for _ in range(min(len(queue), room - len(taken))):
                taken.append(ua.MonitoredItemNotification(handle, queue.popleft()))  # type: ignore[arg-type]
            if not queue:
                item.triggered = False
                del self._ready[mid]
        return taken

    def _take_events(self, room: int) -> list[ua.EventFieldList]:
        taken: list[ua.EventFieldList] = []
        for mid, item in list(self._ready_events.items()):
            taken += item.take(room - len(taken))
            if not item.waiting:
                del self._ready_events[mid]
        return taken

    # What clients ask of it

    def acknowledge(self, number: int) -> ua.StatusCode:
        if self._not_acknowledged_results.pop(number, None) is None:
            return code(ua.StatusCodes.BadSequenceNumberUnknown)
        return ua.StatusCode()

    def republish(self, nb: int) -> ua.NotificationMessage:
        """A message again, as often as it takes (Part 4, 5.14.6)."""
        self.keep()
        self.figures.RepublishRequestCount += 1
        self.figures.RepublishMessageRequestCount += 1
        result = self._not_acknowledged_results.get(nb)
        if result is None:
            raise uaerrors.BadMessageNotAvailable
        self.figures.RepublishMessageCount += 1
        return result.NotificationMessage

    async def set_publishing_mode(self, enabled: bool) -> None:
        self.keep()
        self.figures.EnableCount += enabled
        self.figures.DisableCount += not enabled
        self._publishing_enabled = enabled

    def available(self) -> list[int]:
        """Sequence numbers that can be republished."""
        return sorted(self._not_acknowledged_results)

    def attach(self, session_id: ua.NodeId, channel: Any) -> None:
        """It is this session's; its messages go out on this channel (a Requests)."""
        self.session_id = session_id
        self.pub_result_callback = channel.forward_publish_response
        self.pub_request_callback = channel.get_publish_request

    def detach(self) -> None:
        """Its session is gone without it; it waits for another until its lifetime is over."""
        self.session_id = ua.NodeId()
        self.pub_request_callback = _no_request


def _no_request(_subscription_id: int) -> None:
    return None
