"""Answers to Publish and Republish: ours against asyncua's decoder.

The oracle is asyncua's ``struct_from_binary`` followed by the rules for one value. Two differences
are meant. Times: asyncua knows microseconds, ours hundreds of nanoseconds, so less than one
microsecond lies between them. Picoseconds: asyncua 2.1.0 writes and reads them after the server's
time, Part 6, 5.2.2.17 has them before; therefore the messages are put together by hand here, in the
order of Part 6, and the oracle gets them without picoseconds, which nothing else depends on.
"""

from __future__ import annotations

import struct
from unittest import mock
from uuid import UUID

import numpy as np
import pytest
from asyncua import ua
from asyncua.common.utils import Buffer
from asyncua.ua.ua_binary import struct_from_binary, struct_to_binary, variant_to_binary
from hypothesis import given, settings
from hypothesis import strategies as st

from opcua_ai.sources import _decode, _fast
from opcua_ai.wire import decoding

TICKS = 133_485_408_000_000_000
"""1 January 2024, in 100 ns since 1601."""
LATER = TICKS + 10_000_000
"""PublishTime of the messages."""
PUBLISHED = 1_704_067_201 * 10**9
SPAN = {
    ua.VariantType.SByte: (-(2**7), 2**7 - 1),
    ua.VariantType.Byte: (0, 2**8 - 1),
    ua.VariantType.Int16: (-(2**15), 2**15 - 1),
    ua.VariantType.UInt16: (0, 2**16 - 1),
    ua.VariantType.Int32: (-(2**31), 2**31 - 1),
    ua.VariantType.UInt32: (0, 2**32 - 1),
    ua.VariantType.Int64: (-(2**63), 2**63 - 1),
    ua.VariantType.UInt64: (0, 2**64 - 1),
}
MOMENTS = st.datetimes(ua.datetime(1971, 1, 1), ua.datetime(2200, 1, 1))
TEXT = st.text(st.characters(codec="utf-8"), max_size=8)
ELEMENT: dict[ua.VariantType, st.SearchStrategy] = {
    ua.VariantType.Boolean: st.booleans(),
    **{kind: st.integers(*span) for kind, span in SPAN.items()},
    ua.VariantType.Float: st.floats(width=32),
    ua.VariantType.Double: st.floats(),
    ua.VariantType.String: TEXT,
    ua.VariantType.DateTime: MOMENTS,
    ua.VariantType.Guid: st.binary(min_size=16, max_size=16).map(lambda b: UUID(bytes=b)),
    ua.VariantType.ByteString: st.binary(max_size=8),
    ua.VariantType.XmlElement: TEXT.map(ua.XmlElement),
    ua.VariantType.NodeId: st.builds(ua.NodeId, TEXT, st.integers(0, 3)),
    ua.VariantType.ExpandedNodeId: st.builds(ua.ExpandedNodeId, TEXT, st.integers(0, 3)),
    ua.VariantType.StatusCode: st.sampled_from([0, 0x80350000]).map(
        lambda code: ua.StatusCode(ua.UInt32(code))
    ),
    ua.VariantType.QualifiedName: st.builds(ua.QualifiedName, TEXT, st.integers(0, 3)),
    ua.VariantType.LocalizedText: st.builds(ua.LocalizedText, TEXT),
    ua.VariantType.ExtensionObject: st.builds(ua.Range, st.floats(0, 1), st.floats(0, 1)),
}
NUMBERS = [kind for kind in ELEMENT if kind.value <= 11]


@st.composite
def variants(draw: st.DrawFn, kinds: list[ua.VariantType]) -> ua.Variant:
    kind = draw(st.sampled_from(kinds))
    if kind in NUMBERS and draw(st.integers(0, 9)) < 9 or draw(st.booleans()):
        return ua.Variant(draw(ELEMENT[kind]), kind)
    values = draw(st.lists(ELEMENT[kind], max_size=4))
    if len(values) == 4 and draw(st.booleans()):
        return ua.Variant([values[:2], values[2:]], kind, [2, 2], is_array=True)
    return ua.Variant(values, kind, is_array=True)


CODES = st.sampled_from([0, 0x480, 0x40900000, 0x40900480, 0x80350000, 0x80310080, 0xFFFFFFFF])
TIMES = st.one_of(
    st.integers(TICKS, TICKS + 10**12),
    st.sampled_from([-(2**63), -1, 0, 1, _decode.EPOCH, _decode.LATEST, 2**63 - 1]),
)


