"""Keys of the terminal, one at a time and without Enter; they never block the event loop."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import Callable, Iterator

if sys.platform != "win32":
    import termios
    import tty

ESCAPE = "\x1b"
_STDIN = 0


def attended() -> bool:
    """Whether somebody can press keys: not on a pipe, nor in the background, nor on Windows."""
    if sys.platform == "win32" or not os.isatty(_STDIN):
        return False
    try:
        return os.tcgetpgrp(_STDIN) == os.getpgrp()
    except OSError:  # a terminal of somebody else
        return False


@contextlib.contextmanager
def keyboard(press: Callable[[str], None]) -> Iterator[None]:
    """Call ``press`` with each key while inside; the terminal is as before afterwards."""
    assert sys.platform != "win32"  # noqa: S101
    loop = asyncio.get_running_loop()

    def read() -> None:
        try:
            block = os.read(_STDIN, 1024)
        except OSError:  # hung up
            block = b""
        if not block:
            loop.remove_reader(_STDIN)
        for key in decode(block):
            press(key)

    before = termios.tcgetattr(_STDIN)
    try:
        tty.setcbreak(_STDIN)
        loop.add_reader(_STDIN, read)
        yield
    finally:
        loop.remove_reader(_STDIN)
        with contextlib.suppress(termios.error):  # hung up
            termios.tcsetattr(_STDIN, termios.TCSAFLUSH, before)


def decode(block: bytes) -> list[str]:
    """The keys of one read. Arrows and the like are a sequence after Esc and count as Esc."""
    if block.startswith(b"\x1b"):
        return [ESCAPE]
    return list(block.decode("utf-8", "replace"))
