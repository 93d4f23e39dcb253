"""opcua-ai certs: which clients the server trusts, and its own certificate."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    for name, text in (
        ("list", "own, trusted and rejected certificates"),
        ("trust", "let a client in"),
        ("reject", "keep a client out"),
        ("renew", "make a new certificate for the server; takes effect at its next start"),
    ):
        action = actions.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
        action.add_argument("config", type=Path, help="the TOML file of the server")
        if name in ("trust", "reject"):
            what = "the beginning of its thumbprint, or a file (DER or PEM)"
            action.add_argument("certificate", metavar="CERTIFICATE", help=what)


def run(args: argparse.Namespace) -> int:
    from opcua_ai.core import config

    settings = config.load(args.config).server
    if args.action == "list":
        _list(settings)
    elif args.action == "renew":
        _renew(settings)
    else:
        _move(settings, args.certificate, args.action)
    return 0


def _list(settings) -> None:  # noqa: ANN001
    from rich.markup import escape
    from rich.table import Table

    from opcua_ai.cli._terminal import table_console
    from opcua_ai.core.errors import ConfigError
    from opcua_ai.server.security.chain import subject
    from opcua_ai.server.security.trust import TrustList, parse, thumbprint

    table = Table("state", "thumbprint", "subject", "valid until")
    rows = [(e.state, e.certificate) for s in _STATES for e in TrustList(settings.pki).entries(s)]
    if settings.certificate.is_file():
        try:
            rows.insert(0, ("own", parse(settings.certificate.read_bytes())))
        except ValueError as error:
            raise ConfigError(f"{settings.certificate}: not a certificate: {error}") from error
    for state, certificate in rows:
        until = f"{certificate.not_valid_after_utc:%F}"
        table.add_row(state, thumbprint(certificate)[:16], escape(subject(certificate)), until)
    table_console().print(table)


_STATES = "trusted", "ca", "issuers", "rejected"


def _move(settings, chosen: str, action: str) -> None:  # noqa: ANN001
    from opcua_ai.core.errors import ConfigError
    from opcua_ai.server.security.chain import subject
    from opcua_ai.server.security.trust import TrustList, parse, thumbprint

    trust = TrustList(settings.pki)
    beginning, file = chosen, Path(chosen)
    if file.is_file():
        try:
            beginning = thumbprint(trust.add(parse(file.read_bytes()), "rejected").certificate)
        except ValueError as error:
            raise ConfigError(f"{file}: not a certificate (DER or PEM): {error}") from error
    state = "trusted" if action == "trust" else "rejected"
    entry = trust.move(beginning, state)
    print(f"{state}: {subject(entry.certificate)} ({entry.path})")
    if state == "rejected" and trust.accepts(entry.certificate):
        raise ConfigError(
            f"{subject(entry.certificate)} is still let in: an authority in {trust.folder / 'ca'} "
            "vouches for it; put a revocation list of that authority (.crl) there"
        )


def _renew(settings) -> None:  # noqa: ANN001
    from urllib.parse import urlsplit

    from opcua_ai.server.secured import APPLICATION_URI
    from opcua_ai.server.security import certificate

    host = urlsplit(settings.endpoint).hostname or ""
    files = settings.certificate, settings.private_key
    for old in certificate.renew(*files, APPLICATION_URI, host):
        print(f"kept: {old}")
    print(f"made: {settings.certificate}; restart the server, then let the clients trust it")
