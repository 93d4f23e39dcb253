"""opcua-ai serve: the advisory server as a service (SIGTERM or Ctrl-C ends it, exit code 0; SIGHUP
reads the configuration again)."""

from __future__ import annotations

import argparse
import asyncio
import gc
import logging
import signal
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opcua_ai.core.config import Config

log = logging.getLogger(__name__)

RELOAD = getattr(signal, "SIGHUP", None)
"""None: this operating system has no such signal."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("config", type=Path, help="the TOML file ('opcua-ai init' writes one)")
    parser.add_argument("--log-format", choices=("text", "json"), default="text")
    parser.add_argument(
        "--log-level", choices=("debug", "info", "warning", "error"), default="info"
    )


def run(args: argparse.Namespace) -> int:
    from opcua_ai.core import config, logs

    logs.setup(args.log_level, args.log_format)
    settings = config.load(args.config)
    # TensorFlow takes seconds to load, and nothing is open yet: leave at once when told to
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    reload = asyncio.Event()
    if RELOAD is not None:
        signal.signal(RELOAD, lambda *_: reload.set())
    from opcua_ai import app

    models = app.load_models(settings)
    # these objects stay until the end: the collector need not walk through them, also at the exit
    gc.freeze()
    return asyncio.run(_serve(settings, models, args.config, reload))


async def _serve(settings, models, file: Path, reload: asyncio.Event) -> int:  # noqa: ANN001
    from opcua_ai import app

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if RELOAD is not None:
        loop.add_signal_handler(RELOAD, reload.set)
    # nodes stay too: a walk through those of 10,000 predictions would hold the loop for a second
    next_config = partial(_next_config, file, reload)
    await app.serve(settings, models, stop, built=gc.freeze, next_config=next_config)
    return 0


async def _next_config(file: Path, asked: asyncio.Event) -> Config:
    """Waits until it is asked for, and for a file without mistakes."""
    from opcua_ai.core import config
    from opcua_ai.core.errors import ConfigError

    while True:
        await asked.wait()
        asked.clear()
        try:
            return await asyncio.to_thread(config.load, file)
        except ConfigError as error:
            for line in str(error).splitlines():
                log.error("%s", line)
            log.error("the configuration stays as it is")
