"""Answers to Publish -> blocks of samples."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
from asyncua import ua
from asyncua.common.utils import Buffer
from asyncua.ua.ua_binary import struct_from_binary

from opcua_ai.core import status
from opcua_ai.core.types import Samples, from_datetime
from opcua_ai.sources import _fast

NAN = float("nan")
EPOCH = 116_444_736_000_000_000
"""1970 in OPC UA's time (100 ns since 1601; Part 6, 5.2.2.5); earlier moments mean that there is
no time."""


@dataclass(slots=True)
class Message:
    """What one answer to Publish holds (Part 4, 5.14.5)."""

    subscription: int
    sequence: int
    samples: list[Samples] = field(default_factory=list[Samples])
    ended: int | None = None
    """Status of a StatusChangeNotification: the server has ended the subscription."""
    keep_alive: bool = False


def decode(body: Buffer) -> Message:
    """Decode an answer. Raises ua.UaError or another error when it makes no sense."""
    raw = _fast.decode(bytes(body))
    return _slow(body) if raw is None else Message(raw.subscription, raw.sequence, [_plain(raw)])


def _plain(raw: _fast.Raw) -> Samples:
    """The same rules as ``block``, for arrays of plain numbers."""
    no_value = np.isnan(raw.value) & (raw.status & np.uint32(status.BAD) == 0)
    moment = np.where(raw.source > EPOCH, raw.source, raw.server)
    return Samples(
        column=raw.handle.astype(np.int32),
        value=raw.value,
        status=np.where(no_value, np.uint32(status.BAD_TYPE_MISMATCH), raw.status),
        time=np.where(moment > EPOCH, (moment - EPOCH) * 100, time.time_ns()),
    )


def _slow(body: Buffer) -> Message:
    """Decode with asyncua."""
    result = struct_from_binary(ua.PublishResponse, body).Parameters
    notification = result.NotificationMessage
    message = Message(int(result.SubscriptionId), int(notification.SequenceNumber))
    message.keep_alive = not notification.NotificationData
    for data in notification.NotificationData or []:
        if isinstance(data, ua.DataChangeNotification):
            message.samples.append(samples(data.MonitoredItems or []))
        elif isinstance(data, ua.StatusChangeNotification):
            message.ended = int(data.Status.value)
    return message


def samples(items: Sequence[ua.MonitoredItemNotification]) -> Samples:
    """One block; the client handle of an item is its column."""
    return block([int(item.ClientHandle) for item in items], [item.Value for item in items])


def block(columns: Sequence[int], values: Sequence[ua.DataValue]) -> Samples:
    """DataValues -> arrays. What is no number becomes NaN with BadTypeMismatch or its own Bad
    status; without a SourceTimestamp the server's counts, without both the present time."""
    now = time.time_ns()
    numbers: list[float] = []
    states: list[int] = []
    times: list[int] = []
    known: dict[datetime | None, int] = {None: 0}
    for data in values:
        number, state = _number(data)
        numbers.append(number)
        states.append(state)
        moment = _time(data.SourceTimestamp, known) or _time(data.ServerTimestamp, known)
        times.append(moment or now)
    return Samples(
        column=np.array(columns, np.int32),
        value=np.array(numbers, np.float64),
        status=np.array(states, np.uint32),
        time=np.array(times, np.int64),
    )


def _time(moment: datetime | None, known: dict[datetime | None, int]) -> int:
    """Nanoseconds since 1970, 0 for none; ``known`` spares most of the arithmetic."""
    if (at := known.get(moment)) is None:
        at = known[moment] = max(0, from_datetime(moment)) if moment else 0
    return at


def _number(data: ua.DataValue) -> tuple[float, int]:
    state = int(data.StatusCode.value) if data.StatusCode is not None else status.GOOD
    value = data.Value.Value if data.Value is not None else None
    if isinstance(value, (int, float)) and value == value:
        return float(value), state
    return NAN, state if status.is_bad(state) else status.BAD_TYPE_MISMATCH
