"""opcua-ai browse: the variables of an OPC UA server with type, unit, range, value and quality."""

from __future__ import annotations

import argparse
import asyncio
import math
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from opcua_ai.sources._tags import Variable
    from opcua_ai.sources.opcua import Options


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_connection(parser)
    parser.add_argument("--max-nodes", type=int, default=20_000, metavar="N")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--tree", action="store_true", help="as a tree instead of a table")
    form.add_argument("--json", action="store_true", help="as JSON on stdout")
    form.add_argument("--csv", action="store_true", help="as CSV on stdout")


def add_connection(parser: argparse.ArgumentParser) -> None:
    """Arguments of every command that connects to an endpoint without a configuration."""
    parser.add_argument("endpoint", help="e.g. opc.tcp://127.0.0.1:4840/simulator")
    parser.add_argument(
        "--root", default="Objects", metavar="PATH", help="browse path, or nsu=...;s=..."
    )
    parser.add_argument("--depth", type=int, default=12, metavar="N", help="levels below the root")
    add_access(parser)


def add_access(parser: argparse.ArgumentParser) -> None:
    """Arguments of every command that is a client: how it gets in."""
    parser.add_argument("--timeout", type=float, default=5.0, metavar="S", help="for one answer")
    parser.add_argument("--user", metavar="NAME")
    parser.add_argument("--password-env", metavar="VAR", help="variable that holds the password")
    parser.add_argument(
        "--security",
        metavar="POLICY,MODE,CERT,KEY[,SERVERCERT]",
        help="e.g. Basic256Sha256,SignAndEncrypt,pki/own.der,pki/own.pem",
    )


def run(args: argparse.Namespace) -> int:
    from opcua_ai.core import logs
    from opcua_ai.sources.opcua import look

    logs.setup("warning")
    variables = asyncio.run(look(source_options(args, max_nodes=args.max_nodes)))
    if args.json:
        _print_json(variables)
    elif args.csv:
        _print_csv(variables)
    elif args.tree:
        _print_tree(args.endpoint, variables)
    else:
        _print_table(variables)
    return 0


def source_options(args: argparse.Namespace, **more: Any) -> Options:
    """The connection arguments as options of the opcua source. Raises ConfigError."""
    place = {"endpoint": args.endpoint, "browse_root": args.root, "max_depth": args.depth}
    return client_options(args, **place, **more)


def client_options(args: argparse.Namespace, **more: Any) -> Options:
    """The arguments of ``add_access`` and ``more`` as options of the opcua source. Raises
    ConfigError."""
    from pydantic import ValidationError

    from opcua_ai.core.errors import ConfigError
    from opcua_ai.core.strict import mistakes
    from opcua_ai.sources.opcua import Options

    table = {
        "timeout_s": args.timeout,
        "user": args.user,
        "password_env": args.password_env,
        "security": security_table(args.security),
        **more,
    }
    try:
        return Options.model_validate(table)
    except ValidationError as error:
        raise ConfigError("\n".join(mistakes(error))) from error


def security_table(text: str | None) -> dict[str, str] | None:
    """``Policy,Mode,certificate,key[,server certificate]`` as a table; None for None."""
    if text is None:
        return None
    keys = ("policy", "mode", "certificate", "private_key", "server_certificate")
    return dict(zip(keys, text.split(","), strict=False))


def record(variable: Variable) -> dict[str, Any]:
    """One variable as plain values; None where the server gives nothing."""
    tag, data = variable.tag, variable.value
    moment = data.SourceTimestamp or data.ServerTimestamp
    return {
        "path": tag.path,
        "node_id": tag.node_id,
        "type": tag.data_type,
        "unit": tag.unit,
        "low": _finite(tag.low),
        "high": _finite(tag.high),
        "value": _plain(data.Value.Value if data.Value is not None else None),
        "quality": data.StatusCode.name if data.StatusCode is not None else "Good",
        "time": moment.isoformat() if moment else None,
        "description": tag.description,
    }


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return _finite(value)
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    # LocalizedText has a Text, QualifiedName and StatusCode a name
    return getattr(value, "Text", None) or getattr(value, "name", None) or str(value)


def _finite(number: float) -> float | None:
    return number if math.isfinite(number) else None


def _print_json(variables: Sequence[Variable]) -> None:
    import json

    json.dump([record(v) for v in variables], sys.stdout, indent=1, ensure_ascii=False)
    print()


def _print_csv(variables: Sequence[Variable]) -> None:
    import csv

    rows = [record(v) for v in variables]
    columns = ("path", "node_id", "type", "unit", "low", "high", "value", "quality", "time")
    writer = csv.DictWriter(sys.stdout, [*columns, "description"], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)


def _print_table(variables: Sequence[Variable]) -> None:
    from rich.markup import escape
    from rich.table import Table

    from opcua_ai.cli._terminal import quality_colour, shown, table_console

    table = Table("path", "type", "unit", "range", "value", "quality", box=None, pad_edge=False)
    table.columns[0].overflow = "fold"
    for variable in variables:
        row = record(variable)
        colour = quality_colour(row["quality"])
        table.add_row(
            escape(row["path"]),
            row["type"],
            escape(row["unit"]),
            _range(shown(row["low"]), shown(row["high"])),
            escape(shown(row["value"])),
            f"[{colour}]{row['quality']}[/]",
        )
    console = table_console()
    console.print(table)
    numeric = sum(v.numeric for v in variables)
    console.print(f"{len(variables)} variables, {numeric} of them numbers that can be tags")


def _print_tree(endpoint: str, variables: Sequence[Variable]) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.tree import Tree

    from opcua_ai.cli._terminal import quality_colour, shown

    root = Tree(escape(endpoint))
    branches: dict[tuple[str, ...], Tree] = {(): root}
    for variable in variables:
        row = record(variable)
        *folders, name = row["path"].split("/")
        for depth, folder in enumerate(folders, 1):
            key = tuple(folders[:depth])
            if key not in branches:
                branches[key] = branches[key[:-1]].add(f"[bold]{escape(folder)}[/]")
        colour = quality_colour(row["quality"])
        text = f"{escape(name)} = [{colour}]{escape(shown(row['value']))}[/] {escape(row['unit'])}"
        branches[*folders, name] = branches[tuple(folders)].add(text)
    Console().print(root)


def _range(low: str, high: str) -> str:
    return "" if low == high == "-" else f"{low} .. {high}"
