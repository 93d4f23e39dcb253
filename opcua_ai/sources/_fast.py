"""Answers to Publish and Republish decoded with numpy, without a Python object for a value
(Part 4, 5.14.5 and 5.14.6; Part 6, 5.2.2.16 and 5.2.2.17).

Items of equal layout that follow each other are one array. Where the layout changes all the time,
Python finds out where the items begin, and numpy gathers those of each layout. A value that is no
plain number is decoded by asyncua. Diagnostics and other notifications are left to asyncua.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from functools import cache

import numpy as np
from asyncua import ua
from asyncua.common.utils import Buffer
from asyncua.ua.ua_binary import variant_from_binary
from numpy.typing import NDArray

from opcua_ai.sources._nodeid import four_bytes

# built-in type (Part 6, 5.1.2) -> numpy code: Boolean, SByte .. Double
_CODES = {
    1: "?", 2: "i1", 3: "u1", 4: "<i2", 5: "<u2", 6: "<i4", 7: "<u4", 8: "<i8", 9: "<u8",
    10: "<f4", 11: "<f8",
}  # fmt: skip
VALUE, _STATUS, _SOURCE, _SERVER, _SOURCE_PS, _SERVER_PS = 1, 2, 4, 8, 16, 32
"""Bits of a DataValue's encoding mask."""
_HEADER = struct.Struct("<4sqIIBi3s")
_MESSAGE = struct.Struct("<Iqi")
_NOTIFICATION = struct.Struct("<4sBii")
_ITEM = struct.Struct("<IB")
_COUNT = struct.Struct("<i")
_PUBLISH = four_bytes(ua.ObjectIds.PublishResponse_Encoding_DefaultBinary)
_REPUBLISH = four_bytes(ua.ObjectIds.RepublishResponse_Encoding_DefaultBinary)
_DATA_CHANGE = four_bytes(ua.ObjectIds.DataChangeNotification_Encoding_DefaultBinary)
_HANDLE = ("handle", "<u4")
_ARRAYS = ("handle", "value", "status", "source", "server")
_SHORT_RUN = 64
_SHORT_RUNS = 4


class NotPlainError(Exception):
    """Nothing that this module decodes."""


@dataclass(slots=True)
class Block:
    """One DataChangeNotification; times in 100 ns since 1601, 0 where there is none; a value that
    is no number is NaN."""

    handle: NDArray[np.uint32]
    value: NDArray[np.float64]
    status: NDArray[np.uint32]
    source: NDArray[np.int64]
    server: NDArray[np.int64]


@dataclass(slots=True)
class Answer:
    """A NotificationMessage and what came with it; PublishTime as in a block."""

    sequence: int
    published: int
    blocks: list[Block]
    subscription: int = 0
    acknowledged: tuple[int, ...] = field(default_factory=tuple[int, ...])
    """Results of the acknowledgements in the request."""


def decode(body: bytes) -> Answer | None:
    """None: not an answer of the known kind, or one that makes no sense."""
    try:
        return _decode(body)
    except Exception:  # whatever is wrong with it: asyncua, asked next, says so
        return None


def opened(body: bytes) -> tuple[bytes, int]:
    """Type of an answer that is Good and says nothing more, and where its header ends (Part 4,
    7.34). Raises NotPlainError."""
    kind, _, _, result, diagnostics, strings, header = _HEADER.unpack_from(body)
    if result or diagnostics or strings > 0 or header != b"\0\0\0":
        raise NotPlainError
    return kind, _HEADER.size


def _decode(body: bytes) -> Answer:
    kind, at = opened(body)
    if kind == _REPUBLISH:
        return _message(body, at)[0]
    if kind != _PUBLISH:
        raise NotPlainError
    subscription, available = struct.unpack_from("<Ii", body, at)
    answer, at = _message(body, at + 9 + 4 * max(0, available))
    answer.subscription = subscription
    (count,) = _COUNT.unpack_from(body, at)
    if count > 0:
        answer.acknowledged = struct.unpack_from(f"<{count}I", body, at + 4)
    _nothing_more(body, at + 4 + 4 * max(0, count))
    return answer


def _message(body: bytes, at: int) -> tuple[Answer, int]:
    sequence, published, parts = _MESSAGE.unpack_from(body, at)
    at += _MESSAGE.size
    answer = Answer(sequence, published, [])
    for _ in range(parts):
        block, at = _notification(body, at)
        answer.blocks.append(block)
    return answer, at


def _notification(body: bytes, at: int) -> tuple[Block, int]:
    kind, encoding, length, count = _NOTIFICATION.unpack_from(body, at)
    if kind != _DATA_CHANGE or encoding != 1 or count > length // _ITEM.size:
        raise NotPlainError
    end = at + 9 + length
    if end > len(body):
        raise NotPlainError
    block = empty(max(0, count))
    _nothing_more(body, _items(body, at + _NOTIFICATION.size, end, block))
    return block, end


