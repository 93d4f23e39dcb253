"""opcua-ai users: who may log in to the advisory server, and as what."""

from __future__ import annotations

import argparse
import getpass
import os
import sys
from pathlib import Path
from typing import get_args

from opcua_ai.core.config import RoleName


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    for name, text in (
        ("list", "names, roles and how they log in"),
        ("add", "add a user, or change one with --replace"),
        ("remove", "remove a user"),
    ):
        action = actions.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
        action.add_argument("config", type=Path, help="the TOML file of the server")
        if name != "list":
            action.add_argument("name", metavar="NAME")
        if name == "add":
            _add_options(action)


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--role", choices=get_args(RoleName), default="Observer")
    parser.add_argument(
        "--password-env", metavar="VAR", help="environment variable that holds the password"
    )
    parser.add_argument(
        "--certificate",
        type=Path,
        metavar="FILE",
        help="log in with this certificate's key instead",
    )
    parser.add_argument("--replace", action="store_true", help="the user exists already")


def run(args: argparse.Namespace) -> int:
    from opcua_ai.core import config
    from opcua_ai.core.errors import ConfigError
    from opcua_ai.server.security import users

    settings = config.load(args.config).server
    accounts = users.read(settings.users_file)
    if args.action == "list":
        _list(settings, accounts)
        return 0
    if args.name in settings.users:
        raise ConfigError(f"{args.name} stands in server.users of {args.config}: change it there")
    known = args.name in accounts
    if args.action == "remove":
        if not known:
            raise ConfigError(f"{settings.users_file}: no user {args.name}")
        del accounts[args.name]
    else:
        if known and not args.replace:
            raise ConfigError(f"{args.name} exists already: give --replace to change it")
        accounts[args.name] = _account(args)
    users.write(settings.users_file, users.checked(settings.users_file, accounts))
    print(f"{settings.users_file}: {args.name} {'removed' if args.action == 'remove' else 'saved'}")
    return 0


def _account(args: argparse.Namespace):  # noqa: ANN202
    from opcua_ai.core.errors import ConfigError
    from opcua_ai.server.security.passwords import hashed
    from opcua_ai.server.security.trust import parse, thumbprint
    from opcua_ai.server.security.users import Account

    if args.certificate is None:
        return Account(role=args.role, password=hashed(_password(args.password_env)))
    try:
        found = thumbprint(parse(args.certificate.read_bytes()))
    except (OSError, ValueError) as error:
        raise ConfigError(f"{args.certificate}: no certificate (DER or PEM): {error}") from error
    return Account(role=args.role, certificate=found)


def _password(variable: str | None) -> str:
    from opcua_ai.core.errors import ConfigError
    from opcua_ai.server.security.passwords import MAX_LENGTH

    if variable is not None:
        password = os.environ.get(variable, "")
        missing = f"--password-env: environment variable {variable} is not set or empty"
    elif sys.stdin.isatty():
        password = getpass.getpass("Password: ")
        if getpass.getpass("Again: ") != password:
            raise ConfigError("the passwords differ: try again")
        missing = "the password is empty: try again"
    else:
        password = sys.stdin.readline().rstrip("\r\n")
        missing = "no password on standard input; or give --password-env"
    if not password:
        raise ConfigError(missing)
    if len(password.encode("utf-8")) > MAX_LENGTH:
        raise ConfigError(f"the password is longer than {MAX_LENGTH} bytes")
    return password


def _list(settings, accounts) -> None:  # noqa: ANN001
    from rich.table import Table

    from opcua_ai.cli._terminal import table_console

    table = Table("name", "role", "logs in with", "stands in")
    for name, user in settings.users.items():
        table.add_row(name, user.role, "password", "configuration")
    for name, account in accounts.items():
        how = "password" if account.password else f"certificate {account.certificate[:16]}"
        table.add_row(name, account.role, how, settings.users_file.name)
    if settings.allow_anonymous:
        table.add_row("(anonymous)", settings.anonymous_role, "nothing", "configuration")
    table_console().print(table)
