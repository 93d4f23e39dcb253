"""Simulates chunks in processes and ends them all when one fails or a person presses Ctrl-C."""

from __future__ import annotations

import contextlib
import multiprocessing
import signal
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import FIRST_EXCEPTION, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool

from opcua_ai_simulator.errors import ConfigurationError
from opcua_ai_simulator.factory import worker
from opcua_ai_simulator.factory.plan import Run

_LOOK_EVERY = 0.2  # s


def run(
    chunks: Sequence[Sequence[Run]],
    work: Callable[[Sequence[Run]], None],
    jobs: int,
    look: Callable[[int], None],
) -> None:
    """``look`` hears several times a second how many seconds have been simulated."""
    context = multiprocessing.get_context("spawn")
    simulated = context.Value("q", 0)
    processes = max(1, min(jobs, len(chunks)))
    with ProcessPoolExecutor(processes, context, worker.start, (simulated,)) as pool:
        try:
            with _deaf_to_interrupt():
                waiting = {pool.submit(work, chunk) for chunk in chunks}
            while waiting:
                done, waiting = wait(waiting, _LOOK_EVERY, FIRST_EXCEPTION)
                for future in done:
                    future.result()
                look(simulated.value)
        except BaseException as error:
            pool.shutdown(wait=False, cancel_futures=True)
            for child in multiprocessing.active_children():
                child.terminate()
            if isinstance(error, BrokenProcessPool):
                raise ConfigurationError(
                    "a process was killed, perhaps for want of memory: choose smaller --jobs or "
                    "--batch; the same command goes on"
                ) from None
            raise


@contextlib.contextmanager
def _deaf_to_interrupt() -> Generator[None]:
    """A process that starts now does not show a traceback at an early Ctrl-C."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
