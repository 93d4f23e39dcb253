"""Security-relevant actions: into the audit file and out as audit events (Part 5, 6.4)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from asyncua import ua

from opcua_ai.server.occurrence import SERVER, Occurrence, base_fields
from opcua_ai.server.security.audit_file import AuditFile
from opcua_ai.server.values import boolean, moment, node, node_id, string

logger = logging.getLogger(__name__)

_MOST_WAITING = 10_000
_LONGEST_TEXT = 300
_NAMES = {
    ua.ObjectIds.AuditOpenSecureChannelEventType: "SecureChannel/OpenSecureChannel",
    ua.ObjectIds.AuditCreateSessionEventType: "Session/CreateSession",
    ua.ObjectIds.AuditActivateSessionEventType: "Session/ActivateSession",
    ua.ObjectIds.AuditUpdateMethodEventType: "Attribute/Call",
    ua.ObjectIds.AuditWriteUpdateEventType: "Attribute/Write",
    ua.ObjectIds.AuditEventType: "Server",
}
"""Event type -> SourceName (Part 4, 6.5)."""
_FOR_THE_EVENT = {"type", "session_id"}
"""What of a record is not for the file."""

Emit = Callable[[Occurrence], Awaitable[None]]


class Auditor:
    """Collects records and writes them in the background, in order.

    A disk that is full or broken does not stop the server: what could not be written is counted,
    logged, and named by the next record that can.
    """

    def __init__(self, file: AuditFile) -> None:
        self._file: AuditFile | None = file
        self._waiting: list[dict[str, Any]] = []
        self._lost = 0
        self._more = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._emit: Emit | None = None

    def start(self, emit: Emit) -> None:
        self._emit = emit
        self._task = asyncio.create_task(self._run())
        self.record(ua.ObjectIds.AuditEventType, "the server starts")

    async def stop(self) -> None:
        """Write what is left and close the file; safe to call twice."""
        if self._task is not None:
            self.record(ua.ObjectIds.AuditEventType, "the server stops")
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
            await self._write()
        file, self._file = self._file, None
        if file is not None:
            file.close()

    def record(
        self,
        event_type: int,
        text: str,
        *,
        good: bool = True,
        user: str = "",
        client: str = "",
        session: ua.NodeId | None = None,
        source: str = "",
    ) -> None:
        """Note an action. ``text`` must not hold a secret; ``source`` is the SourceName where the
        event type has several."""
        if len(self._waiting) >= _MOST_WAITING:
            self._lost += 1
            return
        self._waiting.append(
            {
                "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
                "event": source or _NAMES[event_type],
                "type": event_type,
                "session_id": session,
                "good": good,
                "user": user[:_LONGEST_TEXT],
                "client": client,
                "text": text[:_LONGEST_TEXT],
            }
        )
        self._more.set()

    async def _run(self) -> None:
        while True:
            await self._more.wait()
            self._more.clear()
            writing = asyncio.ensure_future(self._write())
            try:
                await asyncio.shield(writing)
            except asyncio.CancelledError:
                await writing
                raise

    async def _write(self) -> None:
        records, self._waiting = self._waiting, []
        lines = [{k: value for k, value in r.items() if k not in _FOR_THE_EVENT} for r in records]
        if self._lost and lines:
            lines[0]["lost"] = self._lost
        if self._file is None:
            return
        try:
            await asyncio.to_thread(self._file.append, lines)
        except OSError as error:
            self._lost += len(records)
            logger.error("audit file: %s; %d records are lost so far", error.strerror, self._lost)
        else:
            self._lost = 0 if lines else self._lost
        for record in records:
            if self._emit is not None:
                await self._emit(_event(record))


def _event(record: dict[str, Any]) -> Occurrence:
    """An AuditEventType or a subtype (Part 5, 6.4.3)."""
    at = datetime.fromisoformat(record["time"])
    kind, severity = node_id(record["type"]), 1 if record["good"] else 500
    fields = {
        **base_fields(kind, SERVER, record["event"], record["text"], severity, at),
        "ReceiveTime": moment(at),
        "ActionTimeStamp": moment(at),
        "Status": boolean(record["good"]),
        "ServerId": string("opcua-ai"),
        "ClientAuditEntryId": string(""),
        "ClientUserId": string(record["user"]),
    }
    if record["session_id"] is not None:
        fields["SessionId"] = node(record["session_id"])
    return Occurrence(fields, frozenset({SERVER}))
