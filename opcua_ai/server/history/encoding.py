"""Samples -> the bytes of HistoryData (Part 6, 5.2.2.17), made in the thread that has read them.

asyncua takes about 20 us in the event loop for each DataValue; a page holds ten thousand.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence

from asyncua import ua

from opcua_ai.core.types import from_datetime
from opcua_ai.history.reader import MAX_TIME, Sample
from opcua_ai.history.store import Value
from opcua_ai.server.values import node_id

_HISTORY_DATA = node_id(ua.ObjectIds.HistoryData_Encoding_DefaultBinary)
_VALUE, _STATUS, _SOURCE_TIME = 0x01, 0x02, 0x04
_TICK = 100
"""Nanoseconds of a DateTime's unit."""
_TICKS_1601_TO_1970 = 116_444_736_000_000_000
_MASK = struct.Struct("<B")
_TAIL = struct.Struct("<Iq")

KINDS: dict[str, tuple[int, Callable[[Value], bytes]]] = {
    "Boolean": (1, lambda v: struct.pack("<?", v)),
    "Int32": (6, lambda v: struct.pack("<i", v)),
    "Double": (11, struct.Struct("<d").pack),
    "String": (12, lambda v: _string(str(v))),
}
"""Kinds of values that are kept: identifier of the built-in type (Part 6, 5.1.2), and encoding."""


def history_data(samples: Sequence[Sample], kind: str) -> ua.ExtensionObject:
    """The samples with their SourceTimestamps; a sample without a value has its status alone."""
    number, encode = KINDS[kind]
    head = bytes([_VALUE | _STATUS | _SOURCE_TIME, number])
    parts = [struct.pack("<i", len(samples))]
    for time, status, value in samples:
        ticks = time // _TICK + _TICKS_1601_TO_1970
        if value is None:
            parts.append(_MASK.pack(_STATUS | _SOURCE_TIME))
        else:
            parts.append(head + encode(value))
        parts.append(_TAIL.pack(status, ticks))
    return ua.ExtensionObject(_HISTORY_DATA, b"".join(parts))  # type: ignore[arg-type]


def time_of(moment: object) -> int | None:
    """Nanoseconds of a request's time; None for DateTime.MinValue, which means "not given"."""
    if moment is None or moment == ua.get_win_epoch():
        return None
    return min(from_datetime(moment), MAX_TIME - 1)  # type: ignore[arg-type]


def _string(text: str) -> bytes:
    data = text.encode()
    return struct.pack("<i", len(data)) + data
