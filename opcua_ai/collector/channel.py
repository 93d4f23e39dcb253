"""Messages between two processes of ours over a socket pair that nobody else can reach."""

from __future__ import annotations

import asyncio
import pickle
import socket
import struct
from contextlib import suppress
from typing import Any

_LENGTH = struct.Struct("<I")


class Channel:
    """Both ends are us, so pickle is safe."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, end: socket.socket) -> Channel:
        return cls(*await asyncio.open_unix_connection(sock=end))

    @property
    def waiting(self) -> int:
        """Bytes that the other side has not taken yet."""
        return self._writer.transport.get_write_buffer_size()

    def send(self, message: Any) -> None:
        """Never blocks; into a closed channel it sends nothing."""
        if not self._writer.is_closing():
            body = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
            self._writer.write(_LENGTH.pack(len(body)) + body)

    async def receive(self) -> Any:
        """The next message; None when the other side has gone."""
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            (length,) = _LENGTH.unpack(await self._reader.readexactly(_LENGTH.size))
            return pickle.loads(await self._reader.readexactly(length))
        return None

    def finish(self) -> None:
        """Send nothing more; the other side still may."""
        if not self._writer.is_closing():
            self._writer.write_eof()

    async def close(self) -> None:
        """What was sent before still leaves, as far as there is somebody who takes it."""
        self._writer.close()
        with suppress(ConnectionError):
            await self._writer.wait_closed()
