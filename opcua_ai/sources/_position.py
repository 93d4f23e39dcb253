"""How far a subscription has been read: what is next, what is missing, what to acknowledge.

Sequence numbers count NotificationMessages from 1 and roll over from 4294967295 to 1 (Part 4, 7.9);
a keep-alive carries the number of the message that comes next (Part 4, 5.14.1.1).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from opcua_ai.sources._decode import Message

LAST = 2**32 - 1


def following(number: int, steps: int = 1) -> int:
    """The sequence number ``steps`` messages later."""
    return (number + steps - 1) % LAST + 1


def distance(start: int, end: int) -> int:
    """Messages from ``start`` to ``end``; negative when ``end`` is the earlier one."""
    ahead = (end - start) % LAST
    return ahead if ahead <= LAST // 2 else ahead - LAST


@dataclass(slots=True)
class Position:
    """Outlives the link: after an outage the same subscription goes on where it stood."""

    subscription_id: int
    next_sequence: int = 1
    """Of the message to be delivered next."""
    horizon: int = 1
    """Of the message that the server sends next, as far as is known; what lies between
    ``next_sequence`` and here is missing, or has come before its turn."""
    received: dict[int, Message] = field(default_factory=dict[int, Message])
    """Messages that wait for their turn."""
    acknowledgements: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])
    """(subscription, sequence number) that the server has not been told yet."""

    @property
    def missing(self) -> int:
        """Width of the gap before the newest known message; 0: there is none."""
        return distance(self.next_sequence, self.horizon)

    def arrived(self, message: Message) -> list[Message]:
        """Take note of a message; returns those whose turn it is now. What has come twice is only
        acknowledged, what belongs to another subscription too."""
        number = message.sequence
        if not message.keep_alive:
            self.acknowledgements.append((message.subscription, number))
        if message.subscription != self.subscription_id:
            return []
        if not message.keep_alive:
            if distance(self.next_sequence, number) >= 0:
                self.received.setdefault(number, message)
            number = following(number)
        self._reach(number)
        return self._ready()

    def resume(self, available: Iterable[int]) -> None:
        """After TransferSubscriptions or a new channel: the server can send these messages again
        (AvailableSequenceNumbers; Part 4, 5.14.7). Those that are known are acknowledged anew."""
        for number in available:
            if distance(self.next_sequence, number) < 0 or number in self.received:
                self.acknowledgements.append((self.subscription_id, number))
            self._reach(following(number))

    def skip(self, count: int) -> tuple[int, list[Message]]:
        """Give up missing messages: how many are lost, and the messages whose turn it is now."""
        target = following(self.next_sequence, count)
        passed = sorted(
            (number for number in self.received if distance(number, target) > 0),
            key=lambda number: distance(self.next_sequence, number),
        )
        ready = [self.received.pop(number) for number in passed]
        self.next_sequence = target
        return count - len(passed), ready + self._ready()

    def take_acknowledgements(self) -> list[tuple[int, int]]:
        """All of them, for the next Publish request."""
        taken, self.acknowledgements = self.acknowledgements, []
        return taken

    def _reach(self, number: int) -> None:
        if distance(self.horizon, number) > 0:
            self.horizon = number

    def _ready(self) -> list[Message]:
        ready: list[Message] = []
        while (message := self.received.pop(self.next_sequence, None)) is not None:
            ready.append(message)
            self.next_sequence = following(self.next_sequence)
        return ready
