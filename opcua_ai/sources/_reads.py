"""Answers to Read decoded with numpy where they hold numbers (Part 4, 5.11.2; Part 6, 5.2.2.17)."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from asyncua import ua
from asyncua.common.utils import Buffer
from asyncua.ua.ua_binary import struct_from_binary

from opcua_ai.core.types import Samples
from opcua_ai.sources import _fast
from opcua_ai.sources._decode import block, numbers, since_1970
from opcua_ai.sources._nodeid import four_bytes

_COUNT = struct.Struct("<i")
_SENT = struct.Struct("<4sq")
_READ = four_bytes(ua.ObjectIds.ReadResponse_Encoding_DefaultBinary)
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
        return numbers(_plain(bytes(body), columns))
    except (_fast.NotPlainError, struct.error, IndexError, ValueError):
        pass  # asyncua says what is wrong with it, if anything is
    response = struct_from_binary(ua.ReadResponse, body)
    response.ResponseHeader.ServiceResult.check()
    if len(response.Results) != len(columns):
        raise ValueError(f"read: {len(response.Results)} answers to {len(columns)} questions")
    return block(columns, response.Results)


def _plain(body: bytes, columns: Sequence[int]) -> _fast.Block:
    """Run by run, a run being values of equal layout. Raises NotPlainError or another error when
    there is something else."""
    kind, at = _fast.opened(body)
    (total,) = _COUNT.unpack_from(body, at)
    if kind != _READ or total != len(columns):
        raise _fast.NotPlainError
    at += _COUNT.size
    found = _fast.empty(total)
    found.handle[:] = columns
    done = 0
    for _ in range(_MOST_RUNS):
        if done == total:
            return found
        mask = body[at]
        layout = _fast.data_value(mask, body[at + 1] if mask & _fast.VALUE else 0)
        if layout is None:
            break
        rows = _fast.run(body, at, len(body), total - done, layout)
        _fast.store(found, slice(done, done + len(rows)), rows)
        done += len(rows)
        at += rows.nbytes
    raise _fast.NotPlainError
