"""The MonitoredItem services of one subscription (Part 4, 5.13).

asyncua ignores most of what ModifyMonitoredItems asks for, fails on an unknown id instead of
answering it, has no triggering, and searches all items to delete one.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from asyncua import ua
from asyncua.server.address_space import AddressSpace
from asyncua.server.monitored_item_service import MonitoredItemService
from asyncua.ua import uaerrors

from opcua_ai.server.asyncua_mends import filters, timestamps
from opcua_ai.server.asyncua_mends.attributes import part_of
from opcua_ai.server.asyncua_mends.event_items import EventItem
from opcua_ai.server.asyncua_mends.monitored_items import DataItem
from opcua_ai.server.asyncua_mends.numeric_range import NumericRange
from opcua_ai.server.values import code

if TYPE_CHECKING:
    from opcua_ai.server.asyncua_mends.publishing import Subscription

Item = DataItem | EventItem


class MonitoredItems(MonitoredItemService):
    """Items for data changes are :class:`DataItem`; those for events :class:`EventItem`."""

    isub: Subscription  # type: ignore[assignment]
    _monitored_items: dict[int, Item]  # type: ignore[assignment]

    def __init__(self, isub: Subscription, aspace: AddressSpace) -> None:
        super().__init__(isub, aspace)
        self._timestamps = ua.TimestampsToReturn.Both

    async def create_monitored_items(
        self, params: ua.CreateMonitoredItemsParameters
    ) -> list[ua.MonitoredItemCreateResult]:
        timestamps.check(params.TimestampsToReturn)
        self._timestamps = params.TimestampsToReturn
        return await super().create_monitored_items(params)

    def modify_monitored_items(
        self, params: ua.ModifyMonitoredItemsParameters
    ) -> list[ua.MonitoredItemModifyResult]:
        timestamps.check(params.TimestampsToReturn)
        self._timestamps = params.TimestampsToReturn
        return super().modify_monitored_items(params)

    def _create_events_monitored_item(
        self, params: ua.MonitoredItemCreateRequest
    ) -> ua.MonitoredItemCreateResult:
        try:
            filters.check(params.RequestedParameters.Filter)
        except uaerrors.UaStatusCodeError as error:
            return ua.MonitoredItemCreateResult(StatusCode=code(error.code))
        return super()._create_events_monitored_item(params)

    def _make_monitored_item_common(
        self, params: ua.MonitoredItemCreateRequest
    ) -> tuple[ua.MonitoredItemCreateResult, EventItem]:
        """asyncua asks this for the item of an event filter."""
        self._monitored_item_counter += 1
        item = EventItem(params, self._monitored_item_counter)
        result = ua.MonitoredItemCreateResult(
            MonitoredItemId=item.monitored_item_id,
            RevisedQueueSize=item.queue_size,  # type: ignore[arg-type]
        )
        return result, item

    async def _create_data_change_monitored_item(
        self, params: ua.MonitoredItemCreateRequest
    ) -> ua.MonitoredItemCreateResult:
        try:
            item = self._data_item(params)
        except uaerrors.UaStatusCodeError as error:
            return ua.MonitoredItemCreateResult(StatusCode=code(error.code))
        self._monitored_item_counter += 1
        item.monitored_item_id = self._monitored_item_counter
        target = item.read_value_id
        _, item.callback_handle = self.aspace.add_datachange_callback(
            target.NodeId, target.AttributeId, item.changed
        )
        self._monitored_items[item.monitored_item_id] = item
        if item.mode != ua.MonitoringMode.Disabled:
            item.start()
        return ua.MonitoredItemCreateResult(
            MonitoredItemId=item.monitored_item_id,
            RevisedSamplingInterval=item.sampling_interval,  # type: ignore[arg-type]
            RevisedQueueSize=item.queue_size,  # type: ignore[arg-type]
        )

    def _data_item(self, params: ua.MonitoredItemCreateRequest) -> DataItem:
        target = params.ItemToMonitor
        node = self.aspace.get(target.NodeId)
        if node is None:
            raise uaerrors.BadNodeIdUnknown
        if target.AttributeId not in node.attributes:
            raise uaerrors.BadAttributeIdInvalid
        item = DataItem(self.aspace, params, self.isub)
        try:
            value = self.aspace.read_attribute_value(target.NodeId, target.AttributeId)
            part_of(value, NumericRange.parse(target.IndexRange), target)
        except uaerrors.BadIndexRangeNoData:
            pass  # A later value may be long enough.
        interval = self.isub.data.RevisedPublishingInterval
        item.configure(params.RequestedParameters, self._timestamps, interval)
        return item

    def _modify_monitored_item(
        self, params: ua.MonitoredItemModifyRequest
    ) -> ua.MonitoredItemModifyResult:
        item = self._monitored_items.get(params.MonitoredItemId)
        wanted = params.RequestedParameters
        if item is None:
            unknown = code(ua.StatusCodes.BadMonitoredItemIdInvalid)
            return ua.MonitoredItemModifyResult(StatusCode=unknown)
        try:
            self._configure(item, wanted)
        except uaerrors.UaStatusCodeError as error:
            return ua.MonitoredItemModifyResult(StatusCode=code(error.code))
        return ua.MonitoredItemModifyResult(
            RevisedSamplingInterval=item.sampling_interval,  # type: ignore[arg-type]
            RevisedQueueSize=item.queue_size,  # type: ignore[arg-type]
        )

    def _configure(self, item: Item, wanted: ua.MonitoringParameters) -> None:
        if isinstance(item, DataItem):
            item.configure(wanted, self._timestamps, self.isub.data.RevisedPublishingInterval)
            return
        if wanted.Filter is not None:
            filters.check(wanted.Filter)
        item.configure(wanted)

    async def _set_monitoring_mode(self, mode: ua.MonitoringMode, mid: int) -> ua.StatusCode:
        item = self._monitored_items.get(mid)
        if item is None:
            return code(ua.StatusCodes.BadMonitoredItemIdInvalid)
        item.set_mode(mode)
        return ua.StatusCode()

    def _delete_monitored_items(self, mid: int) -> ua.StatusCode:
        item = self._monitored_items.get(mid)
        if item is not None:
            self.isub.forget(item)
        if not isinstance(item, DataItem):
            return super()._delete_monitored_items(mid)
        del self._monitored_items[mid]
        self.aspace.delete_datachange_callback(item.callback_handle or 0)
        for source in list(item.linked_by):
            source.unlink(item)
        return ua.StatusCode()

    def set_triggering(self, params: ua.SetTriggeringParameters) -> ua.SetTriggeringResult:
        """Link items to one that triggers their report (Part 4, 5.13.5)."""
        source = self._monitored_items.get(params.TriggeringItemId)
        if not isinstance(source, DataItem):
            raise uaerrors.BadMonitoredItemIdInvalid
        return ua.SetTriggeringResult(
            RemoveResults=[self._unlink(source, mid) for mid in params.LinksToRemove],
            AddResults=[self._link(source, mid) for mid in params.LinksToAdd],
        )

    def _link(self, source: DataItem, mid: int) -> ua.StatusCode:
        target = self._monitored_items.get(mid)
        if not isinstance(target, DataItem):
            return code(ua.StatusCodes.BadMonitoredItemIdInvalid)
        source.link(target)
        return ua.StatusCode()

    def _unlink(self, source: DataItem, mid: int) -> ua.StatusCode:
        target = self._monitored_items.get(mid)
        if not isinstance(target, DataItem) or target not in source.links:
            return code(ua.StatusCodes.BadMonitoredItemIdInvalid)
        source.unlink(target)
        return ua.StatusCode()

    def resend(self) -> None:
        """Current values of all items that report, for a new owner (Part 4, 5.14.7)."""
        for item in self._data_items():
            if item.mode == ua.MonitoringMode.Reporting and not item.queue:
                item.start()

    def _data_items(self) -> Iterable[DataItem]:
        return (item for item in self._monitored_items.values() if isinstance(item, DataItem))
