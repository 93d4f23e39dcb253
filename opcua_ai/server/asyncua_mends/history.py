"""HistoryRead: asyncua knows raw values alone, answers an unknown node with an empty list, and its
SQLite store refuses string NodeIds and takes a millisecond a value in the event loop."""

from __future__ import annotations

from typing import Protocol

from asyncua import ua

from opcua_ai.server.values import code


class Service(Protocol):
    """Who reads the history."""

    async def read(
        self, session: object, params: ua.HistoryReadParameters
    ) -> list[ua.HistoryReadResult]: ...


class HistoryReads:
    """Hands the requests of all sessions on; without a history each node is refused."""

    def __init__(self) -> None:
        self.service: Service | None = None

    async def read(
        self, session: object, params: ua.HistoryReadParameters
    ) -> list[ua.HistoryReadResult]:
        if self.service is not None:
            return await self.service.read(session, params)
        refused = code(ua.StatusCodes.BadHistoryOperationUnsupported)
        return [ua.HistoryReadResult(StatusCode=refused) for _ in params.NodesToRead]
