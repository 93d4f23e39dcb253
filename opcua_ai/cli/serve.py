"""opcua-ai serve: the advisory server as a service (SIGTERM or Ctrl-C ends it, exit code 0)."""

from __future__ import annotations

import argparse
import asyncio
import gc
import signal
import sys
from pathlib import Path


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
    from opcua_ai import app

    models = app.load_models(settings)
    # these objects stay until the end: the collector need not walk through them, also at the exit
    gc.freeze()
    return asyncio.run(_serve(settings, models))


async def _serve(settings, models) -> int:  # noqa: ANN001
    from opcua_ai import app

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    # nodes stay too: a walk through those of 10,000 predictions would hold the loop for a second
    await app.serve(settings, models, stop, built=gc.freeze)
    return 0
