"""Answers to Read are decoded as by asyncua, value by value.

Without picoseconds, which asyncua 2.1.0 writes and reads elsewhere than Part 6, 5.2.2.17 has them.
"""

import struct
from datetime import UTC, datetime

import numpy as np
import pytest
from asyncua import ua
from asyncua.common.utils import Buffer
from asyncua.ua.ua_binary import struct_to_binary
from hypothesis import given
from hypothesis import strategies as st

from opcua_ai.core.types import from_datetime
from opcua_ai.sources import _reads
from opcua_ai.sources._decode import block

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
NUMBERS = {
    ua.VariantType.Boolean: st.booleans(),
    ua.VariantType.Byte: st.integers(0, 255),
    ua.VariantType.Int16: st.integers(-(2**15), 2**15 - 1),
    ua.VariantType.UInt32: st.integers(0, 2**32 - 1),
    ua.VariantType.Int64: st.integers(-(2**63), 2**63 - 1),
    ua.VariantType.Float: st.floats(width=32),
    ua.VariantType.Double: st.floats(),
    ua.VariantType.String: st.text(max_size=5),
}
SCALARS = st.sampled_from([*NUMBERS]).flatmap(
    lambda kind: NUMBERS[kind].map(lambda value: ua.Variant(value, kind))
)
ARRAYS = st.lists(st.floats(), max_size=3).map(
    lambda values: ua.Variant(values, ua.VariantType.Double)
)
CODES = st.sampled_from([0, 0x40000000, 0x80310000])
VALUES = st.builds(
    ua.DataValue,
    st.none() | SCALARS | ARRAYS,
    CODES.map(lambda code: ua.StatusCode(ua.UInt32(code))),
    SourceTimestamp=st.none() | st.just(NOW),
    ServerTimestamp=st.just(NOW),
)


def body_of(values: list[ua.DataValue]) -> bytes:
    response = ua.ReadResponse()
    response.ResponseHeader.Timestamp = NOW
    response.Results = values
    return struct_to_binary(response)


@given(st.lists(VALUES, max_size=70))
def test_any_answer_is_decoded_as_by_asyncua(values):
    columns = [*range(3, 3 + len(values))]
    ours = _reads.decode(Buffer(body_of(values)), columns)
    theirs = block(columns, values)
    assert _reads.sent(Buffer(body_of(values))) == from_datetime(NOW)
    for name in ("column", "value", "status", "time"):
        np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name))


def test_plain_numbers_need_no_asyncua(monkeypatch):
    monkeypatch.setattr(_reads, "struct_from_binary", None)
    values = [ua.DataValue(ua.Variant(float(n)), SourceTimestamp=NOW) for n in range(100)]
    values[40:60] = [ua.DataValue(ua.Variant(n, ua.VariantType.Int16)) for n in range(20)]
    found = _reads.decode(Buffer(body_of(values)), range(100))
    assert found.value.tolist() == [*range(40), *range(20), *range(60, 100)]


def test_picoseconds_come_before_the_server_time():
    head = body_of([])[:28]
    moment = 116_444_736_000_000_000 + 10_000_000
    value = struct.pack("<BBdHqH", 0x39, 11, 2.5, 9, moment, 9)
    body = head + struct.pack("<i", 1) + value + struct.pack("<i", 0)
    found = _reads.decode(Buffer(body), [7])
    assert (found.value.tolist(), found.time.tolist()) == ([2.5], [10**9])


def test_what_makes_no_sense_is_an_error():
    body = body_of([ua.DataValue(ua.Variant(1.5)), ua.DataValue(ua.Variant(2.5))])
    with pytest.raises(ValueError, match="2 answers to 3 questions"):
        _reads.decode(Buffer(body), [0, 1, 2])
    for end in range(24, len(body) - 4):
        with pytest.raises(Exception, match="."):
            _reads.decode(Buffer(body[:end]), [0, 1])
