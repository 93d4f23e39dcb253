"""asyncua's server, made to leave out NotificationMessages, or to send them twice or swapped."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest
from asyncua import ua
from asyncua.common.utils import ServiceError
from asyncua.server.internal_subscription import InternalSubscription
from asyncua.server.uaprocessor import UaProcessor

Rule = Callable[[ua.PublishResult], list[ua.PublishResult]]
"""What to send in place of a message."""


def every(step: int, act: Rule) -> Rule:
    """``act`` on each ``step``-th message with data, the others as they are."""
    count = 0

    def rule(result: ua.PublishResult) -> list[ua.PublishResult]:
        nonlocal count
        if not result.NotificationMessage.NotificationData:
            return [result]
        count += 1
        return [result] if count % step else act(result)

    return rule


def dropped(_result: ua.PublishResult) -> list[ua.PublishResult]:
    return []


def twice(result: ua.PublishResult) -> list[ua.PublishResult]:
    return [result, result]


def swapped() -> Rule:
    """Every two messages in the wrong order."""
    held: list[ua.PublishResult] = []

    def rule(result: ua.PublishResult) -> list[ua.PublishResult]:
        held.append(result)
        if len(held) < 2:
            return []
        late, early = held
        held.clear()
        return [early, late]

    return rule


@dataclass
class Traffic:
    """Sequence numbers of messages with data."""

    sent: list[int] = field(default_factory=list)
    asked: list[int] = field(default_factory=list)
    """By Republish."""


@contextmanager
def unruly(
    monkeypatch: pytest.MonkeyPatch, rule: Rule, *, forgets: bool = False
) -> Iterator[Traffic]:
    """Subscriptions made from now on follow ``rule``; ``forgets``: their messages are not sent
    again."""
    waiting: deque[ua.PublishResult] = deque()
    traffic = Traffic()
    plain_republish = InternalSubscription.republish
    plainly = UaProcessor.forward_publish_response

    async def forward(self, result, request) -> None:
        waiting.extend(rule(result))
        self._publish_requests.appendleft(request)
        while waiting and self._publish_requests:
            result = waiting.popleft()
            if result.NotificationMessage.NotificationData:
                traffic.sent.append(result.NotificationMessage.SequenceNumber)
            await plainly(self, result, self._publish_requests.popleft())

    def republish(self, number: int) -> ua.NotificationMessage:
        traffic.asked.append(number)
        if forgets:
            raise ServiceError(ua.StatusCodes.BadMessageNotAvailable)
        return plain_republish(self, number)

    with monkeypatch.context() as patch:
        patch.setattr(UaProcessor, "forward_publish_response", forward)
        patch.setattr(InternalSubscription, "republish", republish)
        yield traffic
