"""opcua-ai audit: is the audit file what the server wrote?"""

from __future__ import annotations

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    text = "check the chain of hashes; prints the last one"
    verify = actions.add_parser("verify", help=text, description=text[0].upper() + text[1:] + ".")
    verify.add_argument("config", type=Path, help="the TOML file of the server")
    verify.add_argument("--known", metavar="HASH", help="a hash, noted earlier, that must be there")
    verify.add_argument("--file", type=Path, help="another audit file, such as one moved away")


def run(args: argparse.Namespace) -> int:
    from opcua_ai.core import config
    from opcua_ai.server.security.audit_file import verify

    path = args.file or config.load(args.config).server.audit_file
    found = verify(path, args.known)
    print(f"{path}: {found.records} records, unchanged; last hash {found.last}")
    return 0