@st.composite
def items(draw: st.DrawFn, kinds: list[ua.VariantType]) -> tuple[bytes, bytes]:
    """One MonitoredItemNotification: as Part 6 has it, and without picoseconds for asyncua."""
    mask = draw(st.sampled_from([0x0D, 0x0D, 0x0F, 0x01, *range(64)]))
    handle = draw(st.integers(0, 2**31 - 1))
    value = variant_to_binary(draw(variants(kinds))) if mask & 1 else b""
    code = struct.pack("<I", draw(CODES)) if mask & 2 else b""
    source = struct.pack("<q", draw(TIMES)) if mask & 4 else b""
    server = struct.pack("<q", draw(TIMES)) if mask & 8 else b""
    source_ps, server_ps = (b"\x09\x00" if mask & bit else b"" for bit in (16, 32))
    head, plain = struct.pack("<IB", handle, mask), struct.pack("<IB", handle, mask & 0x0F)
    return (
        head + value + code + source + source_ps + server + server_ps,
        plain + value + code + source + server,
    )


@st.composite
def notifications(draw: st.DrawFn) -> list[tuple[bytes, bytes]]:
    """Items of one notification: long runs of equal layout, and colourful ones."""
    kinds = draw(st.sampled_from([NUMBERS, NUMBERS, list(ELEMENT)]))
    found: list[tuple[bytes, bytes]] = []
    for run in draw(st.lists(st.integers(1, 100), max_size=3)):
        found += [draw(items(kinds))] * run + draw(st.lists(items(kinds), max_size=12))
    return found


def diagnostics(some: bool) -> bytes:
    return struct.pack("<iBi", 1, 1, 7) if some else struct.pack("<i", -1)


def part(found: list[bytes], diagnosed: bool = False) -> bytes:
    """A DataChangeNotification as extension object."""
    body = struct.pack("<i", len(found)) + b"".join(found) + diagnostics(diagnosed)
    return b"\x01\x00" + struct.pack("<HBi", 811, 1, len(body)) + body


def answer(
    *parts: bytes, kind: int = 829, sequence: int = 3, results: tuple[int, ...] = (),
    diagnosed: bool = False,
) -> bytes:  # fmt: skip
    """PublishResponse (829) or RepublishResponse (835)."""
    head = b"\x01\x00" + struct.pack("<HqIIBi3s", kind, TICKS, 1, 0, 0, 0, b"\0\0\0")
    message = struct.pack("<Iqi", sequence, LATER, len(parts)) + b"".join(parts)
    if kind == 835:
        return head + message
    before = struct.pack("<IiIIB", 7, 2, 1, 2, 0)
    after = struct.pack(f"<i{len(results)}I", len(results), *results) + diagnostics(diagnosed)
    return head + before + message + after


def by_asyncua(body: bytes) -> list[_decode.Samples]:
    data = struct_from_binary(ua.PublishResponse, Buffer(body)).Parameters.NotificationMessage
    return [_decode.samples(n.MonitoredItems) for n in data.NotificationData or []]


def same(ours: list[_decode.Samples], theirs: list[_decode.Samples]) -> None:
    assert len(ours) == len(theirs)
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(one.column, other.column)
        np.testing.assert_array_equal(one.value, other.value)
        np.testing.assert_array_equal(one.status, other.status)
        assert (np.abs(one.time - other.time) < 1000).all()
        assert [a.dtype for a in (one.column, one.value, one.status, one.time)] == [
            a.dtype for a in (other.column, other.value, other.status, other.time)
        ]


@pytest.fixture(autouse=True, scope="module")
def one_moment():
    """Where a value has no time, both decoders take the present one."""
    with mock.patch("time.time_ns", return_value=1_700_000_000_000_000_000):
        yield


@settings(max_examples=60, deadline=None)
@given(st.lists(notifications(), max_size=3))
def test_any_notification_decodes_as_by_asyncua(found):
    ours = _decode.published(Buffer(answer(*(part([i for i, _ in n]) for n in found))))
    same(ours.samples, by_asyncua(answer(*(part([i for _, i in n]) for n in found))))
    assert (ours.subscription, ours.sequence, ours.keep_alive) == (7, 3, not found)
    assert ours.published == oracle(Buffer(answer())).published == PUBLISHED
    again = _decode.republished(
        Buffer(answer(*(part([i for i, _ in n]) for n in found), kind=835)), 7
    )
    same(again.samples, ours.samples)
    assert (again.subscription, again.sequence, again.keep_alive) == (7, 3, not found)


@settings(max_examples=40, deadline=None)
@given(notifications())
def test_every_notification_takes_the_fast_way(found):
    assert _fast.decode(answer(part([item for item, _ in found]))) is not None


