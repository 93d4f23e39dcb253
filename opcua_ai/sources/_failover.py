"""Which of several endpoints is used: redundant servers (Part 4, 6.6.2.4)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

from opcua_ai.core.errors import AccessError, OpcuaAiError, SourceLostError

if TYPE_CHECKING:
    from opcua_ai.sources._session import Link

HEALTHY = 200
"""ServiceLevel from which on a server lacks nothing (Part 4, 6.6.2.4.2)."""


class ChangeOverError(SourceLostError):
    """The server is given up for a better one."""


def order(endpoints: Sequence[str], last: str) -> list[str]:
    """The endpoint that worked last, then the others as they are listed."""
    return sorted(endpoints, key=lambda url: url != last)


async def choose(endpoints: Sequence[str], connect: Callable[[str], Awaitable[Link]]) -> Link:
    """Connect to the first healthy server, else to the one with the highest ServiceLevel.

    Raises AccessError or SourceLostError that says what is wrong with each.
    """
    best: Link | None = None
    errors: list[OpcuaAiError] = []
    try:
        for url in endpoints:
            try:
                link = await connect(url)
            except OpcuaAiError as error:
                errors.append(error)
                continue
            if best is None or link.service_level > best.service_level:
                best, link = link, best
            if link is not None:
                await link.close()
            if best.service_level >= HEALTHY:
                return best
    except BaseException:
        if best is not None:
            await best.close(polite=False)
        raise
    if best is None:
        raise _all(errors)
    return best


def _all(errors: Sequence[OpcuaAiError]) -> OpcuaAiError:
    if len(errors) == 1:
        return errors[0]
    refused = any(isinstance(error, AccessError) for error in errors)
    kind = AccessError if refused else SourceLostError
    return kind("no endpoint can be used: " + "; ".join(str(error) for error in errors))
