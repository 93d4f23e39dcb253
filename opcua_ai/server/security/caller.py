"""The user and session behind the method call that is running (Part 4, 5.12.2).

asyncua hands a method callback the object and the arguments, not who calls. In a callback that is
a coroutine::

    from opcua_ai.server.security.caller import caller

    async def acknowledge(parent, event_id, comment):
        who = caller()
        who.user, who.role, who.session_id, who.client

Roles are checked before the callback runs: one that is reached may act. A callback that is a plain
function runs in another thread and finds no caller.
"""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass

from asyncua import ua

from opcua_ai.server.security.roles import Role


@dataclass(frozen=True)
class Caller:
    user: str
    """User name; empty for an anonymous session (ClientUserId of Part 5, 6.4.3)."""
    role: Role
    session_id: ua.NodeId
    client: str
    """Address of the client."""


CURRENT: ContextVar[Caller | None] = ContextVar("caller", default=None)


def caller() -> Caller | None:
    """Who called the method that is running; None when it is the server itself."""
    return CURRENT.get()
