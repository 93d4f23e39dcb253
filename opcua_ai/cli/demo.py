"""opcua-ai demo: see the main job done in under a minute."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

UNATTENDED_S = 60.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    fault = "the disturbance IDV(n) that begins by itself; 0 = none (default 5)"
    speed = "plant time runs X times faster, 1 .. 2000 (default 360)"
    duration = "end by itself (default: at Ctrl-C or q; after 60 s without a terminal)"
    add("--fault", type=int, default=5, metavar="0..29", help=fault)
    add("--speed", type=float, default=360.0, metavar="X", help=speed)
    add("--duration", type=float, metavar="SECONDS", help=duration)
    add("--screenshot", type=Path, metavar="FILE", help="save the last screen as SVG")
    add("--plant-port", type=int, default=4840, help="4840, or a free one when it is taken")
    add("--server-port", type=int, default=4841, help="4841, or a free one when it is taken")


def run(args: argparse.Namespace) -> int:
    from opcua_ai.core import logs
    from opcua_ai.core.errors import ConfigError
    from opcua_ai.demo import FASTEST, LAST_FAULT, SLOWEST, Settings, run

    logs.setup("warning")
    if not 0 <= args.fault <= LAST_FAULT:
        raise ConfigError(f"--fault {args.fault}: give 0 (none) .. {LAST_FAULT}")
    if not SLOWEST <= args.speed <= FASTEST:
        raise ConfigError(f"--speed {args.speed:g}: give {SLOWEST:g} .. {FASTEST:g}")
    if args.duration is not None and args.duration <= 0:
        raise ConfigError(f"--duration {args.duration:g}: give a number of seconds above 0")
    duration = args.duration
    if duration is None and not sys.stdout.isatty():
        duration = UNATTENDED_S
    settings = Settings(
        fault=args.fault,
        speed=args.speed,
        duration_s=duration,
        plant_port=args.plant_port,
        server_port=args.server_port,
        screenshot=args.screenshot,
    )
    return run(settings)
