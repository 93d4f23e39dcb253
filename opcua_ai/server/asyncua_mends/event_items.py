"""Monitored items for events (Part 4, 5.13.1.5): asyncua loses events of a full queue unsaid."""

from __future__ import annotations

from collections import deque

from asyncua import ua
from asyncua.server.monitored_item_service import MonitoredItemData

from opcua_ai.server.asyncua_mends.operation_limits import MAX_QUEUE_SIZE
from opcua_ai.server.occurrence import server_event

_QUEUE_SIZE = 1_000
"""For a client that leaves it to the server (Part 4, 7.21)."""


class EventItem(MonitoredItemData):
    """Queues the events of a notifier. Where some were lost stands an EventQueueOverflowEvent: in
    addition to the size of the queue, and only one until it has been sent."""

    sampling_interval = 0.0
    """Events are not sampled."""

    def __init__(self, request: ua.MonitoredItemCreateRequest, number: int) -> None:
        super().__init__()
        self.mode = request.MonitoringMode
        self.read_value_id = request.ItemToMonitor
        self.monitored_item_id = number
        self._events: deque[ua.EventFieldList] = deque()
        self._overflow: ua.EventFieldList | None = None
        self.configure(request.RequestedParameters)

    def configure(self, wanted: ua.MonitoringParameters) -> None:
        """Take over what a client asks for at creation or later; without a filter the old stays."""
        self.client_handle = wanted.ClientHandle
        # 0 and 1 leave the size to the server.
        size = wanted.QueueSize
        self.queue_size = min(size, MAX_QUEUE_SIZE) if size > 1 else _QUEUE_SIZE
        self._discard_oldest = wanted.DiscardOldest
        if wanted.Filter is not None:
            self.filter = wanted.Filter
        while len(self._events) > self.queue_size:
            self._drop()

    def put(self, event: ua.EventFieldList) -> bool:
        """Queue an event; False when that lost one."""
        full = len(self._events) >= self.queue_size
        if full:
            self._drop()
        self._events.append(event)
        return not full

    def _drop(self) -> None:
        if self._discard_oldest:
            self._events.popleft()
        else:
            self._events.pop()
        if self._overflow is None:
            lost = server_event(ua.ObjectIds.EventQueueOverflowEventType, "Events were lost")
            self._overflow = ua.EventFieldList(
                ClientHandle=self.client_handle or 0,
                EventFields=lost.to_event_fields(self.filter.SelectClauses),
            )

    @property
    def waiting(self) -> int:
        """How many events there are to send."""
        return len(self._events) + (self._overflow is not None)

    def take(self, room: int) -> list[ua.EventFieldList]:
        """At most so many events, from the front of the queue."""
        return [self._first() for _ in range(min(room, self.waiting))]

    def _first(self) -> ua.EventFieldList:
        """The overflow stands at the end that lost events."""
        overflow = self._overflow
        if overflow is not None and (self._discard_oldest or not self._events):
            self._overflow = None
            return overflow
        return self._events.popleft()

    def set_mode(self, mode: ua.MonitoringMode) -> None:
        """A disabled item has no queue (Part 4, 5.13.1.3)."""
        self.mode = mode
        if mode == ua.MonitoringMode.Disabled:
            self._events.clear()
            self._overflow = None
