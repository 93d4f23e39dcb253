"""The HistoryRead service as an asyncua client sees it: nodes, refusals, points, files."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from asyncua import Client, ua

from opcua_ai.core import status as codes
from opcua_ai.core.config import History
from opcua_ai.core.types import NS, Prediction
from opcua_ai.server.advisory import AdvisoryServer
from opcua_ai.server.history.events import EventCodec
from opcua_ai.server.occurrence import Occurrence
from opcua_ai.sources.recording import Options
from opcua_ai.sources.recording import Source as Recording
from tests.integration.server.history.recorded import (
    COUNT,
    INPUTS,
    LOAD,
    START,
    written,
)

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(loop_scope="session")
async def client(server: AdvisoryServer) -> AsyncIterator[Client]:
    async with Client(server.endpoint, timeout=10) as connected:
        yield connected


def node_of(index: int, path: str = LOAD) -> ua.NodeId:
    return ua.NodeId(path, index)


async def read(client: Client, details: Any, *nodes: ua.HistoryReadValueId, **more: Any) -> Any:
    parameters = ua.HistoryReadParameters(
        HistoryReadDetails=details, NodesToRead=list(nodes),
        **({"ReleaseContinuationPoints": False} | more),
    )  # fmt: skip
    return await client.uaclient.history_read(parameters)


async def index_of(client: Client) -> int:
    return await client.get_namespace_index("urn:opcua-ai:advisory")


def raw(number: int = 0, **more: Any) -> ua.ReadRawModifiedDetails:
    begin = datetime.fromtimestamp(START, UTC)
    return ua.ReadRawModifiedDetails(
        **({"IsReadModified": False, "StartTime": begin, "EndTime": begin + timedelta(seconds=100),
            "NumValuesPerNode": number, "ReturnBounds": False} | more)
    )  # fmt: skip


async def test_what_clients_see_of_a_historical_node(client: Client) -> None:
    index = await index_of(client)
    node = client.get_node(node_of(index))
    assert await node.get_access_level() == {ua.AccessLevel.CurrentRead, ua.AccessLevel.HistoryRead}
    assert (await node.read_attribute(ua.AttributeIds.Historizing)).Value.Value is True
    (configuration,) = await node.get_referenced_nodes(ua.ObjectIds.HasHistoricalConfiguration)
    assert await (await configuration.get_child("0:Stepped")).read_value() is False
    server = client.get_node(ua.ObjectIds.Server)
    notifier = (await server.read_attribute(ua.AttributeIds.EventNotifier)).Value.Value
    assert notifier & 4
    capable = client.get_node(ua.ObjectIds.HistoryServerCapabilities_AccessHistoryDataCapability)
    assert await capable.read_value() is True
    folder = client.get_node(ua.ObjectIds.HistoryServerCapabilities_AggregateFunctions)
    names = {(await child.read_browse_name()).Name for child in await folder.get_children()}
    assert names == {"Interpolative", "Average", "TimeAverage", "Minimum", "Maximum", "Count"}


async def test_health_of_the_history(server: AdvisoryServer, client: Client) -> None:
    await server.beat()
    index = await index_of(client)
    root = "AIAdvisory/History"
    figures = {
        name: await client.get_node(node_of(index, f"{root}/{name}")).read_value()
        for name in ("State", "StateMessage", "Values", "Dropped", "Size")
    }
    assert figures["State"] == "Running"
    assert figures["StateMessage"] == ""
    assert figures["Values"] >= 3 * COUNT
    assert figures["Dropped"] == 0
    assert figures["Size"] > 0


@pytest.mark.parametrize(
    ("value", "details", "more", "wanted"),
    [
        ({"NodeId": ua.NodeId("nowhere", 0)}, raw(), {}, "BadNodeIdUnknown"),
        ({"NodeId": ua.NodeId(2258, 0)}, raw(), {}, "BadHistoryOperationUnsupported"),
        ({"IndexRange": "1:2"}, raw(), {}, "BadIndexRangeNoData"),
        ({"IndexRange": "x"}, raw(), {}, "BadIndexRangeInvalid"),
        ({"ContinuationPoint": b"invented"}, raw(), {}, "BadContinuationPointInvalid"),
        ({}, raw(IsReadModified=True), {}, "BadHistoryOperationUnsupported"),
        (
            {},
            raw(),
            {"TimestampsToReturn": ua.TimestampsToReturn.Server},
            "BadTimestampNotSupported",
        ),
        ({}, ua.ReadProcessedDetails(AggregateType=[ua.NodeId(1)]), {}, "BadAggregateNotSupported"),
    ],
)
async def test_refusals_of_a_node(
    client: Client, value: dict[str, Any], details: Any, more: dict[str, Any], wanted: str
) -> None:
    asked = {"NodeId": node_of(await index_of(client))} | value
    (result,) = await read(client, details, ua.HistoryReadValueId(**asked), **more)
    assert result.StatusCode.name == wanted


async def test_refusals_of_a_request(client: Client) -> None:
    value = ua.HistoryReadValueId(NodeId=node_of(await index_of(client)))
    with pytest.raises(ua.UaStatusCodeError, match="BadTimestampsToReturnInvalid"):
        await read(client, raw(), value, TimestampsToReturn=ua.TimestampsToReturn.Neither)
    with pytest.raises(ua.UaStatusCodeError, match="BadTooManyOperations"):
        await read(client, raw(), *[value] * 101)
    with pytest.raises(ua.UaStatusCodeError, match="BadNothingToDo"):
        await read(client, raw())
    mismatch = ua.ReadProcessedDetails(AggregateType=[])
    with pytest.raises(ua.UaStatusCodeError, match="BadAggregateListMismatch"):
        await read(client, mismatch, value)


async def test_a_node_that_is_refused_takes_its_aggregate_along(client: Client) -> None:
    secret = ua.HistoryReadValueId(NodeId=ua.NodeId(ua.ObjectIds.ServerConfiguration))
    load = ua.HistoryReadValueId(NodeId=node_of(await index_of(client)))
    begin = datetime.fromtimestamp(START, UTC)
    average, maximum, count = ua.NodeId(2342), ua.NodeId(2347), ua.NodeId(2352)

    def asked(*kinds: ua.NodeId) -> ua.ReadProcessedDetails:
        return ua.ReadProcessedDetails(begin, begin + timedelta(seconds=10), 0, list(kinds))

    nodes = secret, load, secret, load
    results = await read(client, asked(average, maximum, average, count), *nodes)
    assert [result.StatusCode.name for result in results[::2]] == ["BadUserAccessDenied"] * 2
    assert [result.HistoryData.DataValues[0].Value.Value for result in results[1::2]] == [9.0, 10]
    # as many aggregates as there are nodes that are not refused are still too few
    with pytest.raises(ua.UaStatusCodeError, match="BadAggregateListMismatch"):
        await read(client, asked(maximum), secret, load)


async def test_points_belong_to_their_session_and_old_ones_give_way(
    server: AdvisoryServer, client: Client
) -> None:
    index = await index_of(client)
    value = ua.HistoryReadValueId(NodeId=node_of(index))
    points = []
    for _ in range(101):
        (result,) = await read(client, raw(1), value)
        points.append(result.ContinuationPoint)

    def going_on(point: bytes) -> ua.HistoryReadValueId:
        return ua.HistoryReadValueId(NodeId=node_of(index), ContinuationPoint=point)

    (oldest,) = await read(client, raw(1), going_on(points[0]))
    assert oldest.StatusCode.name == "BadContinuationPointInvalid"
    async with Client(server.endpoint, timeout=10) as other:
        (stolen,) = await read(other, raw(1), going_on(points[-1]))
        assert stolen.StatusCode.name == "BadContinuationPointInvalid"
    (own,) = await read(client, raw(1), going_on(points[-1]))
    assert own.HistoryData.DataValues[0].Value.Value == 1.0


async def test_chosen_inputs_are_kept_and_read(settings: Any, model: Any, tmp_path: Path) -> None:
    rows = "".join(f"{START + n},{n},{2 * n}\n" for n in range(50))
    (tmp_path / "plant.csv").write_text("time,Line/T1,Line/secret\n" + rows)
    played = Recording(Options(file=tmp_path / "plant.csv", speed=float("inf")), "plant")
    everybody = settings(allow_none=True, allow_anonymous=True)
    history = History(folder=tmp_path / "history", inputs=["plant/*/T*"])
    server = AdvisoryServer(everybody, history)
    source = server.recorded("plant", played)
    passed_on: list[Any] = []
    await source.connect()
    await server.start([model()], ["plant"])
    try:
        playing = asyncio.create_task(source.run(passed_on.append))
        await written(server, 51)  # the recording ends with one that says so
        playing.cancel()
        async with Client(server.endpoint, timeout=10) as client:
            node = client.get_node(node_of(await index_of(client), f"{INPUTS}/plant/Line/T1"))
            begin = datetime.fromtimestamp(START, UTC)
            found = await node.read_raw_history(begin, begin + timedelta(seconds=50))
            access = await node.get_access_level()
            names = [
                (await c.read_browse_name()).Name
                for c in await (await node.get_parent()).get_children()
            ]
        assert [value.Value.Value for value in found] == [*map(float, range(50)), None, None]
        names_of_status = [value.StatusCode.name for value in found[-2:]]
        assert names_of_status == ["BadNoData", "BadBoundNotFound"]
        assert access == {ua.AccessLevel.HistoryRead}
        assert names == ["T1"]
        assert len(passed_on) == 51
        assert source.tags == played.tags
    finally:
        await server.stop()


async def test_events_survive_a_restart_with_other_namespaces(tmp_path: Path) -> None:
    condition = ua.NodeId("line1/fault", 2)
    fields = {
        "ConditionId": ua.Variant(condition, ua.VariantType.NodeId),
        "Time": ua.Variant(datetime.fromtimestamp(START, UTC), ua.VariantType.DateTime),
        "Severity": ua.Variant(700, ua.VariantType.UInt16),
        "Comment": ua.Variant(),
    }
    own = "urn:opcua-ai:advisory"
    before = EventCodec(["http://opcfoundation.org/UA/", "urn:server", own])
    kept = before.encode(Occurrence(fields, frozenset({condition})))
    after = EventCodec(["http://opcfoundation.org/UA/", "urn:server", "urn:new", own])
    read_again = after.decode(kept.fields).fields
    assert read_again["ConditionId"].Value == ua.NodeId("line1/fault", 3)
    assert {path: read_again[path].Value for path in ("Time", "Severity", "Comment")} == {
        path: fields[path].Value for path in ("Time", "Severity", "Comment")
    }
    assert kept.notifiers == [f"nsu={own};s=line1/fault"]


async def test_audit_events_are_nobodys_history(server: AdvisoryServer) -> None:
    history = server._history
    assert history is not None
    before = history._recorder._count + history._recorder.health.written
    event = {"Time": ua.Variant(datetime.now(UTC)), "EventType": ua.Variant(ua.NodeId(2052))}
    event["SourceNode"] = ua.Variant(ua.NodeId(2253))
    history.occurred(Occurrence(event, frozenset({ua.NodeId(2253)})))
    assert history._recorder._count + history._recorder.health.written == before


async def test_without_a_history_every_node_is_refused(
    opened: AdvisoryServer,
) -> None:
    async with Client(opened.endpoint, timeout=10) as client:
        value = ua.HistoryReadValueId(NodeId=node_of(await index_of(client)))
        (result,) = await read(client, raw(), value)
        assert result.StatusCode.name == "BadHistoryOperationUnsupported"


async def test_a_damaged_file_is_said_and_the_server_goes_on(
    settings: Any, model: Any, result: Any, tmp_path: Path
) -> None:
    (tmp_path / "history.db").write_bytes(b"no database" * 1000)
    everybody = settings(allow_none=True, allow_anonymous=True)
    server = AdvisoryServer(everybody, History(folder=tmp_path))
    await server.start([model()], ["plant"])
    try:
        await server.publish(result(Prediction("load", 1.0, codes.GOOD, START * NS)))
        await server.beat()
        async with Client(server.endpoint, timeout=10) as client:
            index = await index_of(client)
            assert await client.get_node(node_of(index)).read_value() == 1.0
            state = client.get_node(node_of(index, "AIAdvisory/History/StateMessage"))
            assert "the file is damaged" in await state.read_value()
            value = ua.HistoryReadValueId(NodeId=node_of(index))
            (answer,) = await read(client, raw(), value)
            assert answer.StatusCode.name == "BadDataUnavailable"
    finally:
        await server.stop()
