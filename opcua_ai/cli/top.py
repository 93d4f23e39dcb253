"""opcua-ai top: the figures of a running advisory server as a live table."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from opcua_ai.core.config import Security, Server

LEAST_S, MOST_S = 0.1, 300.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from opcua_ai.cli.browse import add_access

    parser.add_argument(
        "server",
        nargs="?",
        default="opc.tcp://127.0.0.1:4841/opcua-ai",
        metavar="ENDPOINT or CONFIG",
        help="opc.tcp://host:port/path, or the TOML file of the server (default: %(default)s)",
    )
    once = "print one table and end; so it does without a terminal"
    parser.add_argument("--once", action="store_true", help=once)
    parser.add_argument(
        "--interval", type=float, default=1.0, metavar="S", help="between two readings (default 1)"
    )
    add_access(parser)


def run(args: argparse.Namespace) -> int:
    from opcua_ai import top
    from opcua_ai.cli._terminal import table_console
    from opcua_ai.cli.browse import client_options
    from opcua_ai.core import logs
    from opcua_ai.core.errors import ConfigError

    logs.setup("warning")
    if not LEAST_S <= args.interval <= MOST_S:
        raise ConfigError(f"--interval {args.interval:g}: give {LEAST_S:g} .. {MOST_S:g} seconds")
    configured = "://" not in args.server
    place = _configured(args) if configured else {"endpoint": args.server}
    # the server keeps the session at least from one reading to the next
    options = client_options(args, keep_alive_s=5 + args.interval, **place)
    console = table_console()
    with _hint(args.server, options.security) if configured else nullcontext():
        return top.run(options, args.interval, args.once or not console.is_terminal, console)


def _configured(args: argparse.Namespace) -> dict[str, Any]:
    """Where the server of a configuration is, and how one gets in; what was asked for by an option
    comes first."""
    from opcua_ai.core import config
    from opcua_ai.core.errors import ConfigError

    settings = config.load(Path(args.server)).server
    way: dict[str, Any] = {"endpoint": _reachable(settings.endpoint)}
    if args.user is None and not settings.allow_anonymous:
        if not settings.users:
            raise ConfigError(
                f"{args.server}: the server lets nobody in without a login: give --user NAME "
                "--password-env VAR"
            )
        name, user = next(iter(settings.users.items()))
        way |= {"user": name, **user.model_dump(include={"password_env", "password_file"})}
    if args.security is None and not (settings.allow_none and settings.allow_anonymous):
        way["security"] = _security(settings)
    return way


def _reachable(endpoint: str) -> str:
    """A server that listens on every address is reached on this machine."""
    url = urlsplit(endpoint)
    local = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(url.hostname or "")  # noqa: S104
    if local is None:
        return endpoint
    return url._replace(netloc=local if url.port is None else f"{local}:{url.port}").geturl()


def _security(settings: Server) -> dict[str, Any]:
    """Encrypted, with a certificate of our own beside the server's; no other server is accepted."""
    own = settings.certificate.parent
    return {
        "policy": "Basic256Sha256",
        "certificate": own / "opcua-ai-top.der",
        "private_key": own / "opcua-ai-top.pem",
        "server_certificate": settings.certificate,
    }


@contextmanager
def _hint(config: str, security: Security | None) -> Iterator[None]:
    """Says how the server gets to know us, where it refuses our certificate."""
    from opcua_ai.core.errors import AccessError

    try:
        yield
    except AccessError as error:
        if security is None or "refused the certificate" not in str(error):
            raise
        trust = f"opcua-ai certs trust {config} {security.certificate}"
        raise AccessError(f"{error}; here: {trust}") from error