@settings(max_examples=100, deadline=None)
@given(st.lists(notifications(), min_size=1, max_size=2), st.data())
def test_a_corrupted_message_is_decoded_as_by_asyncua_or_refused(found, data):
    """Cut off, and with wrong octets. Never a value that asyncua would not have, never a hang."""
    body = bytearray(answer(*(part([item for _, item in n]) for n in found), results=(0, 1)))
    for _ in range(data.draw(st.integers(0, 3))):
        body[data.draw(st.integers(24, len(body) - 1))] = data.draw(st.integers(0, 255))
    broken = bytes(body[: data.draw(st.integers(len(body) // 2, len(body)))])
    ours, theirs = outcome(_decode.published, broken), outcome(oracle, broken)
    if isinstance(ours, _decode.Message) and isinstance(theirs, _decode.Message):
        same(ours.samples, theirs.samples)
        assert ours.acknowledged == theirs.acknowledged or list(ours.acknowledged) == list(
            theirs.acknowledged
        )
    else:
        assert type(ours) is type(theirs)


def oracle(body: Buffer) -> _decode.Message:
    with mock.patch.object(_fast, "decode", return_value=None):
        return _decode.published(body)


def outcome(call, body: bytes) -> object:
    try:
        return call(Buffer(body))
    except Exception as error:
        return error


def test_an_answer_by_the_fast_way_and_by_asyncua():
    """The second has diagnostics, which the fast way does not know."""
    item = struct.pack("<IBBdI", 5, 3, 11, 2.5, 0x480)
    for diagnosed in (False, True):
        body = answer(part([item], diagnosed), results=(0, 0x807A0000), diagnosed=diagnosed)
        assert (_fast.decode(body) is None) == diagnosed
        message = _decode.published(Buffer(body))
        assert list(message.acknowledged) == [0, 0x807A0000]
        assert (message.subscription, message.sequence, message.keep_alive) == (7, 3, False)
        (samples,) = message.samples
        assert (samples.column[0], samples.value[0], samples.status[0]) == (5, 2.5, 0x480)


@pytest.mark.parametrize("kind", [829, 835])
def test_a_refused_request_is_an_error(kind):
    body = bytearray(answer(kind=kind))
    body[16:20] = struct.pack("<I", ua.StatusCodes.BadSessionClosed)
    with pytest.raises(ua.uaerrors.BadSessionClosed):
        if kind == 829:
            _decode.published(Buffer(bytes(body)))
        else:
            _decode.republished(Buffer(bytes(body)), 7)


def test_the_end_of_a_subscription_behind_its_last_values():
    ended = struct_to_binary(
        ua.StatusChangeNotification(Status=ua.StatusCode(ua.UInt32(ua.StatusCodes.BadTimeout)))
    )
    status_change = b"\x01\x00" + struct.pack("<HBi", 820, 1, len(ended)) + ended
    item = struct.pack("<IBBd", 5, 1, 11, 2.5)
    message = _decode.published(Buffer(answer(part([item]), status_change)))
    assert message.ended == ua.StatusCodes.BadTimeout
    assert [samples.value.tolist() for samples in message.samples] == [[2.5]]


def test_picoseconds_come_before_the_server_time():
    item = struct.pack("<IBBdqHqH", 0, 0x3D, 11, 2.5, TICKS, 9, TICKS + 1, 9)
    late = struct.pack("<IBBdHqH", 1, 0x39, 11, 2.5, 9, TICKS + 10_000_000, 9)
    (samples,) = _decode.published(Buffer(answer(part([item, late])))).samples
    assert (samples.time - samples.time[0]).tolist() == [0, 10**9]
    assert samples.time[0] == 1_704_067_200 * 10**9


def test_a_list_that_promises_more_than_there_is_takes_no_memory():
    item = struct.pack("<IBBd", 5, 1, 11, 2.5)
    for count in (2, 2**31 - 1):
        body = bytearray(answer(part([item])))
        at = body.index(struct.pack("<i", 1) + item)
        body[at : at + 4] = struct.pack("<i", count)
        with pytest.raises(ua.UaError):
            _decode.published(Buffer(bytes(body)))


@pytest.mark.parametrize(
    "value",
    [
        struct.pack("<Bi", 0x80, 2**31 - 1),  # Nulls, which take no room
        struct.pack("<Biii", 0x8C, 2**31 - 1, -4, -4),  # strings that go back to their own length
        struct.pack("<Biiii", 0xC6, 0, 2, 2**15, 2**15),  # an empty matrix
        struct.pack("<B", 0x18) * 2000,  # Variants in Variants
    ],
)
def test_a_value_without_end_is_refused(value):
    decoding.mend()
    item = struct.pack("<IB", 5, 1) + value
    with pytest.raises((ua.UaError, RecursionError)):
        _decode.published(Buffer(answer(part([item]))))
