"""Command line: one file per command, imported only when the command runs."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence

from opcua_ai import __version__
from opcua_ai.core.errors import EXIT_OK, OpcuaAiError

COMMANDS = {
    "demo": "a simulated plant, the advisory server and a client in one command",
    "init": "write a commented starting configuration from a live endpoint",
    "check": "validate a configuration; --connect dry-runs it against the plant",
    "browse": "show the tags of an OPC UA server",
    "serve": "run the advisory server as a service",
    "top": "the figures of a running advisory server as a live table",
    "users": "who may log in to the advisory server, and as what",
    "certs": "which clients the advisory server trusts, and its own certificate",
    "audit": "check that the audit file is what the server wrote",
    "history": "look into the history of a server, export it as a table",
    "train": "train a model bundle",
    "evaluate": "measure a bundle on its test data",
    "plugins": "list the known sources, model kinds and policies",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command. Exit codes: 0 fine, 1 unexpected, 2 somebody has to correct something."""
    args = sys.argv[1:] if argv is None else list(argv)
    parser = _parser(args[0] if args else "")
    options = parser.parse_args(args)
    if not options.command:
        parser.print_help()
        return EXIT_OK
    try:
        return importlib.import_module(f"opcua_ai.cli.{options.command}").run(options)
    except OpcuaAiError as error:
        for line in str(error).splitlines():
            print(f"opcua-ai: error: {line}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return EXIT_OK
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output (head, less) has gone
        return EXIT_OK


def _parser(wanted: str) -> argparse.ArgumentParser:
    """Only the wanted command's module is imported, so that --help stays fast."""
    parser = argparse.ArgumentParser("opcua-ai", description="Plant tags in, predictions out.")
    parser.add_argument("--version", action="version", version=f"opcua-ai {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    for name, text in COMMANDS.items():
        sub = commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
        if name == wanted:
            importlib.import_module(f"opcua_ai.cli.{name}").add_arguments(sub)
    return parser
