"""Answers to Read decoded with numpy where they hold numbers (Part 4, 5.11.2; Part 6, 5.2.2.17)."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from functools import cache

import numpy as np
from asyncua import ua
from asyncua.common.utils import Buffer
from asyncua.ua.ua_binary import struct_from_binary

from opcua_ai.core.types import Samples
from opcua_ai.sources import _fast
from opcua_ai.sources._decode import block, numbers, since_1970

_HEADER = struct.Struct("<4sqIIBi3si")
_SENT = struct.Struct("<4sq")
_READ = b"\x01\x00" + struct.pack("<H", ua.ObjectIds.ReadResponse_Encoding_DefaultBinary)
_VALUE = 1
_MOST_RUNS = 50


def sent(body: Buffer) -> int:
    """When the server gave this answer, by its own clock (ResponseHeader; Part 4, 7.34); 0: it does
    not say, or in a form that a NodeId of a service never has."""
    kind, ticks = _SENT.unpack_from(bytes(body))
    return since_1970(ticks) if kind == _READ else 0


def decode(body: Buffer, columns: Sequence[int]) -> Samples:
    """One sample for each column; what is not known for sure is left to asyncua. Raises ua.UaError
    or another error when the answer makes no sense."""
    try:
        found = _plain(bytes(body), columns)
    except (struct.error, IndexError, ValueError):
        found = None
    if found is not None:
        return numbers(found)
    response = struct_from_binary(ua.ReadResponse, body)
    response.ResponseHeader.ServiceResult.check()
    if len(response.Results) != len(columns):
        raise ValueError(f"read: {len(response.Results)} answers to {len(columns)} questions")
    return block(columns, response.Results)


def _plain(body: bytes, columns: Sequence[int]) -> _fast.Block | None:
    """Run by run, a run being values of equal layout; None: there is something else."""
    kind, _, _, result, diagnostics, strings, header, total = _HEADER.unpack_from(body)
    plain = (kind, result, diagnostics, header, total) == (_READ, 0, 0, b"\0\0\0", len(columns))
    if not plain or strings > 0:
        return None
    found = _fast.Block(
        np.array(columns, np.uint32),
        np.full(total, np.nan),
        np.zeros(total, np.uint32),
        np.zeros(total, np.int64),
        np.zeros(total, np.int64),
    )
    at, done = _HEADER.size, 0
    for _ in range(_MOST_RUNS):
        if done == total:
            return found
        mask = body[at]
        layout = _layout(mask, body[at + 1] if mask & _VALUE else 0)
        if layout is None:
            return None
        fit = min(total - done, (len(body) - at) // layout.itemsize)
        rows = np.frombuffer(body, layout, fit, at)
        same = rows["mask"] == mask
        if mask & _VALUE:
            same &= rows["kind"] == body[at + 1]
        run = fit if same.all() else int(same.argmin())
        for name in {"value", "status", "source", "server"}.intersection(layout.names or ()):
            getattr(found, name)[done : done + run] = rows[name][:run]
        done += run
        at += run * layout.itemsize
    return None


@cache
def _layout(mask: int, kind: int) -> np.dtype | None:
    """A DataValue in the order of its encoding; None: its value is no plain number."""
    fields = [("mask", "u1")]
    if mask & _VALUE:
        if kind not in _fast.CODES:
            return None
        fields += [("kind", "u1"), ("value", _fast.CODES[kind])]
    return np.dtype(fields + _fast.optional(mask))
