"""opcua-ai init: a commented starting configuration, made from what a live endpoint offers."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opcua_ai.cli._fits import Fit
    from opcua_ai.core.types import Tag
    from opcua_ai.sources.opcua import Options


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from opcua_ai.cli.browse import add_connection

    add_connection(parser)
    parser.add_argument("-o", "--output", type=Path, default=Path("opcua-ai.toml"), metavar="FILE")
    parser.add_argument("--force", action="store_true", help="overwrite an existing file")


def run(args: argparse.Namespace) -> int:
    from opcua_ai.cli import _fits
    from opcua_ai.cli.browse import source_options
    from opcua_ai.core import logs
    from opcua_ai.core.errors import ConfigError

    logs.setup("warning")
    if args.output.exists() and not args.force:
        raise ConfigError(f"{args.output} exists: choose another name or use --force")
    if not args.output.parent.is_dir():
        raise ConfigError(f"{args.output.parent}: no such folder")
    options = source_options(args)
    tags = asyncio.run(_tags(options))
    fits = _fits.find(tags)
    _write(args.output, configuration(options, tags, fits))
    models = ", ".join(f"{fit.manifest.name} for {', '.join(fit.assets)}" for fit in fits)
    print(f"{args.output}: {len(tags)} tags; models: {models or 'none of ours fits these tags'}")
    print(f"next: opcua-ai check {args.output} --connect")
    return 0


async def _tags(options: Options) -> list[Tag]:
    from opcua_ai.core.errors import ConfigError
    from opcua_ai.sources.opcua import look

    tags = [v.tag for v in await look(options) if v.numeric]
    if not tags:
        raise ConfigError(f"{options.endpoint}: no scalar number below {options.browse_root!r}")
    return tags


def configuration(options: Options, tags: Sequence[Tag], fits: Sequence[Fit]) -> str:
    """The text of the file."""
    parts = [
        "# opcua-ai: plant tags in, predictions and recommendations out.",
        "# Relative paths are relative to this file; passwords never stand in it.",
        "",
        *_source(options, tags),
        *(line for fit in fits for line in _model(fit)),
        *([] if fits else _no_model()),
        *(line for fit in fits for line in _decision(fit)),
        *_server(),
    ]
    return "\n".join(parts) + "\n"


def _source(options: Options, tags: Sequence[Tag]) -> list[str]:
    root, include = _branches(options, tags)
    lines = [
        "[sources.plant]",
        'kind = "opcua"',
        f"endpoint = {_text(options.endpoint)}",
        f"browse_root = {_text(root)}  # {len(tags)} scalar numbers below it",
        f"include = {_list(include)}  # patterns on browse paths, such as {_text(tags[0].path)}",
        "# exclude = []",
        f"# sampling_interval_ms = {options.sampling_interval_ms:g}",
        f"# publishing_interval_ms = {options.publishing_interval_ms:g}",
        f"# outage_s = {options.outage_s:g}  # cut of the network that loses no values",
    ]
    for key in ("max_depth", "timeout_s"):
        value = getattr(options, key)
        if value != type(options).model_fields[key].default:
            lines.append(f"{key} = {_toml(value)}")
    if options.user is not None:
        lines.append(f"user = {_text(options.user)}")
    if options.password_env is not None:
        lines.append(f"password_env = {_text(options.password_env)}")
    return [*lines, *_security(options), ""]


def _security(options: Options) -> list[str]:
    security = options.security
    if security is None:
        return [
            "# This connection is neither signed nor encrypted. Better:",
            "# [sources.plant.security]",
            '# policy = "Basic256Sha256"',
            '# mode = "SignAndEncrypt"',
            '# certificate = "pki/own/source.der"  # made on first use; let the server trust it',
            '# private_key = "pki/own/source.pem"',
        ]
    lines = [
        "[sources.plant.security]",
        f"policy = {_text(security.policy)}",
        f"mode = {_text(security.mode)}",
    ]
    for key in ("certificate", "private_key", "server_certificate"):
        path: Path | None = getattr(security, key)
        if path is not None:
            lines.append(f"{key} = {_text(str(path.resolve()))}")
    return lines


def _branches(options: Options, tags: Sequence[Tag]) -> tuple[str, list[str]]:
    """Browse root and include patterns: the one top branch of all tags, or all of them."""
    from opcua_ai.cli import _fits

    if options.browse_root != "Objects":
        return options.browse_root, ["*"]
    tops = sorted({tag.path.partition("/")[0] for tag in tags})
    if len(tops) == 1 and all("/" in tag.path for tag in tags):
        return tops[0], ["*"]
    if len(tops) > 20:
        return "Objects", ["*"]
    folders = {tag.path.partition("/")[0] for tag in tags if "/" in tag.path}
    return "Objects", [
        f"{_fits.literal(top)}/*" if top in folders else _fits.literal(top) for top in tops
    ]


def _model(fit: Fit) -> list[str]:
    manifest = fit.manifest
    application = "FaultPrediction" if manifest.task == "fault" else "ProductionOptimisation"
    outputs = ", ".join(output.name for output in manifest.outputs)
    lines = [
        f"# {manifest.title or manifest.name}: {len(manifest.inputs)} inputs -> {outputs}",
        f"[models.{fit.key}]",
        f'bundle = {_text(manifest.name)}  # newest version; "{manifest.name}/'
        f'{manifest.version}" holds this one',
        f'application = "{application}"',
        "schedule.interval_s = 1.0  # seconds of wall time between runs; or schedule.cron",
    ]
    for asset, pattern in fit.assets.items():
        lines += [
            f"[models.{fit.key}.assets.{asset}]",
            'source = "plant"',
            f"inputs = {_text(pattern)}  # matched to the model's inputs by BrowseName",
        ]
    return [*lines, ""]


def _no_model() -> list[str]:
    return [
        "# No shipped model has all its inputs here. Train one with 'opcua-ai train', then:",
        "# [models.mine]",
        '# bundle = "my_bundle"',
        "# schedule.interval_s = 1.0",
        "# [models.mine.assets.line1]",
        '# source = "plant"',
        '# inputs = "*"',
        "",
    ]


def _decision(fit: Fit) -> list[str]:
    from opcua_ai.decisions import faults, setpoint

    if fit.manifest.task == "fault":
        default = faults.Options(policy="faults", model=fit.key)
        return [
            f"[decisions.{fit.key}_alarm]",
            'policy = "faults"',
            f'model = "{fit.key}"',
            f"on_delay = {default.on_delay}  # windows in a row over the limit raise the alarm",
            f"off_delay = {default.off_delay}  # in a row below it end the alarm",
            "",
        ]
    example = setpoint.EXAMPLE
    inputs = {item.name for item in fit.manifest.inputs}
    mark = "" if example["tag"] in inputs else "# "
    value = next((o.name for o in fit.manifest.outputs if o.type == "value"), "cost")
    return [
        "# Advice only, nothing is written to the plant. Set limits that you allow.",
        f"{mark}[decisions.{fit.key}_setpoint]",
        f'{mark}policy = "setpoint"',
        f'{mark}model = "{fit.key}"',
        f'{mark}output = "{value}"',
        f'{mark}direction = "minimise"  # or "maximise"',
        *(f"{mark}{key} = {_toml(example[key])}" for key in ("tag", "low", "high", "max_step")),
        "",
    ]


def _server() -> list[str]:
    from opcua_ai.core.config import Server

    return [
        "[server]",
        f"endpoint = {_text(Server().endpoint)}",
        "# allow_none = false       # true opens policy None, for trials on loopback only",
        "# allow_anonymous = false  # true lets anonymous clients read",
        "# Without a user or allow_anonymous no client gets in:",
        "#   opcua-ai users add CONFIG NAME --role Operator",
        "# A client's certificate has to be trusted once:",
        "#   opcua-ai certs list CONFIG; opcua-ai certs trust CONFIG THUMBPRINT",
        "",
        "# [history]           # keeps predictions, recommendations, alarms and input tags",
        "# folder = 'history'  # 2 GB and 90 days at most",
        "",
        "# [metrics]                  # figures about opcua-ai itself, for Prometheus",
        "# listen = '127.0.0.1:9464'",
    ]


def _text(value: str) -> str:
    """A TOML basic string; JSON escapes are a subset of TOML's."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007F")


def _toml(value: object) -> str:
    return _text(value) if isinstance(value, str) else str(value)


def _list(values: Iterable[str]) -> str:
    return f"[{', '.join(_text(value) for value in values)}]"


def _write(path: Path, text: str) -> None:
    """Write a file that loads, or leave the old one. Raises ConfigError."""
    from opcua_ai.core import config
    from opcua_ai.core.errors import ConfigError

    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        draft.write_text(text, "utf-8")
        config.load(draft)
        draft.replace(path)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error
    finally:
        draft.unlink(missing_ok=True)
