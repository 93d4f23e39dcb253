"""Answers to Publish and Republish -> blocks of samples."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
from asyncua import ua
from asyncua.common.utils import Buffer
from asyncua.ua.ua_binary import struct_from_binary
from asyncua.ua.uatypes import EPOCH_AS_FILETIME as EPOCH
from numpy.typing import NDArray

from opcua_ai.core import status
from opcua_ai.core.types import Samples, from_datetime
from opcua_ai.sources import _fast

NAN = float("nan")
NOTHING = Samples(
    np.zeros(0, np.int32), np.zeros(0, np.float64), np.zeros(0, np.uint32), np.zeros(0, np.int64)
)
"""A block without samples."""
LATEST = EPOCH + (2**63 - 1) // 100
"""The last moment (year 2262) that nanoseconds since 1970 can tell; later ones, above all the
largest DateTime, are no time either."""


@dataclass(slots=True)
class Message:
    """What one answer to Publish or Republish holds (Part 4, 5.14.5 and 7.26)."""

    subscription: int
    sequence: int
    published: int = 0
    """PublishTime: when the server sent it first; 0: it does not say."""
    samples: list[Samples] = field(default_factory=list[Samples])
    ended: int | None = None
    """Status of a StatusChangeNotification: the server has ended the subscription."""
    keep_alive: bool = False
    """No notification: ``sequence`` is that of the message to come."""
    acknowledged: Sequence[int] = ()
    """Results of the acknowledgements in the request."""


def published(body: Buffer) -> Message:
    """Decode an answer to Publish. Raises ua.UaError or another error when it makes no sense."""
    answer = _fast.decode(bytes(body))
    if answer is not None:
        return _plain(answer, answer.subscription)
    response = struct_from_binary(ua.PublishResponse, body)
    response.ResponseHeader.ServiceResult.check()
    result = response.Parameters
    message = _slow(result.NotificationMessage, int(result.SubscriptionId))
    message.acknowledged = [int(code.value) for code in result.Results or []]
    return message


def republished(body: Buffer, subscription: int) -> Message:
    """Decode an answer to Republish. Raises as ``published``."""
    answer = _fast.decode(bytes(body))
    if answer is not None:
        return _plain(answer, subscription)
    response = struct_from_binary(ua.RepublishResponse, body)
    response.ResponseHeader.ServiceResult.check()
    return _slow(response.NotificationMessage, subscription)


def _plain(answer: _fast.Answer, subscription: int) -> Message:
    return Message(
        subscription,
        answer.sequence,
        since_1970(answer.published),
        [numbers(block) for block in answer.blocks],
        keep_alive=not answer.blocks,
        acknowledged=answer.acknowledged,
    )


def numbers(raw: _fast.Block) -> Samples:
    """The same rules as ``block``, for arrays."""
    no_value = np.isnan(raw.value) & (raw.status & np.uint32(status.BAD) == 0)
    moment = np.where(_is_time(raw.source), raw.source, raw.server)
    return Samples(
        column=raw.handle.astype(np.int32),
        value=raw.value,
        status=np.where(no_value, np.uint32(status.BAD_TYPE_MISMATCH), raw.status),
        time=np.where(_is_time(moment), (moment - EPOCH) * 100, time.time_ns()),
    )


def since_1970(ticks: int) -> int:
    """Nanoseconds of a DateTime (100 ns since 1601; Part 6, 5.2.2.5); 0 for none, which is what
    moments before 1970 mean."""
    return (ticks - EPOCH) * 100 if EPOCH < ticks <= LATEST else 0


def _is_time(moment: NDArray[np.int64]) -> NDArray[np.bool_]:
    return (moment > EPOCH) & (moment <= LATEST)


def _slow(notification: ua.NotificationMessage, subscription: int) -> Message:
    """What asyncua has decoded."""
    published = _nanoseconds(notification.PublishTime)
    message = Message(subscription, int(notification.SequenceNumber), published)
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
        at = known[moment] = _nanoseconds(moment) if moment else 0
    return at


def _nanoseconds(moment: datetime) -> int:
    at = from_datetime(moment)
    return at if 0 < at < 2**63 else 0


def _number(data: ua.DataValue) -> tuple[float, int]:
    state = int(data.StatusCode.value) if data.StatusCode is not None else status.GOOD
    value = data.Value.Value if data.Value is not None else None
    if isinstance(value, (int, float)) and value == value:
        return float(value), state
    return NAN, state if status.is_bad(state) else status.BAD_TYPE_MISMATCH
