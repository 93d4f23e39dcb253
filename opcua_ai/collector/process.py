"""A collector process as the main process sees it: started, listened to, started again."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import sys
import time
from collections import Counter
from typing import Protocol

from opcua_ai.collector.channel import Channel
from opcua_ai.collector.messages import Close, Closed, FromCollector, Logged, ToCollector
from opcua_ai.core.errors import SourceLostError
from opcua_ai.windows.shared import Memory

log = logging.getLogger(__name__)

WORKER = "opcua_ai.collector.worker"
GRACE_S = 5.0
"""How long its sources may take to say goodbye."""
SILENCE_S = 30.0
"""It says something twice a second; one that is silent for so long hangs."""
FIRST_WAIT_S, LONGEST_WAIT_S = 1.0, 30.0
LONG_LIFE_S = 60.0
"""After so long a life the waits between starts begin anew."""


class Member(Protocol):
    """A source that runs in the process."""

    name: str

    def receive(self, message: FromCollector) -> None: ...

    def ended(self, why: str) -> None:
        """The process has gone, and nobody writes into its memory."""
        ...


class CollectorProcess:
    """Starts when its first source connects, stops when its last one is closed."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._members: dict[str, Member] = {}
        self._closing: Counter[str] = Counter()
        """Names of sources that the process has been told to close, and has not yet."""
        self._memory: Memory | None = None
        self._channel: Channel | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._listening: asyncio.Task[None] | None = None
        self._starting = asyncio.Lock()
        self._started = float("-inf")
        self._wait_s = 0.0

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None else None

    @property
    def memory(self) -> Memory:
        """Where the windows of its sources lie; the same one after each new start."""
        if self._memory is None:
            self._memory = Memory()
        return self._memory

    def join(self, member: Member) -> None:
        self._members[member.name] = member

    def send(self, message: ToCollector) -> None:
        """Nothing happens where there is no process: ``Member.ended`` has said so."""
        if self._channel is not None:
            self._channel.send(message)

    async def ready(self) -> None:
        """Start the process unless it runs. Raises SourceLostError when that does not work."""
        if self._channel is None:
            await asyncio.sleep(self._wait_s + self._started - time.monotonic())
        async with self._starting:
            if not self._members:
                raise SourceLostError(f"collector process {self.name}: closed")
            if self._channel is None:
                self._started = time.monotonic()
                try:
                    await self._start()
                except OSError as error:
                    raise SourceLostError(f"collector process {self.name}: {error}") from error

    async def leave(self, member: Member) -> None:
        """Close a source; with the last one the process ends. Safe to call twice."""
        if self._members.pop(member.name, None) is None:
            return
        if self._members:
            if self._channel is not None:
                self._closing[member.name] += 1
                self.send(Close(member.name))
            return
        async with self._starting:
            await self._stop()

    async def _start(self) -> None:
        # a program of its own: a fork would copy TensorFlow's threads and locks half-alive
        ours, theirs = socket.socketpair()
        with theirs:
            channel = await Channel.open(ours)
            handed = theirs.fileno(), self.memory.descriptor
            try:
                # in a session of its own, so that Ctrl-C reaches us alone
                self._process = await asyncio.create_subprocess_exec(
                    sys.executable, "-m", WORKER, *map(str, handed), str(log.getEffectiveLevel()),
                    stdin=asyncio.subprocess.DEVNULL, pass_fds=handed, start_new_session=True,
                )  # fmt: skip
            except BaseException:
                await channel.close()
                raise
        self._channel = channel
        work = self._listen(channel, self._process)
        self._listening = asyncio.create_task(work, name=f"collector {self.name}")

    async def _listen(self, channel: Channel, process: asyncio.subprocess.Process) -> None:
        while (message := await self._next(channel, process)) is not None:
            if isinstance(message, Logged):
                _log(message.record)
            elif isinstance(message, Closed):
                self._closing[message.source] -= 1
            elif self._closing[message.source]:
                pass  # the last words of the one before
            elif (member := self._members.get(message.source)) is not None:
                member.receive(message)
        await channel.close()
        code = await _end(process)
        self._channel = self._process = None
        self._closing.clear()
        if self._members:
            self._crashed(f"collector process {self.name} ended ({_reason(code)})")

    async def _next(
        self, channel: Channel, process: asyncio.subprocess.Process
    ) -> FromCollector | None:
        """None when the process has ended; one that hangs is ended here."""
        try:
            async with asyncio.timeout(SILENCE_S):
                return await channel.receive()
        except TimeoutError:
            log.error("collector process %s is silent for %g s: ended", self.name, SILENCE_S)
            process.kill()
            return None

    def _crashed(self, why: str) -> None:
        lived = time.monotonic() - self._started
        again = self._wait_s and lived < LONG_LIFE_S
        self._wait_s = min(2 * self._wait_s, LONGEST_WAIT_S) if again else FIRST_WAIT_S
        log.error("%s: starting it again; lost until then: %s", why, ", ".join(self._members))
        for member in list(self._members.values()):
            member.ended(why)

    async def _stop(self) -> None:
        if self._channel is not None:
            self._channel.finish()
        if self._listening is not None:
            await asyncio.wait([self._listening], timeout=GRACE_S)
            if self._process is not None:
                self._process.kill()
            await self._listening
        memory, self._memory = self._memory, None
        if memory is not None:
            memory.close()


async def _end(process: asyncio.subprocess.Process) -> int:
    """Wait for the process, whose channel is closed; SIGKILL when it hangs."""
    try:
        async with asyncio.timeout(GRACE_S):
            return await process.wait()
    except TimeoutError:
        process.kill()
        return await process.wait()


def _reason(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


def _log(record: logging.LogRecord) -> None:
    logger = logging.getLogger(record.name)
    if logger.isEnabledFor(record.levelno):
        logger.handle(record)
