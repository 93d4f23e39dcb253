"""opcua-ai serve: the advisory server as a service (SIGTERM or Ctrl-C ends it, exit code 0)."""

from __future__ import annotations

import argparse
import asyncio
import signal
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
    return asyncio.run(_serve(settings))


async def _serve(settings) -> int:  # noqa: ANN001
    from opcua_ai import app

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    models = await asyncio.to_thread(app.load_models, settings)
    await app.serve(settings, models, stop)
    return 0
