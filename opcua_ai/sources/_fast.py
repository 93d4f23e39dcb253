"""Answers to Publish that hold plain numbers, decoded with numpy (Part 6, 5.2.2.16, 5.2.2.17).

asyncua makes five Python objects for each value; this makes none. What it does not know for sure
(strings, arrays, structures, diagnostics, several notifications) it leaves to asyncua.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

# built-in type (Part 6, 5.1.2) -> numpy and struct code: Boolean, SByte .. Double
_CODES = {
    1: ("?", "?"),
    2: ("i1", "b"),
    3: ("u1", "B"),
    4: ("<i2", "h"),
    5: ("<u2", "H"),
    6: ("<i4", "i"),
    7: ("<u4", "I"),
    8: ("<i8", "q"),
    9: ("<u8", "Q"),
    10: ("<f4", "f"),
    11: ("<f8", "d"),
}
_VALUE, _STATUS, _SOURCE, _SERVER, _SOURCE_PS, _SERVER_PS = 1, 2, 4, 8, 16, 32
_KNOWN = 63
"""Bits of a DataValue's encoding mask."""
_HEADER = struct.Struct("<4sqIIBi3s")
_MESSAGE = struct.Struct("<BIqi")
_NOTIFICATION = struct.Struct("<4sBii")
_PUBLISH_RESPONSE = b"\x01\x00" + struct.pack("<H", 829)
_DATA_CHANGE = b"\x01\x00" + struct.pack("<H", 811)
_SHORT_RUN = 8
_SHORT_RUNS = 4


@dataclass(slots=True)
class Raw:
    """One DataChangeNotification; times in 100 ns since 1601, 0 where there is none."""

    subscription: int
    sequence: int
    handle: NDArray[np.uint32]
    value: NDArray[np.float64]
    status: NDArray[np.uint32]
    source: NDArray[np.int64]
    server: NDArray[np.int64]


def decode(body: bytes) -> Raw | None:
    """None: not an answer of the known kind."""
    try:
        return _decode(body)
    except (struct.error, IndexError, ValueError):
        return None


def _decode(body: bytes) -> Raw | None:
    kind, _, _, result, diagnostics, strings, header = _HEADER.unpack_from(body)
    if kind != _PUBLISH_RESPONSE or result or diagnostics or strings > 0 or header != b"\0\0\0":
        return None
    at = _HEADER.size
    subscription, available = struct.unpack_from("<Ii", body, at)
    at += 8 + 4 * max(0, available)
    _, sequence, _, parts = _MESSAGE.unpack_from(body, at)
    at += _MESSAGE.size
    if parts != 1:
        return None
    kind, encoding, length, count = _NOTIFICATION.unpack_from(body, at)
    if kind != _DATA_CHANGE or encoding != 1 or count < 1 or count > length // 5:
        return None
    end = at + 9 + length
    raw = Raw(subscription, sequence, *_empty(count))
    at = _items(body, at + _NOTIFICATION.size, end, raw)
    return raw if at is not None and at <= end <= len(body) else None


def _empty(count: int) -> tuple[NDArray, NDArray, NDArray, NDArray, NDArray]:
    return (
        np.zeros(count, np.uint32),
        np.full(count, np.nan),
        np.zeros(count, np.uint32),
        np.zeros(count, np.int64),
        np.zeros(count, np.int64),
    )


def _items(body: bytes, at: int, end: int, raw: Raw) -> int | None:
    """Fill ``raw`` run by run, a run being items of equal layout; returns where they end."""
    done, total, short = 0, len(raw.handle), 0
    while done < total:
        mask = body[at + 4]
        kind = body[at + 5] if mask & _VALUE else 0
        layout = _layout(mask, kind)
        if layout is None:
            return None
        if short >= _SHORT_RUNS:
            return _one_by_one(body, at, done, raw)
        fit = min(total - done, (end - at) // layout.itemsize)
        rows = np.frombuffer(body, layout, fit, at)
        same = rows["mask"] == mask
        if mask & _VALUE:
            same &= rows["kind"] == kind
        run = fit if same.all() else int(same.argmin())
        if run < 1:
            return None
        _store(raw, slice(done, done + run), rows[:run])
        short += run < _SHORT_RUN
        done += run
        at += run * layout.itemsize
    return at


def _store(raw: Raw, where: slice, rows: NDArray) -> None:
    raw.handle[where] = rows["handle"]
    for name in ("value", "status", "source", "server"):
        if name in (rows.dtype.names or ()):
            getattr(raw, name)[where] = rows[name]


def _one_by_one(body: bytes, at: int, done: int, raw: Raw) -> int | None:
    """The same for layouts that change all the time."""
    while done < len(raw.handle):
        mask = body[at + 4]
        entry = _struct(mask, body[at + 5] if mask & _VALUE else 0)
        if entry is None:
            return None
        packed, targets = entry
        fields = packed.unpack_from(body, at)
        raw.handle[done] = fields[0]
        for name, index in targets:
            getattr(raw, name)[done] = fields[index]
        at += packed.size
        done += 1
    return at


def _fields(mask: int, kind: int) -> list[tuple[str, str, str]] | None:
    """(name, numpy code, struct code) in the order of the encoding; None: not a plain number."""
    if mask & ~_KNOWN or (mask & _VALUE and kind not in _CODES):
        return None
    fields = [("handle", "<u4", "I"), ("mask", "u1", "B")]
    if mask & _VALUE:
        fields += [("kind", "u1", "B"), ("value", *_CODES[kind])]
    optional = (
        (_STATUS, ("status", "<u4", "I")),
        (_SOURCE, ("source", "<i8", "q")),
        (_SOURCE_PS, ("source_ps", "<u2", "H")),
        (_SERVER, ("server", "<i8", "q")),
        (_SERVER_PS, ("server_ps", "<u2", "H")),
    )
    return fields + [field for bit, field in optional if mask & bit]


@cache
def _layout(mask: int, kind: int) -> np.dtype | None:
    fields = _fields(mask, kind)
    return None if fields is None else np.dtype([(name, code) for name, code, _ in fields])


@cache
def _struct(mask: int, kind: int) -> tuple[struct.Struct, list[tuple[str, int]]] | None:
    fields = _fields(mask, kind)
    if fields is None:
        return None
    wanted = ("value", "status", "source", "server")
    targets = [(name, i) for i, (name, _, _) in enumerate(fields) if name in wanted]
    return struct.Struct("<" + "".join(code for _, _, code in fields)), targets
