"""The inside of a worker process; without numpy, whose threads ``start`` still has to limit."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from multiprocessing.sharedctypes import Synchronized

_simulated: Synchronized[int] | None = None


def start(simulated: Synchronized[int]) -> None:
    """Leave Ctrl-C to the parent, die with it, and use one core."""
    global _simulated
    _simulated = simulated
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_die_with_parent, daemon=True).start()
    for library in ("OPENBLAS", "OMP", "MKL", "VECLIB_MAXIMUM"):
        os.environ[f"{library}_NUM_THREADS"] = "1"


def advance(seconds: int) -> None:
    """Tell the parent that as many seconds more have been simulated."""
    if _simulated is not None:
        with _simulated.get_lock():
            _simulated.value += seconds


def _die_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
