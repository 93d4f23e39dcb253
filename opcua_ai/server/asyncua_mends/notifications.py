"""Encodes Publish responses (Part 6, 5.2).

asyncua's general encoder takes ten times as long for a data change, and one value that does not
fit its type fails the whole message.
"""

from __future__ import annotations

import functools
import logging
import struct
from collections.abc import Iterable
from typing import Any

from asyncua import ua
from asyncua.ua.ua_binary import (
    extensionobject_to_binary,
    nodeid_to_binary,
    struct_to_binary,
    variant_to_binary,
)

from opcua_ai.server.values import node_id

logger = logging.getLogger(__name__)

_VALUE, _STATUS, _SOURCE, _SERVER = 0x01, 0x02, 0x04, 0x08
_PLAIN = _VALUE | _SOURCE | _SERVER
_CODES = {
    ua.VariantType.Boolean: "?",
    ua.VariantType.Byte: "B",
    ua.VariantType.Int16: "h",
    ua.VariantType.UInt16: "H",
    ua.VariantType.Int32: "i",
    ua.VariantType.UInt32: "I",
    ua.VariantType.Int64: "q",
    ua.VariantType.UInt64: "Q",
    ua.VariantType.Float: "f",
    ua.VariantType.Double: "d",
}
_SCALARS = {kind: struct.Struct(f"<IBB{c}qq").pack for kind, c in _CODES.items()}
"""ClientHandle and a Good scalar with both timestamps."""
_TYPE = nodeid_to_binary(node_id(ua.ObjectIds.DataChangeNotification_Encoding_DefaultBinary))
_NO_DIAGNOSTICS = struct.pack("<i", 0)

_ticks = functools.lru_cache(maxsize=64)(ua.datetime_to_win_epoch)
"""Values that were written together share their timestamps."""


def publish_response(response: ua.PublishResponse) -> bytes:
    """A whole response message, as struct_to_binary would write it."""
    result: Any = response.Parameters
    message = result.NotificationMessage
    numbers = result.AvailableSequenceNumbers
    results = result.Results
    return b"".join((
        nodeid_to_binary(response.TypeId),
        struct_to_binary(response.ResponseHeader),
        struct.pack(f"<Ii{len(numbers)}I", result.SubscriptionId, len(numbers), *numbers),
        struct.pack("<?I", result.MoreNotifications, message.SequenceNumber),
        struct.pack("<qi", _ticks(message.PublishTime), len(message.NotificationData)),
        *(_notification(data) for data in message.NotificationData),
        struct.pack(f"<i{len(results)}I", len(results), *(status.value for status in results)),
        _NO_DIAGNOSTICS,
    ))  # fmt: skip


def _notification(data: Any) -> bytes:
    if not isinstance(data, ua.DataChangeNotification):
        return extensionobject_to_binary(data)
    changes = b"".join(_changes(data.MonitoredItems))
    size = 4 + len(changes) + len(_NO_DIAGNOSTICS)
    head = struct.pack("<BiI", 1, size, len(data.MonitoredItems))
    return b"".join((_TYPE, head, changes, _NO_DIAGNOSTICS))


def _changes(items: Iterable[Any]) -> Iterable[bytes]:
    for item in items:
        value = item.Value
        variant, status, source, server = (
            value.Value,
            value.StatusCode,
            value.SourceTimestamp,
            value.ServerTimestamp,
        )
        pack = None if variant.is_array else _SCALARS.get(variant.VariantType)
        try:
            if pack and source and server and not (status and status.value):
                yield pack(
                    item.ClientHandle,
                    _PLAIN,
                    variant.VariantType,
                    variant.Value,
                    _ticks(source),
                    _ticks(server),
                )
            else:
                yield struct.pack("<I", item.ClientHandle) + data_value(value)
        except (struct.error, TypeError, ValueError, OverflowError, AttributeError, ua.UaError):
            logger.exception("a value could not be encoded: %r", value)
            bad = struct.pack("<IBI", item.ClientHandle, _STATUS, ua.StatusCodes.BadEncodingError)
            yield bad


def data_value(value: ua.DataValue) -> bytes:
    """A DataValue without picoseconds."""
    mask, parts = _VALUE, [variant_to_binary(value.Value)]  # type: ignore[arg-type]
    if value.StatusCode is not None and value.StatusCode.value:
        mask |= _STATUS
        parts.append(struct.pack("<I", value.StatusCode.value))
    if value.SourceTimestamp is not None:
        mask |= _SOURCE
        parts.append(struct.pack("<q", _ticks(value.SourceTimestamp)))
    if value.ServerTimestamp is not None:
        mask |= _SERVER
        parts.append(struct.pack("<q", _ticks(value.ServerTimestamp)))
    return b"".join((bytes((mask,)), *parts))
