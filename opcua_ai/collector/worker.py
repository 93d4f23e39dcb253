"""The program of a collector process: ``python -m opcua_ai.collector.worker SOCKET MEMORY LEVEL``.

It is started by the main process alone, which hands over both descriptors, and ends with it: at the
end of the socket, however that came. A terminal's Ctrl-C and a service manager's SIGTERM are for
the main process, which then ends this one.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import sys
from logging.handlers import QueueHandler
from queue import SimpleQueue

from opcua_ai.collector.channel import Channel
from opcua_ai.collector.host import Host
from opcua_ai.collector.messages import Close, Closed, Connect, Logged, Run
from opcua_ai.windows.shared import Memory

PERIOD_S = 0.05
"""How late a settled row may close."""
PERIODS_PER_STATUS = 10


class _ToMainProcess(QueueHandler):
    """Log records go where the main process's own go."""

    def __init__(self, channel: Channel) -> None:
        super().__init__(SimpleQueue[logging.LogRecord]())  # not used: see enqueue
        self.setFormatter(logging.Formatter())  # the main process's handler does the rest
        self._channel = channel

    def enqueue(self, record: logging.LogRecord) -> None:
        self._channel.send(Logged(record))


async def _serve(end: socket.socket, memory: Memory, level: int) -> None:
    channel = await Channel.open(end)
    logging.basicConfig(level=level, handlers=[_ToMainProcess(channel)], force=True)
    hosts: dict[str, Host] = {}
    chores = asyncio.create_task(_chores(channel, hosts), name="chores")
    try:
        while (message := await channel.receive()) is not None:
            match message:
                case Connect():
                    host = hosts.get(message.source) or Host(message, channel, memory)
                    hosts[message.source] = host
                    host.connect()
                case Run():
                    hosts[message.source].run(message)
                case Close():
                    # one that was still waiting for the process has no host
                    if (host := hosts.pop(message.source, None)) is not None:
                        await host.close()
                    channel.send(Closed(message.source))
                case _:
                    raise TypeError(f"unknown message {message!r}")
    finally:
        chores.cancel()
        await asyncio.gather(
            chores, *(host.close() for host in hosts.values()), return_exceptions=True
        )
        await channel.close()


async def _chores(channel: Channel, hosts: dict[str, Host]) -> None:
    """Close rows that have settled; now and then say how the sources are."""
    while True:
        for _ in range(PERIODS_PER_STATUS):
            await asyncio.sleep(PERIOD_S)
            for host in hosts.values():
                host.close_settled()
        for host in hosts.values():
            channel.send(host.status())


def main() -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    end, memory, level = (int(argument) for argument in sys.argv[1:])
    asyncio.run(_serve(socket.socket(fileno=end), Memory(memory), level))


if __name__ == "__main__":
    main()
