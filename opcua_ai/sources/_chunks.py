"""Requests cut into pieces that a server accepts (OperationLimits, Part 5, 6.3.11)."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

_log = logging.getLogger("opcua_ai.sources")

T = TypeVar("T")
R = TypeVar("R")

TOO_MUCH = frozenset(
    {
        0x80030000,  # BadOutOfMemory
        0x80040000,  # BadResourceUnavailable
        0x80080000,  # BadEncodingLimitsExceeded
        0x80100000,  # BadTooManyOperations
        0x80800000,  # BadTcpMessageTooLarge
        0x80810000,  # BadTcpNotEnoughResources
        0x80B80000,  # BadRequestTooLarge
        0x80B90000,  # BadResponseTooLarge
    }
)
"""StatusCodes (Part 4, 7.39; Part 6, 7.1.5) with which servers refuse a request that is too big."""


class Chunks:
    """The size of one kind of request; halved for good when the server refuses it."""

    def __init__(self, what: str, limit: int, default: int, learned: dict[str, int]) -> None:
        """``limit`` is the server's (0 or less: it names none), ``default`` also caps it, because
        decoding a very large answer would hold the event loop up. ``learned`` outlives the
        connection: a server that breaks off when it gets too much is not asked for it again."""
        self.what = what
        self._learned = learned
        self.size = min(limit if limit > 0 else default, default, learned.get(what, default))

    async def gather(
        self, items: Sequence[T], call: Callable[[Sequence[T]], Awaitable[Sequence[R]]]
    ) -> list[R]:
        """``call`` on all items piece by piece; one result per item, in order.

        Raises what ``call`` raises, except refusals for size that a smaller piece overcomes.
        """
        results: list[R] = []
        while len(results) < len(items):
            part = items[len(results) : len(results) + self.size]
            try:
                got = await call(part)
            except Exception as error:
                if not self._shrink(error, len(part)):
                    raise
                continue
            if len(got) != len(part):
                raise ValueError(f"{self.what}: {len(got)} answers to {len(part)} questions")
            results += got
        return results

    def _shrink(self, error: Exception, tried: int) -> bool:
        """Halve the size if the server found the piece too big; False when that cannot help."""
        if getattr(error, "code", None) not in TOO_MUCH or tried <= 1:
            return False
        self.size = self._learned[self.what] = max(1, tried // 2)
        _log.debug("%s: %d at once refused (%s); now %d", self.what, tried, error, self.size)
        return True
