"""The publish loop: notifications of one subscription, each once and in the server's order.

What the specification asks of a client (Part 4, 5.14) and what is done here::

    several Publish requests stay at the server       5.14.1.1, 5.14.5.1
    BadTooManyPublishRequests: one less from now on   5.14.5.3
    message with the next number                      deliver, and all that waited for it
    message with a later number, or a keep-alive      keep it; Republish what is missing, oldest
      that names a later one (5.14.1.1)                 first; nothing newer is delivered before
    message with an earlier number                    it has come twice: drop, acknowledge
    Republish answers                                 as if it had come by itself (5.14.6)
    BadMessageNotAvailable                            lost: counted, and go on
    keep-alive when nothing is missing                told too: nothing has happened until then
    any number                                        acknowledged with the next Publish (5.14.5.2)
    StatusChangeNotification, in its turn (7.25.4)    the subscription has ended
    BadNoSubscription, BadSubscriptionIdInvalid       the subscription has ended
    no answer for longer than the keep-alive allows   the server is lost (5.14.1.1)

The numbers stand in a :class:`Position`, which outlives the link.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Callable, Sequence
from typing import NoReturn

from asyncua import ua
from asyncua.common.utils import Buffer
from asyncua.ua.uaerrors import (
    BadNoSubscription,
    BadTimeout,
    BadTooManyPublishRequests,
)

from opcua_ai.core import status
from opcua_ai.core.errors import SourceLostError
from opcua_ai.core.ports import SourceStats
from opcua_ai.core.types import Samples
from opcua_ai.sources._decode import NOTHING, Message, published, republished
from opcua_ai.sources._position import Position
from opcua_ai.sources._session import UNSUPPORTED, Link, plain_errors

_log = logging.getLogger("opcua_ai.sources")

FEWEST_REQUESTS, MOST_REQUESTS = 3, 16
"""Publish requests kept at the server."""
REPUBLISH_LIMIT = 100
"""A server keeps about two messages for each Publish request (Part 4, 5.14.1.2): what is missing
further back is gone."""
NOT_AGAIN = UNSUPPORTED | {ua.StatusCodes.BadMessageNotAvailable}
"""With these a server says that it does not send a message a second time."""
TICK_S = 0.5
RETRY_S = 0.5
"""Pause after the last Publish request, too, was one too many."""

Deliver = Callable[[Samples, int], None]
"""Takes a block of samples, and when the server sent it (PublishTime)."""
Acknowledgements = Sequence[tuple[int, int]]


class Publishing:
    """Pumps one subscription over one link; never re-used. ``position`` is for the next link."""

    def __init__(
        self, link: Link, position: Position, silence_limit_s: float, stats: SourceStats
    ) -> None:
        self.position = position
        self._link = link
        self._stats = stats
        self._limit_s = silence_limit_s
        self._silent_s = 0.0
        self._depth = Depth()
        self._outstanding = 0
        self._gap = asyncio.Event()

    async def pump(self, deliver: Deliver) -> None:
        """Deliver until the link is lost. Raises SourceLostError that says why."""
        self._deliver = deliver
        if self.position.missing:
            self._gap.set()
        try:
            async with asyncio.TaskGroup() as self._tasks:
                for work in (self._watch(), self._refill(), self._measure()):
                    self._tasks.create_task(work)
                self._request_more()
        except BaseExceptionGroup as several:
            raise several.exceptions[0] from None

    def _request_more(self) -> None:
        while self._outstanding < self._depth.wanted:
            self._outstanding += 1
            self._tasks.create_task(self._request())

    async def _request(self) -> None:
        """One of the Publish requests, sent again when it is answered while so many are wanted."""
        while self._outstanding <= self._depth.wanted:
            acknowledgements = self.position.take_acknowledgements()
            body = await self._publish(acknowledgements)
            if body is None:
                self.position.acknowledgements += acknowledgements
                continue
            began = time.thread_time()
            self._answered(body, acknowledgements)
            self._stats.cpu_s += time.thread_time() - began
            self._request_more()
        self._outstanding -= 1

    async def _publish(self, acknowledgements: Acknowledgements) -> Buffer | None:
        """None: the server has answered without a message."""
        with plain_errors(self._link.endpoint):
            try:
                return await self._link.session.publish_raw(acknowledgements)
            except BadTimeout:
                return None  # only this request waited too long for the server
            except BadTooManyPublishRequests:
                if not self._depth.refused(self._outstanding):
                    await asyncio.sleep(RETRY_S)
                return None
            except BadNoSubscription:
                self._ended("BadNoSubscription")

    def _answered(self, body: Buffer, acknowledgements: Acknowledgements) -> None:
        with plain_errors(self._link.endpoint):
            message = published(body)
        self._silent_s = 0.0
        self._depth.answered(time.monotonic())
        self._check(acknowledgements, message.acknowledged)
        self._take(message)

    def _check(self, acknowledgements: Acknowledgements, results: Sequence[int]) -> None:
        """Results of acknowledgements; one for a message that the server no longer had is none of
        our business."""
        for (subscription, number), result in zip(acknowledgements, results, strict=False):
            if (
                result == ua.StatusCodes.BadSubscriptionIdInvalid
                and subscription == self.position.subscription_id
            ):
                self._ended("BadSubscriptionIdInvalid")
            if status.is_bad(result):
                _log.debug(
                    "%s: acknowledging %d of subscription %d: 0x%08X",
                    self._link.endpoint, number, subscription, result,
                )  # fmt: skip

    def _take(self, message: Message) -> None:
        """Deliver what the message makes ready, and have the missing ones sent again."""
        self._hand_on(self.position.arrived(message))
        if self.position.missing:
            self._gap.set()
        elif message.keep_alive and message.subscription == self.position.subscription_id:
            self._deliver(NOTHING, message.published)

    def _hand_on(self, messages: Sequence[Message]) -> None:
        for message in messages:
            if message.ended is not None:
                self._ended(ua.StatusCode(ua.UInt32(message.ended)).name)
            for samples in message.samples:
                self._deliver(samples, message.published)

    async def _refill(self) -> None:
        """Fill each gap that shows, by Republish (Part 4, 5.14.6)."""
        while True:
            await self._gap.wait()
            self._gap.clear()
            while (missing := self.position.missing) > 0:
                number = self.position.next_sequence
                if missing <= REPUBLISH_LIMIT and (message := await self._republish(number)):
                    self._take(message)
                elif number == self.position.next_sequence:
                    self._give_up(max(1, missing - REPUBLISH_LIMIT))

    async def _republish(self, number: int) -> Message | None:
        """None: the server does not have the message any more, or never sends one again."""
        with plain_errors(self._link.endpoint):
            try:
                body = await self._link.session.republish_raw(self.position.subscription_id, number)
            except ua.UaStatusCodeError as error:
                if error.code in NOT_AGAIN:
                    return None
                if error.code == ua.StatusCodes.BadSubscriptionIdInvalid:
                    self._ended("BadSubscriptionIdInvalid")
                raise
            self._silent_s = 0.0
            message = republished(body, self.position.subscription_id)
        # asyncua's server sends an empty message for one that it does not have
        return message if message.sequence == number and not message.keep_alive else None

    def _give_up(self, count: int) -> None:
        first = self.position.next_sequence
        lost, ready = self.position.skip(count)
        self._stats.lost_messages += lost
        _log.debug("%s: %d messages from number %d on are lost", self._link.endpoint, lost, first)
        self._hand_on(ready)

    def _ended(self, reason: str) -> NoReturn:
        raise SourceLostError(f"{self._link.endpoint}: subscription ended by the server: {reason}")

    async def _watch(self) -> None:
        """Raise SourceLostError after a silence that is longer than the keep-alive allows.

        Counts only time in which the event loop ran: after a blocked loop the answers that wait in
        the socket are read first.
        """
        before = time.monotonic()
        while self._silent_s <= self._limit_s:
            await asyncio.sleep(TICK_S)
            now = time.monotonic()
            self._silent_s += min(now - before, 2 * TICK_S)
            before = now
        raise SourceLostError(
            f"{self._link.endpoint}: the server has been silent for {self._silent_s:.0f} s"
        )

    async def _measure(self) -> None:
        """How long the server takes to answer anything at all."""
        start = time.monotonic()
        with plain_errors(self._link.endpoint):
            await self._link.session.read_attributes(
                [ua.NodeId(ua.Int32(ua.ObjectIds.Server_ServerStatus_State))],
                ua.AttributeIds.Value,
            )
        self._depth.round_trip_s = time.monotonic() - start


class Depth:
    """How many Publish requests to keep at the server: what it answers within one round trip, so
    that it never has to wait for one, and a few to spare."""

    def __init__(self) -> None:
        self.round_trip_s = 0.0
        self._most = MOST_REQUESTS
        self._pace_s = math.inf
        """Time between two answers, smoothed."""
        self._last = -math.inf

    @property
    def wanted(self) -> int:
        return min(self._most, FEWEST_REQUESTS + int(self.round_trip_s / self._pace_s))

    def answered(self, now: float) -> None:
        gap = max(1e-4, now - self._last)
        self._pace_s = gap if self._pace_s == math.inf else self._pace_s + (gap - self._pace_s) / 8
        self._last = now

    def refused(self, outstanding: int) -> bool:
        """One was too many; False: even a single one is."""
        self._most = min(self._most, max(1, outstanding - 1))
        return outstanding > 1
