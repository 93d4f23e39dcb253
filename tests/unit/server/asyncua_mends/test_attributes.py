"""Read and Write of parts, and with the timestamps that were asked for."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from asyncua import ua
from asyncua.server.address_space import AddressSpace, AttributeService, AttributeValue

from opcua_ai.server.asyncua_mends.attributes import Attributes
from opcua_ai.server.values import node_id

NODE = node_id("value", 2)
SOURCE, SERVER = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)
T = ua.TimestampsToReturn
CODES = ua.StatusCodes


@pytest.fixture
def array(aspace: AddressSpace) -> AddressSpace:
    variant = ua.Variant([1, 2, 3], ua.VariantType.Int32)
    value = ua.DataValue(variant, ua.StatusCode(), SOURCE, SERVER)
    aspace[NODE].attributes[ua.AttributeIds.Value] = AttributeValue(value)
    return aspace


def read(kind: type[AttributeService], space: AddressSpace, wanted: Any, **item: Any) -> Any:
    what = ua.ReadValueId(NodeId=NODE, AttributeId=ua.AttributeIds.Value, **item)
    params = ua.ReadParameters(TimestampsToReturn=wanted, NodesToRead=[what])
    return kind(space).read(params)[0]


@pytest.mark.parametrize(
    ("wanted", "source", "server"),
    [
        (T.Source, SOURCE, None),
        (T.Server, None, SERVER),
        (T.Both, SOURCE, SERVER),
        (T.Neither, None, None),
    ],
)
def test_timestamps(array: AddressSpace, wanted: Any, source: Any, server: Any) -> None:
    found = read(Attributes, array, wanted)
    assert (found.SourceTimestamp, found.ServerTimestamp) == (source, server)
    plain = read(AttributeService, array, wanted)
    assert (plain.SourceTimestamp, plain.ServerTimestamp) == (SOURCE, SERVER)


def test_a_value_without_server_time_has_that_of_its_reading(aspace: AddressSpace) -> None:
    before = datetime.now(UTC)
    found = read(Attributes, aspace, T.Both)
    assert before <= found.ServerTimestamp <= datetime.now(UTC)
    assert found.SourceTimestamp is None


def test_index_range(array: AddressSpace) -> None:
    assert read(Attributes, array, T.Both, IndexRange="1:2").Value.Value == [2, 3]
    assert read(Attributes, array, T.Both, IndexRange="3").StatusCode.value == (
        CODES.BadIndexRangeNoData
    )
    assert read(Attributes, array, T.Both, IndexRange="x").StatusCode.value == (
        CODES.BadIndexRangeInvalid
    )
    assert read(AttributeService, array, T.Both, IndexRange="1:2").Value.Value == [1, 2, 3]


def test_a_data_encoding_is_for_structures(array: AddressSpace) -> None:
    xml = ua.QualifiedName("Default XML")
    found = read(Attributes, array, T.Both, DataEncoding=xml)
    assert found.StatusCode.value == CODES.BadDataEncodingInvalid
    assert read(AttributeService, array, T.Both, DataEncoding=xml).StatusCode.is_good()
    limits = ua.ReadValueId(
        NodeId=node_id("range", 2), AttributeId=ua.AttributeIds.Value, DataEncoding=xml
    )
    (found,) = Attributes(array).read(ua.ReadParameters(NodesToRead=[limits]))
    assert found.StatusCode.value == CODES.BadDataEncodingUnsupported
    limits.DataEncoding = ua.QualifiedName("Default Binary")
    (found,) = Attributes(array).read(ua.ReadParameters(NodesToRead=[limits]))
    assert found.Value.Value == ua.Range(0.0, 200.0)


async def write(service: AttributeService, span: str, value: list[int]) -> ua.StatusCode:
    new = ua.DataValue(ua.Variant(value, ua.VariantType.Int32))
    item = ua.WriteValue(NODE, ua.AttributeIds.Value, span, new)
    return (await service.write(ua.WriteParameters([item])))[0]


async def test_writes_into_an_index_range(array: AddressSpace) -> None:
    assert (await write(Attributes(array), "1", [9])).is_good()
    assert read(Attributes, array, T.Both).Value.Value == [1, 9, 3]
    status = await write(Attributes(array), "1:2", [9])
    assert status.value == CODES.BadIndexRangeDataMismatch
    await write(AttributeService(array), "1", [9])
    assert read(Attributes, array, T.Both).Value.Value == [9]
