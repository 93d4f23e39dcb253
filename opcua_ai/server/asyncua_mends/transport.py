"""Connections: how much of a client's data is held, and how many clients there are."""
# ruff: noqa: SLF001

from __future__ import annotations

import asyncio
import logging
from typing import Any

from asyncua import ua
from asyncua.common.utils import Buffer, ServiceError
from asyncua.server.binary_server_asyncio import BinaryServer, OPCUAProtocol
from asyncua.ua.ua_binary import header_from_binary

from opcua_ai.server.asyncua_mends.gate import DISCOVERY, Gate, error_message
from opcua_ai.server.asyncua_mends.requests import Requests

logger = logging.getLogger(__name__)

_MOST_WAITING = 4
"""Chunks that wait for being processed; then the client has to wait."""
_HEADER = 8
_TYPES = frozenset((b"HEL", b"OPN", b"MSG", b"CLO", b"ERR", b"ACK", b"RHE"))


class Processor(Requests, Gate):  # type: ignore[misc]
    """Answers nothing but discovery on a channel whose security policy is not offered.

    Every server has to open such a channel for GetEndpoints (Part 4, 5.4.4); asyncua lets clients
    log in on it, unencrypted and past the permission rules.
    """

    async def _process_message(self, typeid: Any, requesthdr: Any, seqhdr: Any, body: Any) -> bool:
        # Only the policies that the server offers carry permission rules.
        if self._connection.security_policy.permissions is None and typeid not in DISCOVERY:
            raise ServiceError(ua.StatusCodes.BadSecurityPolicyRejected)
        self.check_session(typeid, requesthdr.AuthenticationToken)
        return await super()._process_message(typeid, requesthdr, seqhdr, body)


class BoundedProtocol(OPCUAProtocol):
    """Takes no more from a client than is processed, and sends no more than it reads.

    asyncua keeps up to 500 chunks, each with a copy of all that came after it, buffers a message of
    any declared length, and answers a client that does not read until memory is full.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._received = bytearray()
        self._writable = asyncio.Event()
        self._writable.set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if len(self.clients) >= self.iserver.max_connections and not self._make_room():
            logger.warning("refused the connection of %s", transport.get_extra_info("peername"))
            full = error_message(ua.StatusCodes.BadMaxConnectionsReached)
            transport.write(full)  # type: ignore[attr-defined]
            transport.close()
            return
        super().connection_made(transport)
        self.processor = Processor(self.iserver, transport, self.limits)
        self.processor.set_policies(self.policies)

    def _make_room(self) -> bool:
        """Close the oldest connection without a session in use (Part 4, 5.5.2.1)."""
        for client in self.clients:
            session = client.processor.session if client.processor else None
            if session is None or not session.is_activated():
                self.clients.remove(client)
                if client.transport is not None:
                    client.transport.abort()
                return True
        return False

    def data_received(self, data: bytes) -> None:
        self._received += data
        self._queue_chunks()

    def _queue_chunks(self) -> None:
        """Hand whole chunks over while few of them wait; the socket is read no further else."""
        transport = self.transport
        if transport is None or transport.is_closing():
            self._received.clear()
            return
        while self.messages.qsize() < _MOST_WAITING and len(self._received) >= _HEADER:
            size = int.from_bytes(self._received[4:_HEADER], "little")
            if bytes(self._received[:3]) not in _TYPES or size <= _HEADER:
                return self._refuse(ua.StatusCodes.BadTcpMessageTypeInvalid)
            if size > self.limits.max_recv_buffer:
                return self._refuse(ua.StatusCodes.BadTcpMessageTooLarge)
            if len(self._received) < size:
                break
            chunk = Buffer(bytes(self._received[:size]))
            del self._received[:size]
            try:
                self.messages.put_nowait((header_from_binary(chunk), chunk))
            except Exception:  # shorter than its header
                return self._refuse(ua.StatusCodes.BadTcpMessageTypeInvalid)
        if self.messages.qsize() < _MOST_WAITING:
            transport.resume_reading()
        else:
            transport.pause_reading()
        return None

    def _refuse(self, status: int) -> None:
        logger.info("cut the connection from %s: %s", self.peer_name, ua.StatusCode(status).name)  # type: ignore[arg-type]
        self._received.clear()
        if self.transport is not None:
            self.transport.write(error_message(status))
            self.transport.close()

    async def _process_one_msg(self, header: Any, buf: Buffer) -> bool:
        await self._writable.wait()
        goes_on = await super()._process_one_msg(header, buf)
        if goes_on:
            self._queue_chunks()
        return goes_on

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()


class BoundedServer(BinaryServer):
    def _make_protocol(self) -> OPCUAProtocol:
        return BoundedProtocol(
            iserver=self.iserver,
            policies=self._policies,
            clients=self.clients,
            closing_tasks=self.closing_tasks,
            limits=self.limits,
        )
