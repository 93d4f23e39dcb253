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
from asyncua.common.utils import Buffer
from asyncua.ua.ua_binary import variant_from_binary
from numpy.typing import NDArray

# built-in type (Part 6, 5.1.2) -> numpy code: Boolean, SByte .. Double
CODES = {
    1: "?", 2: "i1", 3: "u1", 4: "<i2", 5: "<u2", 6: "<i4", 7: "<u4", 8: "<i8", 9: "<u8",
    10: "<f4", 11: "<f8",
}  # fmt: skip
_VALUE, _STATUS, _SOURCE, _SERVER, _SOURCE_PS, _SERVER_PS = 1, 2, 4, 8, 16, 32
"""Bits of a DataValue's encoding mask."""
_HEADER = struct.Struct("<4sqIIBi3s")
_MESSAGE = struct.Struct("<Iqi")
_NOTIFICATION = struct.Struct("<4sBii")
_ITEM = struct.Struct("<IB")
_COUNT = struct.Struct("<i")
_PUBLISH = b"\x01\x00" + struct.pack("<H", 829)
_REPUBLISH = b"\x01\x00" + struct.pack("<H", 835)
_DATA_CHANGE = b"\x01\x00" + struct.pack("<H", 811)
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


def _decode(body: bytes) -> Answer:
    kind, _, _, result, diagnostics, strings, header = _HEADER.unpack_from(body)
    if result or diagnostics or strings > 0 or header != b"\0\0\0":
        raise NotPlainError
    if kind == _REPUBLISH:
        return _message(body, _HEADER.size)[0]
    if kind != _PUBLISH:
        raise NotPlainError
    subscription, available = struct.unpack_from("<Ii", body, _HEADER.size)
    answer, at = _message(body, _HEADER.size + 9 + 4 * max(0, available))
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
    block = _empty(max(0, count))
    _nothing_more(body, _items(body, at + _NOTIFICATION.size, end, block))
    return block, end


def _nothing_more(body: bytes, at: int) -> None:
    """An empty list of DiagnosticInfos is what may follow."""
    if _COUNT.unpack_from(body, at)[0] > 0:
        raise NotPlainError


def _empty(count: int) -> Block:
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
        kind = body[at + 5] if mask & _VALUE else 0
        layout = _layout(mask, kind)
        if layout is None or short >= _SHORT_RUNS:
            return _one_by_one(body, at, end, done, block)
        fit = min(total - done, (end - at) // layout.itemsize)
        rows = np.frombuffer(body, layout, fit, at)
        same = rows["mask"] == mask
        if mask & _VALUE:
            same &= rows["kind"] == kind
        run = fit if same.all() else int(same.argmin())
        if run < 1:
            raise NotPlainError
        _store(block, slice(done, done + run), rows[:run])
        short += run < _SHORT_RUN
        done += run
        at += run * layout.itemsize
    return at


def _store(block: Block, where: slice | list[int], rows: NDArray) -> None:
    block.handle[where] = rows["handle"]
    for name in ("value", "status", "source", "server"):
        if name in (rows.dtype.names or ()):
            getattr(block, name)[where] = rows[name]


def _one_by_one(body: bytes, at: int, end: int, done: int, block: Block) -> int:
    """The same where layouts change all the time, from item ``done`` on."""
    groups: dict[int, tuple[np.dtype | None, int, list[int], list[int]]] = {}
    for place in range(done, len(block.handle)):
        mask = body[at + 4]
        key = mask << 8 | body[at + 5] if mask & _VALUE else mask << 8
        group = groups.get(key)
        if group is None:
            layout = _layout(mask, key & 0xFF)
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
            _store(block, places, rows)
    return at


def _odd(body: bytes, at: int, end: int, place: int, block: Block) -> int:
    """An item whose value is no plain number: asyncua finds out where it ends."""
    handle, mask = _ITEM.unpack_from(body, at)
    buffer = Buffer(body, at + _ITEM.size, end - at - _ITEM.size)
    variant_from_binary(buffer)
    rest = np.frombuffer(body, _rest(mask), 1, buffer.cur_pos)
    block.handle[place] = handle
    for name in rest.dtype.names or ():
        if name in ("status", "source", "server"):
            getattr(block, name)[place] = rest[name][0]
    return buffer.cur_pos + rest.itemsize


@cache
def _layout(mask: int, kind: int) -> np.dtype | None:
    """An item in the order of its encoding; None: its value is no plain number."""
    fields = [("handle", "<u4"), ("mask", "u1")]
    if mask & _VALUE:
        if kind not in CODES:
            return None
        fields += [("kind", "u1"), ("value", CODES[kind])]
    return np.dtype(fields + optional(mask))


@cache
def _rest(mask: int) -> np.dtype:
    """What follows the value."""
    return np.dtype(optional(mask))


def optional(mask: int) -> list[tuple[str, str]]:
    fields = (
        (_STATUS, ("status", "<u4")),
        (_SOURCE, ("source", "<i8")),
        (_SOURCE_PS, ("source_ps", "<u2")),
        (_SERVER, ("server", "<i8")),
        (_SERVER_PS, ("server_ps", "<u2")),
    )
    return [field for bit, field in fields if mask & bit]
