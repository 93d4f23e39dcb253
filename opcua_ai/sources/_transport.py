"""asyncua's transport of the client with a short way for what comes and goes all the time.

A message in one chunk on a channel without security (Part 6, 6.7.2) is taken apart with one struct,
where asyncua makes five objects. Publish requests are put together with structs too, and all those
of one turn of the event loop leave in one write: a system call costs as much as decoding a thousand
values. Everything else takes asyncua's way.
"""

from __future__ import annotations

import asyncio
import struct
import time
from collections.abc import Sequence

from asyncua import ua
from asyncua.client.ua_client import UaClient, UASocketProtocol
from asyncua.common.connection import MessageChunk, SecureConnection, TransportLimits
from asyncua.common.utils import Buffer
from asyncua.crypto.security_policies import CryptographyNone, SecurityPolicy
from asyncua.ua.ua_binary import nodeid_to_binary
from asyncua.ua.uatypes import EPOCH_AS_FILETIME as EPOCH

from opcua_ai.sources._nodeid import four_bytes

_CHUNK = struct.Struct("<3scIIIII")
"""Message type, chunk type, size; channel, token; sequence number, request id."""
_HEAD = 8
_PUBLISH = four_bytes(ua.ObjectIds.PublishRequest_Encoding_DefaultBinary)
_REQUEST = struct.Struct("<qIIiI3s")
"""RequestHeader after the token: time, handle, diagnostics, audit entry, timeout, no more."""
LAST = 2**32 - 1
LARGEST = 64 * 2**20
"""Octets of a message in many chunks; asyncua gathers them without end."""


class Channel(SecureConnection):
    """asyncua's secure channel, which without security opens and closes single chunks by itself."""

    @property
    def largest_chunk(self) -> int:
        return self._limits.max_recv_buffer

    def _receive(self, msg: MessageChunk) -> ua.Message | None:
        if self._incoming_size + len(msg.Body) > LARGEST:
            raise ua.UaStatusCodeError(ua.StatusCodes.BadResponseTooLarge)
        return super()._receive(msg)

    def unpack(self, data: bytes, at: int, size: int) -> tuple[int, bytes] | None:
        """Request id and body of a whole message; None: asyncua has to look at it."""
        if size < _CHUNK.size:
            return None
        kind, final, _, channel, token, sequence, request = _CHUNK.unpack_from(data, at)
        if (
            kind != b"MSG"
            or final != b"F"
            or type(self.security_policy.symmetric_cryptography) is not CryptographyNone
            or channel != self.security_token.ChannelId
            or token != self.security_token.TokenId
            or self._peer_sequence_number is None
            or sequence != self._peer_sequence_number + 1
            or self._incoming_parts
        ):
            return None
        self._peer_sequence_number = sequence
        return request, data[at + _CHUNK.size : at + size]

    def pack(self, body: bytes, request: int) -> bytes:
        """The chunks of a request."""
        size = _CHUNK.size + len(body)
        if (
            type(self.security_policy.symmetric_cryptography) is not CryptographyNone
            or size > self._limits.max_send_buffer
        ):
            return self.message_to_binary(body, request_id=request)
        self._sequence_number = self._sequence_number % LAST + 1
        token = self.security_token
        head = _CHUNK.pack(
            b"MSG", b"F", size, token.ChannelId, token.TokenId, self._sequence_number, request
        )
        return head + body


class Transport(UASocketProtocol):
    """See the module."""

    def __init__(self, timeout: float, security_policy: SecurityPolicy) -> None:
        super().__init__(timeout, security_policy)
        self._connection = self._channel = Channel(
            security_policy, TransportLimits(65535, 65535, 0, 0)
        )
        self._leaving: list[tuple[bytes, int]] = []

    def data_received(self, data: bytes) -> None:
        if self.receive_buffer:
            data = self.receive_buffer + data
        at = 0
        while len(data) - at >= _HEAD:
            size = int.from_bytes(data[at + 4 : at + _HEAD], "little")
            if not _HEAD <= size <= self._channel.largest_chunk:
                return self._refuse(size)
            if size > len(data) - at:
                break
            opened = self._channel.unpack(data, at, size)
            if opened is None:
                break
            self._answered(*opened)
            at += size
        self.receive_buffer = None
        if at < len(data):
            self._process_received_data(data[at:] if at else data)

    def _refuse(self, size: int) -> None:
        """A chunk that asyncua would wait for, however long it is said to be."""
        self.logger.error("The server announces a chunk of %d octets", size)
        self._fail_all_pending(ua.UaStatusCodeError(ua.StatusCodes.BadTcpMessageTooLarge))
        self.disconnect_socket()

    def _answered(self, request: int, body: bytes) -> None:
        future = self._callbackmap.pop(request, None)
        if future is not None and not future.done():
            future.set_result(Buffer(body))

    def publish(self, acknowledgements: Sequence[tuple[int, int]]) -> asyncio.Future[Buffer]:
        """One Publish request (Part 4, 5.14.5); leaves with the others of this turn."""
        if self.transport is None:
            raise ConnectionError("Connection is not open")
        self._request_id += 1
        self._request_handle += 1
        now = time.time_ns() // 100 + EPOCH
        body = b"".join(
            (
                _PUBLISH,
                nodeid_to_binary(self.authentication_token),
                _REQUEST.pack(now, self._request_handle, 0, -1, 0, b"\0\0\0"),
                struct.pack("<i", len(acknowledgements)),
                *(struct.pack("<II", *pair) for pair in acknowledgements),
            )
        )
        future = self._callbackmap[self._request_id] = asyncio.get_running_loop().create_future()
        if not self._leaving:
            asyncio.get_running_loop().call_soon(self._leave)
        self._leaving.append((body, self._request_id))
        return future

    def _leave(self) -> None:
        leaving, self._leaving = self._leaving, []
        if self.transport is not None:
            self.revolve_security_token()
            self.transport.write(b"".join(self._channel.pack(*message) for message in leaving))


class TransportClient(UaClient):
    """asyncua's low-level client on this transport."""

    def _make_protocol(self) -> Transport:
        self.protocol = transport = Transport(self._timeout, self.security_policy)
        self.protocol.pre_request_hook = self._pre_request_hook
        self.protocol.on_connection_lost = self._on_transport_lost
        self.protocol.is_session_closing = self._is_session_closing
        return transport
