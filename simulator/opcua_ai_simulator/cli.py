"""Command line: ``opcua-ai-simulator list``, ``run <plant>`` and ``generate <plant>``.

asyncua, numpy and the plants are imported only where a command needs them: help is instant.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
import types
import typing
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, NoReturn

from opcua_ai_simulator import __version__, plants
from opcua_ai_simulator.errors import ConfigurationError, SimulatorError
from opcua_ai_simulator.factory.options import add_options

PROGRAM = "opcua-ai-simulator"
_DURATION = "without SECONDS until a client calls Normal(); may be given several times"


def main(argv: Sequence[str] | None = None) -> int:
    """0 after a normal end, 2 when an option, a file or the port has to be changed."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        parsed, unknown = _parser(arguments).parse_known_args(arguments)
        if unknown:
            where = f"{arguments[0]} {parsed.plant} --help" if "plant" in parsed else "--help"
            raise ConfigurationError(f"unknown option {unknown[0]}: see {PROGRAM} {where}")
        return parsed.command(parsed)
    except SimulatorError as error:
        print(f"{PROGRAM}: error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 0


def notice(text: str) -> None:
    print(f"{PROGRAM}: {text}", file=sys.stderr, flush=True)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{PROGRAM}: error: {message} (see {self.prog} --help)\n")


def _parser(arguments: Sequence[str]) -> argparse.ArgumentParser:
    parser = _Parser(
        prog=PROGRAM, description="Simulated plants as OPC UA servers.", allow_abbrev=False
    )
    parser.add_argument("--version", action="version", version=f"{PROGRAM} {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    listing = commands.add_parser("list", help="list the plants")
    listing.set_defaults(command=_list)
    run = commands.add_parser("run", help="serve a plant until Ctrl-C", allow_abbrev=False)
    choices = run.add_subparsers(required=True, metavar="PLANT", dest="plant")
    for name in plants.names():
        plant = choices.add_parser(
            name,
            help=f"see '{PROGRAM} run {name} --help'",
            allow_abbrev=False,
        )
        plant.set_defaults(command=_run)
        if arguments[:1] == ["run"] and name in arguments:
            _add_plant_options(plant, name)
            _add_server_options(plant)
            _add_misbehaviour(plant)
    _add_generate(commands)
    return parser


def _add_generate(commands: Any) -> None:
    generate = commands.add_parser(
        "generate", help="write many runs as files to train with", allow_abbrev=False
    )
    choices = generate.add_subparsers(required=True, metavar="PLANT", dest="plant")
    name = "tennessee-eastman"
    plant = choices.add_parser(
        name, help=f"see '{PROGRAM} generate {name} --help'", allow_abbrev=False
    )
    plant.set_defaults(command=_generate)
    add_options(plant)


def _list(_parsed: argparse.Namespace) -> int:
    for name in plants.names():
        print(f"{name:24} {plants.load(name).summary}")
    return 0


def _run(parsed: argparse.Namespace) -> int:
    kind = plants.load(parsed.plant)
    chosen = {field.name: getattr(parsed, field.name) for field in dataclasses.fields(kind.options)}
    built = kind.build(kind.options(**chosen), notice)
    from opcua_ai_simulator.shell import run

    return run(built, parsed, notice)


def _generate(parsed: argparse.Namespace) -> int:
    try:
        from opcua_ai_simulator.factory.command import generate

        generate(parsed, notice)
    except KeyboardInterrupt:
        notice("stopped: finished batches are kept; the same command goes on")
        return 130  # as shells have it after SIGINT
    return 0


def _add_plant_options(parser: argparse.ArgumentParser, name: str) -> None:
    """One flag for each field of the plant's options; ``seed`` is the server's flag."""
    kind = plants.load(name)
    parser.description = f"The plant {kind.summary}."
    group = parser.add_argument_group("plant")
    hints = typing.get_type_hints(kind.options)
    for field in dataclasses.fields(kind.options):
        if field.name == "seed":
            continue
        flag = "--" + field.name.replace("_", "-")
        details: dict[str, Any] = {"help": field.metadata["help"], "default": field.default}
        if hints[field.name] is bool:
            group.add_argument(flag, action=argparse.BooleanOptionalAction, **details)
        else:
            metavar = field.metadata["metavar"]
            group.add_argument(flag, type=_plain(hints[field.name]), metavar=metavar, **details)


def _plain(hint: Any) -> Any:
    """``int`` of ``int | None``."""
    if isinstance(hint, types.UnionType):
        return next(kind for kind in typing.get_args(hint) if kind is not type(None))
    return hint


def _add_server_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("server")
    group.add_argument(
        "--host", default="127.0.0.1", help="address to listen on, default 127.0.0.1"
    )
    group.add_argument("--port", type=_port, default=4840, help="default 4840, 0 = any free one")
    group.add_argument(
        "--speed",
        type=float,
        default=360.0,
        help="plant seconds per wall second, 1 to 2000, default 360 (two rows a second: the "
        "shipped recordings have a row every 180 s)",
    )
    group.add_argument("--paused", action="store_true", help="show the first row and wait")
    group.add_argument(
        "--plant-start",
        type=_moment,
        metavar="ISO",
        help="plant time of the first row, UTC unless it says otherwise; default now",
    )
    group.add_argument(
        "--log-level",
        choices=("debug", "info", "warning", "error"),
        help="show the OPC UA library's log on stderr; default off",
    )


def _add_misbehaviour(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group(
        "misbehaviour", "Signal faults and outages; a client can call the same as methods."
    )

    def repeated(flag: str, metavar: str, text: str) -> None:
        group.add_argument(
            flag,
            action="append",
            default=[],
            metavar=metavar,
            help=f"{text}, TAG '*' for all; {_DURATION}",
        )

    repeated("--quality", "TAG=CODE[:SECONDS]", "send a tag with a status code (name or number)")
    repeated("--freeze", "TAG[:SECONDS]", "repeat a tag's value")
    repeated(
        "--spikes",
        "TAG=PROBABILITY,PERCENT[:SECONDS]",
        "throw values off by PERCENT%% of the range with a probability",
    )
    group.add_argument(
        "--jitter",
        type=float,
        default=0.0,
        metavar="SECONDS",
        help="shift source times by up to +- SECONDS of plant time",
    )
    group.add_argument(
        "--drop",
        type=float,
        metavar="SECONDS",
        help="again and again close every connection and refuse new ones for SECONDS",
    )
    group.add_argument(
        "--drop-every",
        type=float,
        default=60.0,
        metavar="SECONDS",
        help="wall time from the end of one --drop to the next, default 60",
    )
    group.add_argument(
        "--seed",
        type=_seed,
        default=0,
        help="of spikes, jitter and the plant's own noise, default 0",
    )


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"'{text}' is no port: choose 0 to 65535")
    return int(text)


def _seed(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"'{text}' is no seed: choose a whole number from 0 on")
    return int(text)


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"'{text}' is no time: write it like 2024-05-01T12:00:00"
        ) from None
    if not 1970 <= moment.year <= 9000:  # OPC UA's DateTime ends with the year 9999
        raise argparse.ArgumentTypeError(f"the year of '{text}' is not within 1970 to 9000")
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
