"""opcua-ai plugins: what this installation knows."""

from __future__ import annotations

import argparse

from opcua_ai.core import plugins


def add_arguments(parser: argparse.ArgumentParser) -> None:
    pass


def run(args: argparse.Namespace) -> int:
    for folder in plugins.FOLDERS:
        print(f"{folder}: {', '.join(plugins.names(folder))}")
    return 0
