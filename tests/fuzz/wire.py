"""A client's end of a connection without a socket: chunks go straight into the protocol."""

from __future__ import annotations

import asyncio
from typing import Any

from asyncua.ua import ua_binary

from opcua_ai.server.asyncua_mends.transport import BoundedProtocol

_PATIENCE_S = 5.0


class Transport(asyncio.Transport):
    """Collects what the server sends."""

    def __init__(self) -> None:
        super().__init__({"peername": ("127.0.0.1", 1), "sockname": ("127.0.0.1", 2)})
        self.sent = bytearray()
        self.closed = False

    def write(self, data: Any) -> None:
        self.sent += data

    def close(self) -> None:
        self.closed = True

    abort = close

    def is_closing(self) -> bool:
        return self.closed

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass


class Wire:
    """One connection. ``say`` returns when the server has done with what was said."""

    def __init__(self, listener: Any, recorded_token: bytes) -> None:
        self._transport = Transport()
        self._protocol: BoundedProtocol = listener._make_protocol()
        self._protocol.connection_made(self._transport)
        self._recorded_token = recorded_token
        self._token = recorded_token
        self._channel = b"\0\0\0\0"
        self._sequence = 0
        self._busy = 0
        self._idle = asyncio.Event()
        self._watch()

    def _watch(self) -> None:
        process = self._protocol._process_one_msg

        async def watched(*chunk: Any) -> bool:
            self._busy += 1
            self._idle.clear()
            try:
                return await process(*chunk)
            finally:
                self._busy -= 1
                self._idle.set()

        self._protocol._process_one_msg = watched  # type: ignore[method-assign]

    @property
    def open(self) -> bool:
        return not self._transport.closed

    def alive(self, chunk: bytes) -> bytes:
        """A recorded chunk, for the channel and session of this connection."""
        self._sequence += 1
        number = self._sequence.to_bytes(4, "little")
        if chunk[:3] in (b"MSG", b"CLO"):
            chunk = chunk[:8] + self._channel + chunk[12:16] + number + chunk[20:]
            return chunk.replace(self._recorded_token, self._token)
        return chunk

    async def say(self, chunk: bytes) -> bytes:
        """Send bytes; what the server answers at once. Raises TimeoutError when it hangs."""
        self._transport.sent.clear()
        self._protocol.data_received(chunk)
        async with asyncio.timeout(_PATIENCE_S):
            for _ in range(3):
                await asyncio.sleep(0)
            while self.open and (self._busy or not self._protocol.messages.empty()):
                self._idle.clear()
                await self._idle.wait()
        return bytes(self._transport.sent)

    async def handshake(self, hello: bytes, opening: bytes, create: bytes, activate: bytes) -> None:
        await self.say(hello)
        answer = await self.say(opening)
        self._channel = answer[8:12]
        self._sequence = int.from_bytes(opening[-len(_body(opening)) - 8 :][:4], "little")
        answer = await self.say(self.alive(create))
        self._token = _token(answer)
        answer = await self.say(self.alive(activate))
        assert b"MSGF" == answer[:4], answer

    async def hang_up(self) -> None:
        self._transport.closed = True
        self._protocol.connection_lost(None)
        await self._protocol.closing_tasks.pop()


def _body(opening: bytes) -> bytes:
    """After the sequence header of an OpenSecureChannel chunk of policy None."""
    buffer = ua_binary.Buffer(opening)
    header = ua_binary.header_from_binary(buffer)
    assert header.MessageType == b"OPN"
    ua_binary.struct_from_binary(ua_binary.ua.AsymmetricAlgorithmHeader, buffer)
    buffer.skip(8)
    return bytes(buffer)


def _token(answer: bytes) -> bytes:
    """The 32 bytes of the authentication token in a CreateSession response: the second NodeId
    behind a 4-byte length of 32."""
    mark = answer.index(b"\x05\x00\x00\x20\x00\x00\x00")
    return answer[mark + 7 : mark + 39]
