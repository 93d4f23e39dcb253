"""opcua-ai check: is the configuration right, and with --connect: does the plant agree with it?"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from opcua_ai.core.errors import EXIT_OK, EXIT_USAGE, OpcuaAiError

if TYPE_CHECKING:
    from opcua_ai.core.config import Config
    from opcua_ai.core.ports import Source
    from opcua_ai.core.types import Samples, Tag
    from opcua_ai.inference.manifest import Manifest

ROWS_SHOWN = 200


@dataclass(slots=True)
class Found:
    """What the dry run of one source has found."""

    tags: Sequence[Tag] = ()
    samples: Samples | None = None
    feeds: dict[int, list[str]] = field(default_factory=dict[int, list[str]])
    """Column -> the models that it feeds."""
    problems: list[str] = field(default_factory=list[str])
    remarks: list[str] = field(default_factory=list[str])


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("config", type=Path, help="the TOML file")
    parser.add_argument(
        "--connect", action="store_true", help="connect to every source and match its tags"
    )


def run(args: argparse.Namespace) -> int:
    from opcua_ai.core import config, logs

    logs.setup("warning")
    settings = config.load(args.config)
    manifests, problems = verify(settings)
    _print_summary(settings, manifests)
    if args.connect:
        problems += asyncio.run(_connect(settings, manifests))
    for line in problems:
        print(f"opcua-ai: error: {args.config}: {line}", file=sys.stderr)
    if not problems:
        print("all is well" if args.connect else "the configuration is valid")
    return EXIT_USAGE if problems else EXIT_OK


def verify(config: Config) -> tuple[dict[str, Manifest], list[str]]:
    """Manifest of every model whose bundle is whole, and one line for everything that is wrong."""
    from opcua_ai.decisions import check_policies
    from opcua_ai.inference.bundle import verify_bundle

    manifests: dict[str, Manifest] = {}
    problems: list[str] = []
    for name, model in config.models.items():
        try:
            manifests[name] = verify_bundle(model.bundle)
        except OpcuaAiError as error:
            problems.append(f"models.{name}.bundle: {error}")
    for name, manifest in manifests.items():
        inputs = [item.name for item in manifest.inputs]
        outputs = [output.name for output in manifest.outputs]
        try:
            check_policies(config, name, inputs, outputs)
        except OpcuaAiError as error:
            problems.append(str(error))
    return manifests, problems


async def _connect(config: Config, manifests: Mapping[str, Manifest]) -> list[str]:
    """Dry-run all sources at the same time, print what they have; returns the problems."""
    from opcua_ai.core import plugins

    sources: dict[str, Source] = {
        name: plugins.load("sources", options.kind).Source(options, name)
        for name, options in config.sources.items()
    }
    found = await asyncio.gather(*(_dry_run(name, s) for name, s in sources.items()))
    problems: list[str] = []
    for name, result in zip(sources, found, strict=True):
        if result.tags:
            _match(config, manifests, name, result)
            _print_tags(name, result)
        problems += result.problems
    return problems


async def _dry_run(name: str, source: Source) -> Found:
    """Connect, find the tags, read them once."""
    result = Found()
    try:
        await source.connect()
        result.tags = source.tags
        read = getattr(source, "read", None)
        result.samples = await read() if read is not None else None
    except OpcuaAiError as error:
        result.problems.append(f"sources.{name}: {error}")
    finally:
        await source.close()
    return result


def _match(config: Config, manifests: Mapping[str, Manifest], source: str, found: Found) -> None:
    """Fill ``feeds`` and the problems of every asset on this source."""
    from opcua_ai.windows.matching import match_inputs

    for name, manifest in manifests.items():
        inputs = [item.name for item in manifest.inputs]
        for asset, options in config.models[name].assets.items():
            if options.source != source:
                continue
            match = match_inputs(options, inputs, found.tags)
            where = f"models.{name}.assets.{asset}"
            found.problems += [f"{where}: {line}" for line in match.problems]
            for column, item in zip(match.columns, manifest.inputs, strict=True):
                if column < 0:
                    continue
                feeds = found.feeds.setdefault(column, [])
                feeds += [name] if name not in feeds else []
                unit = found.tags[column].unit
                if unit and item.unit and unit != item.unit:
                    found.remarks.append(
                        f"{where}: {item.name} is in {unit!r} here, the model expects {item.unit!r}"
                    )


def _print_summary(config: Config, manifests: Mapping[str, Manifest]) -> None:
    from rich.markup import escape
    from rich.table import Table

    from opcua_ai.cli._terminal import table_console

    table = Table(box=None, show_header=False, pad_edge=False)
    for name, source in config.sources.items():
        where = getattr(source, "endpoint", None) or getattr(source, "file", "")
        table.add_row("source", name, escape(f"{source.kind} {where}"))
    for name, model in config.models.items():
        manifest = manifests.get(name)
        bundle = (
            f"{manifest.name} {manifest.version}, {len(manifest.inputs)} inputs"
            if manifest
            else f"{escape(model.bundle)} [red]cannot be used[/]"
        )
        table.add_row("model", name, f"{bundle}, {model.schedule}, {', '.join(model.assets)}")
    for name, policy in config.decisions.items():
        table.add_row("decision", name, f"{policy.policy} on {policy.model}")
    table.add_row("server", "", escape(config.server.endpoint))
    console = table_console()
    console.print(table)
    for line in _warnings(config):
        console.print(f"[yellow]note[/] {line}", highlight=False)


def _warnings(config: Config) -> list[str]:
    from opcua_ai.server.security import users

    lines = [
        f"sources.{name}: policy None, neither signed nor encrypted"
        for name, source in config.sources.items()
        if getattr(source, "kind", "") == "opcua"
        and (source.security is None or source.security.policy == "None")
    ]
    if config.server.allow_none:
        lines.append("server.allow_none: anybody on the network can read along")
    if config.server.allow_anonymous:
        role = config.server.anonymous_role
        lines.append(f"server.allow_anonymous: clients without a user are let in as {role}")
    elif not config.server.users and not users.read(config.server.users_file):
        lines.append("server: no users and no allow_anonymous: no client will get in")
    if config.server.trust_all_clients:
        lines.append("server.trust_all_clients: any client certificate is accepted")
    if not config.models:
        lines.append("no models: nothing will be predicted")
    return lines


def _print_tags(name: str, found: Found) -> None:
    from rich.markup import escape
    from rich.table import Table

    from opcua_ai.cli._terminal import table_console

    table = Table(title=f"source {name}", box=None, pad_edge=False, title_justify="left")
    for heading in ("path", "type", "unit", "value", "quality", "feeds"):
        table.add_column(heading)
    values = _values(found.samples)
    # what feeds a model comes first: with many tags the rest is not shown
    columns = sorted(range(len(found.tags)), key=lambda column: column not in found.feeds)
    for column in columns[:ROWS_SHOWN]:
        tag = found.tags[column]
        value, quality = values.get(column, ("", ""))
        feeds = ", ".join(found.feeds.get(column, []))
        table.add_row(escape(tag.path), tag.data_type, escape(tag.unit), value, quality, feeds)
    console = table_console()
    console.print(table)
    hidden = f", {len(columns) - ROWS_SHOWN} not shown" if len(columns) > ROWS_SHOWN else ""
    console.print(f"{len(columns)} tags, {len(found.feeds)} feed a model{hidden}")
    for line in found.remarks:
        console.print(f"[yellow]note[/] {escape(line)}", highlight=False)


def _values(samples: Samples | None) -> dict[int, tuple[str, str]]:
    """Column -> value and coloured quality, for people."""
    from opcua_ai.cli._terminal import quality_colour, shown
    from opcua_ai.core import status

    if samples is None:
        return {}
    shown_values: dict[int, tuple[str, str]] = {}
    for column, value, code in zip(samples.column, samples.value, samples.status, strict=True):
        quality = status.name(int(code))
        colour = quality_colour(quality)
        shown_values[int(column)] = (shown(float(value)), f"[{colour}]{quality}[/]")
    return shown_values
