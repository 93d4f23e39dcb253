"""``opcua-ai evaluate BUNDLE``: make a bundle's figures again, from data."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``opcua-ai evaluate``."""
    parser.add_argument("bundle", help="name, name/version or folder of a bundle")
    parser.add_argument("--data", type=Path, metavar="FILE", help="data instead of data.file")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures as JSON")
    parser.add_argument("--png", type=Path, metavar="FILE", help="write a picture")


def run(args: argparse.Namespace) -> int:
    """Evaluate and print tables."""
    from rich.console import Console

    from opcua_ai.core.errors import EXIT_OK
    from opcua_ai.training.judge import evaluate

    console = Console(markup=False)  # brackets in names and paths are no markup
    evaluate(args.bundle, console, data=args.data, json_file=args.json, png_file=args.png)
    return EXIT_OK
