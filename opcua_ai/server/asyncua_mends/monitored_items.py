"""Monitored items for data changes (Part 4, 5.13).

asyncua keeps no overflow bit, takes a queue size of 0 for 10,000, reports in mode Sampling, ignores
sampling interval, IndexRange, TimestampsToReturn and discardOldest, and copies every value deeply
for every subscriber.
"""

from __future__ import annotations

import dataclasses
import math
import time
from collections import deque
from datetime import UTC, datetime
from typing import Protocol

from asyncua import ua
from asyncua.server.address_space import AddressSpace
from asyncua.server.monitored_item_service import MonitoredItemData
from asyncua.ua import uaerrors

from opcua_ai.server.asyncua_mends.attributes import part_of
from opcua_ai.server.asyncua_mends.change_filter import Passes, change_filter, status_or_value
from opcua_ai.server.asyncua_mends.numeric_range import NumericRange
from opcua_ai.server.asyncua_mends.operation_limits import MAX_QUEUE_SIZE
from opcua_ai.server.asyncua_mends.timestamps import stamped
from opcua_ai.server.values import code

OVERFLOW = 0x0480
"""InfoType DataValue and the Overflow bit (Part 4, 7.38.1, table of the info bits)."""
MAX_SAMPLING_INTERVAL = 3_600_000.0


class Outbox(Protocol):
    """Where items go that have something to send, hold back a value, or have lost one."""

    def ready(self, item: DataItem) -> None: ...
    def holding(self, item: DataItem) -> None: ...
    def overflowed(self) -> None: ...


class DataItem(MonitoredItemData):
    """Samples, filters and queues the changes of one attribute."""

    def __init__(
        self, aspace: AddressSpace, request: ua.MonitoredItemCreateRequest, outbox: Outbox
    ) -> None:
        """Raises BadIndexRangeInvalid."""
        super().__init__()
        self.read_value_id: ua.ReadValueId = request.ItemToMonitor  # type: ignore[assignment]
        self.mode = request.MonitoringMode
        self.queue: deque[ua.DataValue] = deque()
        self.links: set[DataItem] = set()
        """Items that report when this one has a change (SetTriggering)."""
        self.linked_by: set[DataItem] = set()
        self.triggered = False
        self._aspace = aspace
        self._span = NumericRange.parse(self.read_value_id.IndexRange)
        self._whole = self._span is None and not self.read_value_id.DataEncoding.Name
        self._passes: Passes = status_or_value
        self._reported: ua.DataValue | None = None
        self._held: ua.DataValue | None = None
        self._sampling_s = 0.0
        self._sampled = -math.inf
        self._outbox = outbox

    def configure(
        self,
        parameters: ua.MonitoringParameters,
        timestamps: ua.TimestampsToReturn,
        publishing_interval: float,
    ) -> None:
        """Take over what a client asks for at creation or later, as far as it can be had.

        Raises the operation's status code when the filter does not fit the attribute.
        """
        self._passes = change_filter(self._aspace, self.read_value_id, parameters.Filter)
        wanted = parameters.SamplingInterval
        if not wanted >= 0:  # -1: that of the subscription; NaN likewise
            wanted = publishing_interval
        self._sampling_s = min(wanted, MAX_SAMPLING_INTERVAL) / 1000
        self.client_handle = parameters.ClientHandle
        self.queue_size = min(max(parameters.QueueSize, 1), MAX_QUEUE_SIZE)
        self._discard_oldest = parameters.DiscardOldest
        self._timestamps = timestamps
        while len(self.queue) > self.queue_size:
            self._drop()

    @property
    def sampling_interval(self) -> float:
        return self._sampling_s * 1000

    async def changed(
        self, _handle: int, value: ua.DataValue, error: ua.StatusCode | None = None
    ) -> None:
        """A new value has been written; asyncua's address space calls this."""
        if self.mode == ua.MonitoringMode.Disabled:
            return
        if self._sampling_s and not self._is_due(value):
            return
        self._take(value)

    def start(self) -> None:
        """The first value, which is always reported."""
        self._reported = None
        self._held = None
        item = self.read_value_id
        self._sampled = time.monotonic() // self._sampling_s if self._sampling_s else 0
        self._take(self._aspace.read_attribute_value(item.NodeId, item.AttributeId))

    def link(self, target: DataItem) -> None:
        self.links.add(target)
        target.linked_by.add(self)

    def unlink(self, target: DataItem) -> None:
        self.links.discard(target)
        target.linked_by.discard(self)

    def set_mode(self, mode: ua.MonitoringMode) -> None:
        """Change the monitoring mode (Part 4, 5.13.1.3)."""
        before, self.mode = self.mode, mode
        if mode == ua.MonitoringMode.Disabled:
            self.queue.clear()
            self._held = None
        elif before == ua.MonitoringMode.Disabled:
            self.start()
        self.announce()

    def announce(self) -> None:
        if self.queue and (self.triggered or self.mode == ua.MonitoringMode.Reporting):
            self._outbox.ready(self)

    def sample_held(self, now: float) -> bool:
        """Report what was held back once its sampling interval is over; False: not yet."""
        value = self._held
        if value is None:
            return True
        if now // self._sampling_s <= self._sampled:
            return False
        self._sampled += 1
        self._held = None
        self._take(value)
        return True

    def _is_due(self, value: ua.DataValue) -> bool:
        """At most one value for each sampling interval; the newest of the others is held back."""
        now = time.monotonic()
        self.sample_held(now)
        slot = now // self._sampling_s
        if slot > self._sampled:
            self._sampled = slot
            return True
        if self._held is None:
            self._outbox.holding(self)
        self._held = value
        return False

    def _take(self, value: ua.DataValue) -> None:
        if not self._whole:
            value = self._part(value)
        if self._reported is not None and not self._passes(self._reported, value):
            return
        self._reported = value
        if self._timestamps != ua.TimestampsToReturn.Both or value.ServerTimestamp is None:
            now = datetime.now(UTC)
            value = stamped(value, self._timestamps, self.read_value_id.AttributeId, now)
        self._enqueue(value)
        if self.mode == ua.MonitoringMode.Reporting:
            self._outbox.ready(self)
        for linked in self.links:
            linked.triggered = True
            linked.announce()

    def _part(self, value: ua.DataValue) -> ua.DataValue:
        try:
            return part_of(value, self._span, self.read_value_id)
        except uaerrors.UaStatusCodeError as error:
            return dataclasses.replace(value, Value=None, StatusCode=code(error.code))

    def _enqueue(self, value: ua.DataValue) -> None:
        self.queue.append(value)
        if len(self.queue) > self.queue_size:
            self._drop()

    def _drop(self) -> None:
        """Lose one value and say so where it was lost (Part 4, 5.13.1.5)."""
        queue = self.queue
        if self._discard_oldest:
            queue.popleft()
            edge = 0
        else:
            newest = queue.pop()
            queue[-1] = newest
            edge = -1
        self._outbox.overflowed()
        if self.queue_size > 1:
            status = queue[edge].StatusCode
            marked = code((status.value if status else 0) | OVERFLOW)
            queue[edge] = dataclasses.replace(queue[edge], StatusCode=marked)
