"""TensorFlow writes to file descriptor 2 while it starts, whatever the log level is.

``quiet_stderr`` holds the descriptor during a block. Lines that TensorFlow's C++ side wrote go to
the log at DEBUG; all others are passed on to the real standard error when the block ends.
"""

from __future__ import annotations

import logging
import os
import re
import sys
import tempfile
from collections.abc import Generator
from contextlib import contextmanager

log = logging.getLogger(__name__)

_NOISE = re.compile(
    r"^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+: |[IWE]\d{4} \d\d:\d\d:\d\d\.\d+ |[IWE]0000 "
    r"|WARNING: All log messages before absl|To enable the following instructions)"
)


@contextmanager
def quiet_stderr() -> Generator[None]:
    """Hold file descriptor 2 during the block; on an exception everything is passed on."""
    sys.stderr.flush()
    try:
        real = os.dup(2)
    except OSError:  # a service without a standard error
        yield
        return
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        failed = False
        try:
            yield
        except Exception:
            failed = True
            raise
        finally:
            sys.stderr.flush()
            os.dup2(real, 2)
            os.close(real)
            held.seek(0)
            _pass_on(held.read(), failed)


def _pass_on(raw: bytes, failed: bool) -> None:
    for line in raw.decode(errors="replace").splitlines():
        if _NOISE.match(line) and not failed:
            log.debug("TensorFlow: %s", line)
        elif line.strip():
            sys.stderr.write(line + "\n")
