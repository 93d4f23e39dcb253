"""A pseudo-terminal, for programs that draw a screen."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
import time
from collections.abc import Sequence


class Terminal:
    """A program in the foreground of a terminal of its own; ``close`` it at the end."""

    def __init__(self, command: Sequence[str], rows: int = 34, columns: int = 120) -> None:
        self._master, self._slave = pty.openpty()
        fcntl.ioctl(self._slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.before = self.modes()
        self.rest = ""
        self.process = subprocess.Popen(
            command,
            stdin=self._slave,
            stdout=self._slave,
            stderr=subprocess.STDOUT,
            env=os.environ | {"TERM": "xterm-256color"},
            start_new_session=True,
            # its controlling terminal, so that it is in the foreground
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )

    def modes(self) -> list[object]:
        return termios.tcgetattr(self._slave)

    def press(self, keys: str) -> None:
        os.write(self._master, keys.encode())

    def read_until(self, text: str, seconds: float = 60.0) -> str:
        """What it has written up to there, at least."""
        shown, end = "", time.monotonic() + seconds
        while text not in shown and time.monotonic() < end:
            if select.select([self._master], [], [], 0.2)[0]:
                shown += os.read(self._master, 65536).decode("utf-8", "replace")
        assert text in shown, shown[-6000:]
        return shown

    def wait(self) -> int:
        """Its exit code; what it still writes is in ``rest``."""
        running = True
        while running:
            running = self.process.poll() is None
            while select.select([self._master], [], [], 0.2 if running else 0)[0]:
                self.rest += os.read(self._master, 65536).decode("utf-8", "replace")
        return self.process.returncode

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._master)
        os.close(self._slave)
