"""Queues, sampling, modes and triggering of items for data changes (Part 4, 5.13)."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from asyncua import ua

from opcua_ai.server.asyncua_mends.monitored_items import OVERFLOW
from opcua_ai.server.values import node_id

NODE = node_id("value", 2)
MODE = ua.MonitoringMode
CODES = ua.StatusCodes


def statuses(values: list[ua.DataValue]) -> list[int]:
    return [v.StatusCode.value if v.StatusCode else 0 for v in values]


async def modify(watcher: Any, item: int, **wanted: Any) -> ua.MonitoredItemModifyResult:
    request = ua.MonitoredItemModifyRequest(
        item, ua.MonitoringParameters(**({"Filter": None} | wanted))
    )
    number = watcher.subscription.data.SubscriptionId
    params = ua.ModifyMonitoredItemsParameters(number, ua.TimestampsToReturn.Both, [request])
    (result,) = watcher.service.modify_monitored_items(params)
    return result


async def test_a_queue_of_nothing_is_a_queue_of_one(watching: Any) -> None:
    async with watching() as mended, watching(plain=True) as plain:
        assert (await mended.monitor(QueueSize=0)).RevisedQueueSize == 1
        assert (await plain.monitor(QueueSize=0)).RevisedQueueSize == 10_000
        await mended.write(1.0, 2.0, 3.0)
        (value,) = await mended.published()
        assert value.Value.Value == 3.0
        assert value.StatusCode.value == CODES.Good  # a queue of one has no overflow bit


async def test_overflow_when_the_oldest_is_lost(watching: Any) -> None:
    async with watching() as mended, watching(plain=True) as plain:
        for watcher in (mended, plain):
            await watcher.monitor(QueueSize=2, DiscardOldest=True)
            await watcher.published()
        await mended.write(1.0, 2.0, 3.0, 4.0)
        lost = await mended.published()
        assert [v.Value.Value for v in lost] == [3.0, 4.0]
        assert statuses(lost) == [OVERFLOW, 0]
        await mended.write(5.0)
        assert statuses(await mended.published()) == [0]
        await plain.write(1.0, 2.0, 3.0, 4.0)
        await plain.published()
        seen = [value for result in plain.results for value in _changes(result)]
        assert set(statuses(seen)) == {0}


async def test_overflow_when_the_newest_is_lost(watching: Any) -> None:
    async with watching() as mended:
        await mended.monitor(QueueSize=3, DiscardOldest=False)
        await mended.published()
        await mended.write(1.0, 2.0, 3.0, 4.0, 5.0)
        kept = await mended.published()
        assert [v.Value.Value for v in kept] == [1.0, 2.0, 5.0]
        assert statuses(kept) == [0, 0, OVERFLOW]


async def test_a_shared_value_is_not_marked(watching: Any, aspace: Any) -> None:
    async with watching() as mended:
        await mended.monitor(QueueSize=2)
        await mended.monitor(QueueSize=9)
        await mended.published()
        await mended.write(1.0, 2.0, 3.0)
        assert sorted(statuses(await mended.published())) == [0, 0, 0, 0, OVERFLOW]
        current = aspace.read_attribute_value(NODE, ua.AttributeIds.Value)
        assert current.StatusCode.is_good()


async def test_values_are_shared_not_copied(watching: Any, aspace: Any) -> None:
    async with watching() as mended, watching(plain=True) as plain:
        for watcher in (mended, plain):
            await watcher.monitor()
        await mended.published()
        value = ua.DataValue(ua.Variant(7.0, ua.VariantType.Double))
        value.ServerTimestamp = ua.DateTime.now(ua.uatypes.timezone.utc)
        await mended.write(value)
        (seen,) = await mended.published()
        assert seen is value
        (item,) = plain.subscription.monitored_item_srv._monitored_items.values()
        assert item.mvalue.current_dvalue is not value


async def test_modify_takes_effect(watching: Any) -> None:
    async with watching() as mended:
        created = await mended.monitor(QueueSize=5, ClientHandle=1)
        await mended.published()
        await mended.write(1.0, 2.0, 3.0)
        deadband = ua.DataChangeFilter(
            ua.DataChangeTrigger.StatusValue, ua.DeadbandType.Absolute, 10.0
        )
        result = await modify(
            mended, created.MonitoredItemId, QueueSize=2, ClientHandle=7, Filter=deadband,
            SamplingInterval=0.0,
        )  # fmt: skip
        assert (result.RevisedQueueSize, result.RevisedSamplingInterval) == (2, 0.0)
        kept = await mended.published()
        assert [v.Value.Value for v in kept] == [2.0, 3.0]
        assert statuses(kept) == [OVERFLOW, 0]
        await mended.write(9.0, 14.0)
        assert await mended.numbers() == [14.0]
        (change,) = mended.results[-1].NotificationMessage.NotificationData
        assert change.MonitoredItems[0].ClientHandle == 7


async def test_modify_of_an_unknown_item(watching: Any) -> None:
    async with watching() as mended, watching(plain=True) as plain:
        result = await modify(mended, 9999)
        assert result.StatusCode.value == CODES.BadMonitoredItemIdInvalid
        with pytest.raises(TypeError):
            await modify(plain, 9999)


async def test_a_filter_that_does_not_fit_changes_nothing(watching: Any) -> None:
    async with watching() as mended:
        created = await mended.monitor()
        bad = ua.DataChangeFilter(ua.DataChangeTrigger.StatusValue, ua.DeadbandType.Percent, 200.0)
        result = await modify(mended, created.MonitoredItemId, Filter=bad, QueueSize=1)
        assert result.StatusCode.value == CODES.BadDeadbandFilterInvalid
        await mended.published()
        await mended.write(1.0, 2.0)
        assert await mended.numbers() == [1.0, 2.0]


async def test_sampling_queues_and_reporting_sends(watching: Any) -> None:
    async with watching() as mended, watching(plain=True) as plain:
        ids = [(await w.monitor(mode=MODE.Sampling)).MonitoredItemId for w in (mended, plain)]
        await mended.write(1.0)
        assert await mended.published() == []
        assert any(r.NotificationMessage.NotificationData for r in plain.results)
        number = mended.subscription.data.SubscriptionId
        params = ua.SetMonitoringModeParameters(number, MODE.Reporting, ids[:1])
        await mended.service.set_monitoring_mode(params)
        assert await mended.numbers() == [0.0, 1.0]
        params.MonitoringMode = MODE.Disabled
        await mended.service.set_monitoring_mode(params)
        await mended.write(2.0)
        assert await mended.published() == []
        params.MonitoringMode = MODE.Reporting
        await mended.service.set_monitoring_mode(params)
        assert await mended.numbers() == [2.0]


async def test_one_value_for_each_sampling_interval(watching: Any) -> None:
    async with watching() as mended:
        await mended.monitor(SamplingInterval=100.0)
        await mended.published()
        begin = time.monotonic()
        for value in range(1, 31):
            await mended.write(float(value))
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.15)
        intervals = (time.monotonic() - begin) / 0.1  # more than planned on a busy machine
        seen = [v.Value.Value for r in mended.results for v in _changes(r)]
        assert 3 <= len(seen) <= intervals + 2
        assert seen[-1] == 30.0


def _changes(result: ua.PublishResult) -> list[ua.DataValue]:
    notifications = result.NotificationMessage.NotificationData
    return [item.Value for change in notifications for item in change.MonitoredItems]


@pytest.mark.parametrize(("wanted", "revised"), [(-1.0, 20.0), (0.0, 0.0), (1e12, 3_600_000.0)])
async def test_the_sampling_interval_is_revised(
    watching: Any, wanted: float, revised: float
) -> None:
    async with watching() as mended:
        created = await mended.monitor(SamplingInterval=wanted)
        assert created.RevisedSamplingInterval == revised


async def test_a_part_of_an_array(watching: Any, aspace: Any) -> None:
    def array(*values: float) -> ua.DataValue:
        return ua.DataValue(ua.Variant(list(values), ua.VariantType.Double))

    async with watching() as mended, watching(plain=True) as plain:
        await mended.write(array(1.0, 2.0, 3.0))
        for watcher in (mended, plain):
            await watcher.monitor(IndexRange="1:2")
        await mended.write(array(9.0, 2.0, 3.0), array(9.0, 5.0, 6.0), array(0.0))
        first, second, third = await mended.published()
        assert [first.Value.Value, second.Value.Value] == [[2.0, 3.0], [5.0, 6.0]]
        assert third.StatusCode.value == CODES.BadIndexRangeNoData
        invalid = await mended.monitor(IndexRange="2:1")
        assert invalid.StatusCode.value == CODES.BadIndexRangeInvalid
        assert len(_changes(plain.results[0])[0].Value.Value) == 3


async def test_timestamps(watching: Any) -> None:
    async with watching() as mended:
        await mended.monitor(timestamps=ua.TimestampsToReturn.Server)
        (value,) = await mended.published()
        assert value.ServerTimestamp is not None
        assert value.SourceTimestamp is None
        with pytest.raises(ua.uaerrors.BadTimestampsToReturnInvalid):
            await mended.monitor(timestamps=ua.TimestampsToReturn.Invalid)


async def test_an_item_triggers_others(watching: Any, aspace: Any) -> None:
    async with watching() as mended:
        number = mended.subscription.data.SubscriptionId
        source = (await mended.monitor(QueueSize=1)).MonitoredItemId
        other = node_id("range", 2)
        linked = (await mended.monitor(node=other, mode=MODE.Sampling)).MonitoredItemId
        items = mended.subscription.monitored_item_srv
        links = ua.SetTriggeringParameters(number, source, [linked, 999], [])
        result = items.set_triggering(links)
        assert [s.value for s in result.AddResults] == [0, CODES.BadMonitoredItemIdInvalid]
        assert len(await mended.published()) == 1
        await mended.write(1.0)
        assert len(await mended.published()) == 2
        result = items.set_triggering(ua.SetTriggeringParameters(number, source, [], [linked]))
        assert [s.value for s in result.RemoveResults] == [0]
        limits = ua.Variant(ua.Range(0.0, 5.0), ua.VariantType.ExtensionObject)
        await aspace.write_attribute_value(other, ua.AttributeIds.Value, ua.DataValue(limits))
        await mended.write(2.0)
        assert len(await mended.published()) == 1


async def test_a_deleted_item_is_gone(watching: Any, aspace: Any) -> None:
    async with watching() as mended:
        created = await mended.monitor(SamplingInterval=1000.0)
        await mended.write(1.0)
        number = mended.subscription.data.SubscriptionId
        params = ua.DeleteMonitoredItemsParameters(number, [created.MonitoredItemId, 999])
        gone, unknown = mended.service.delete_monitored_items(params)
        assert (gone.value, unknown.value) == (0, CODES.BadMonitoredItemIdInvalid)
        assert await mended.published() == []
        assert not aspace[NODE].attributes[ua.AttributeIds.Value].datachange_callbacks


@pytest.mark.parametrize(
    ("node", "attribute", "status"),
    [
        (node_id("gone", 2), ua.AttributeIds.Value, CODES.BadNodeIdUnknown),
        (NODE, ua.AttributeIds.Executable, CODES.BadAttributeIdInvalid),
    ],
)
async def test_nothing_to_monitor(watching: Any, node: Any, attribute: Any, status: int) -> None:
    async with watching() as mended:
        item = ua.ReadValueId(NodeId=node, AttributeId=attribute)
        request = ua.MonitoredItemCreateRequest(item, MODE.Reporting, ua.MonitoringParameters())
        number = mended.subscription.data.SubscriptionId
        (result,) = await mended.service.create_monitored_items(
            ua.CreateMonitoredItemsParameters(number, ua.TimestampsToReturn.Both, [request])
        )
        assert result.StatusCode.value == status
