"""``opcua-ai train CONFIG.toml``: train a bundle; Ctrl-C stops, the same command goes on."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``opcua-ai train``."""
    parser.add_argument("config", type=Path, metavar="CONFIG.toml", help="what to train")
    parser.add_argument("--data", type=Path, metavar="FILE", help="data instead of data.file")
    parser.add_argument("--seed", type=int, help="train this one seed instead of the listed ones")
    parser.add_argument("--output", type=Path, metavar="DIR", help="root folder of the bundles")
    parser.add_argument(
        "--validate",
        action="store_true",
        help="judge the settings on held-out parts of the training runs; write no bundle",
    )
    parser.add_argument(
        "--fresh", action="store_true", help="start afresh instead of going on after a stop"
    )


def run(args: argparse.Namespace) -> int:
    """Train; 0 also after Ctrl-C, which leaves a state that the same command resumes."""
    from rich.console import Console

    from opcua_ai.core.errors import EXIT_OK
    from opcua_ai.training.fit import Interrupted
    from opcua_ai.training.runner import train, validate

    console = Console(markup=False)  # brackets in names and paths are no markup
    try:
        if args.validate:
            validate(args.config, console, data=args.data, seed=args.seed, fresh=args.fresh)
        else:
            train(
                args.config,
                console,
                data=args.data,
                seed=args.seed,
                output=args.output,
                fresh=args.fresh,
            )
    except (Interrupted, KeyboardInterrupt) as stop:
        kept = f" {stop};" if isinstance(stop, Interrupted) else ""
        console.print(f"stopped:{kept} go on with the same command", soft_wrap=True)
    return EXIT_OK