def _nothing_more(body: bytes, at: int) -> None:
    """An empty list of DiagnosticInfos is what may follow."""
    if _COUNT.unpack_from(body, at)[0] > 0:
        raise NotPlainError


def empty(count: int) -> Block:
    """As many items without anything."""
    return Block(
        np.zeros(count, np.uint32),
        np.full(count, np.nan),
        np.zeros(count, np.uint32),
        np.zeros(count, np.int64),
        np.zeros(count, np.int64),
    )


def _items(body: bytes, at: int, end: int, block: Block) -> int:
    """Fill ``block`` run by run, a run being items of equal layout; returns where they end."""
    done, total, short = 0, len(block.handle), 0
    while done < total:
        mask = body[at + 4]
        layout = data_value(mask, body[at + 5] if mask & VALUE else 0, _HANDLE)
        if layout is None or short >= _SHORT_RUNS:
            return _one_by_one(body, at, end, done, block)
        rows = run(body, at, end, total - done, layout)
        store(block, slice(done, done + len(rows)), rows)
        short += len(rows) < _SHORT_RUN
        done += len(rows)
        at += rows.nbytes
    return at


def run(body: bytes, at: int, end: int, most: int, layout: np.dtype) -> NDArray:
    """Items from here on, up to so many, that have the layout of the first. Raises NotPlainError
    when not even that one fits."""
    fit = min(most, (end - at) // layout.itemsize)
    if fit < 1:
        raise NotPlainError
    rows = np.frombuffer(body, layout, fit, at)
    same = rows["mask"] == rows["mask"][0]
    if "kind" in (layout.names or ()):
        same &= rows["kind"] == rows["kind"][0]
    return rows if same.all() else rows[: int(same.argmin())]


def store(block: Block, where: int | slice | list[int], rows: NDArray | np.void) -> None:
    """What the rows have of a block's arrays."""
    names = rows.dtype.names or ()
    for name in _ARRAYS:
        if name in names:
            getattr(block, name)[where] = rows[name]


def _one_by_one(body: bytes, at: int, end: int, done: int, block: Block) -> int:
    """The same where layouts change all the time, from item ``done`` on."""
    groups: dict[int, tuple[np.dtype | None, int, list[int], list[int]]] = {}
    for place in range(done, len(block.handle)):
        mask = body[at + 4]
        key = mask << 8 | body[at + 5] if mask & VALUE else mask << 8
        group = groups.get(key)
        if group is None:
            layout = data_value(mask, key & 0xFF, _HANDLE)
            group = groups[key] = (layout, layout.itemsize if layout else 0, [], [])
        layout, size, offsets, places = group
        if layout is None:
            at = _odd(body, at, end, place, block)
            continue
        offsets.append(at)
        places.append(place)
        at += size
    if at > end:
        raise NotPlainError
    octets = np.frombuffer(body, np.uint8)
    for layout, size, offsets, places in groups.values():
        if layout is not None:
            rows = octets[np.array(offsets)[:, None] + np.arange(size)].view(layout)[:, 0]
            store(block, places, rows)
    return at


def _odd(body: bytes, at: int, end: int, place: int, block: Block) -> int:
    """An item whose value is no plain number: asyncua finds out where it ends."""
    handle, mask = _ITEM.unpack_from(body, at)
    buffer = Buffer(body, at + _ITEM.size, end - at - _ITEM.size)
    variant_from_binary(buffer)
    rest = np.frombuffer(body, _rest(mask), 1, buffer.cur_pos)
    block.handle[place] = handle
    store(block, place, rest[0])
    return buffer.cur_pos + rest.itemsize


@cache
def data_value(mask: int, kind: int, *before: tuple[str, str]) -> np.dtype | None:
    """A DataValue in the order of its encoding, behind other fields; None: its value is no plain
    number."""
    fields = [*before, ("mask", "u1")]
    if mask & VALUE:
        if kind not in _CODES:
            return None
        fields += [("kind", "u1"), ("value", _CODES[kind])]
    return np.dtype(fields + _optional(mask))


@cache
def _rest(mask: int) -> np.dtype:
    """What follows the value."""
    return np.dtype(_optional(mask))


def _optional(mask: int) -> list[tuple[str, str]]:
    fields = (
        (_STATUS, ("status", "<u4")),
        (_SOURCE, ("source", "<i8")),
        (_SOURCE_PS, ("source_ps", "<u2")),
        (_SERVER, ("server", "<i8")),
        (_SERVER_PS, ("server_ps", "<u2")),
    )
    return [field for bit, field in fields if mask & bit]
