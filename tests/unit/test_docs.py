"""README and docs/: links lead somewhere, commands and tables say what the code says."""

from __future__ import annotations

import argparse
import re
import shlex
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest
from pydantic import BaseModel

from opcua_ai import cli
from opcua_ai.core import config
from opcua_ai.decisions import faults, setpoint
from opcua_ai.sources import opcua, recording
from opcua_ai_simulator import cli as simulator_cli
from opcua_ai_simulator import plants

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
REFERENCE = ROOT / "docs" / "reference"

LINK = re.compile(r"\]\(([^)\s]+)\)")
BLOCK = re.compile(r"^```.*?^```|^(?: {4}[^\n]*\n)+", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"`([^`\n]+)`")
COMMAND = re.compile(r"^(?:ExecStart=)?(?:\S*/)?(opcua-ai(?:-simulator)?)((?: \S+)+)$")
PLACEHOLDER = re.compile(r"[A-Z][A-Z.a-z]*")


def _name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def _commands(lines: Iterable[str]) -> list[tuple[str, list[str]]]:
    """(program, arguments) of the lines that are commands."""
    found = (COMMAND.match(line.strip()) for line in lines)
    return [(m[1], shlex.split(m[2], comments=True)) for m in found if m]


def _parser(program: str, words: Sequence[str]) -> argparse.ArgumentParser:
    if program == "opcua-ai":
        return cli._parser(words[0] if words else "")
    return simulator_cli._parser(words)


def _innermost(parser: argparse.ArgumentParser, words: Sequence[str]) -> argparse.ArgumentParser:
    """The parser of the subcommand that the words name. Fails for an unknown subcommand."""
    for word in words:
        nested = [a for a in parser._actions if isinstance(a, argparse._SubParsersAction)]
        if not nested or word.startswith("-") or PLACEHOLDER.fullmatch(word):
            break
        assert word in nested[0].choices, f"no command {word!r}"
        parser = nested[0].choices[word]
    return parser


def _options(parser: argparse.ArgumentParser) -> set[str]:
    return {text for action in parser._actions for text in action.option_strings}


def _all_options(parser: argparse.ArgumentParser) -> set[str]:
    """With those of its subcommands."""
    nested = [a for a in parser._actions if isinstance(a, argparse._SubParsersAction)]
    below = (_all_options(sub) for action in nested for sub in action.choices.values())
    return _options(parser).union(*below)


def _first_cells(text: str) -> list[list[str]]:
    """Of each table the first cells of its rows, without the heading."""
    tables = re.findall(r"(?:^\|.*\n?)+", text, re.MULTILINE)
    return [[row.split("|")[1] for row in table.splitlines()[2:]] for table in tables]


def _long_options(cells: Iterable[str]) -> set[str]:
    return {option for cell in cells for option in re.findall(r"--[a-z-]+", cell)}


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_every_relative_link_leads_to_a_file(page: Path) -> None:
    for target in LINK.findall(page.read_text("utf-8")):
        if "://" not in target and not target.startswith("#"):
            assert (page.parent / target.partition("#")[0]).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_every_command_of_a_code_block_can_be_parsed(page: Path) -> None:
    blocks = BLOCK.findall(page.read_text("utf-8"))
    for program, words in _commands(line for block in blocks for line in block.splitlines()):
        try:
            _parser(program, words).parse_args(words)
        except SystemExit as end:
            pytest.fail(f"{program} {shlex.join(words)}: exit code {end.code}")


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_every_command_in_the_text_names_what_exists(page: Path) -> None:
    spans = SPAN.findall(BLOCK.sub("", page.read_text("utf-8")))
    for program, words in _commands(spans):
        known = _options(_innermost(_parser(program, words), words))
        wrong = [word for word in words if word.startswith("-") and word not in known]
        assert not wrong, f"{program} {shlex.join(words)}"


@pytest.mark.parametrize("command", cli.COMMANDS)
def test_the_command_line_reference_lists_every_option(command: str) -> None:
    text = (REFERENCE / "cli.md").read_text("utf-8")
    section = re.search(rf"^## `opcua-ai {command}\b.*?(?=^## |\Z)", text, re.M | re.DOTALL)
    assert section, f"no section on {command}"
    documented = _long_options(SPAN.findall(section[0]))
    if command == "init":  # takes the options of the connection from browse
        browse = _innermost(cli._parser("browse"), ["browse"])
        documented |= _options(browse) - {"--max-nodes", "--tree", "--json", "--csv"}
    actual = _all_options(_innermost(cli._parser(command), [command]))
    assert documented - {"-h", "--help"} == {o for o in actual if o.startswith("--")} - {"--help"}


EVERY_PLANT = ["Options of every plant", "Misbehaviour"]
SECTION = {
    "recording": "Options of `run recording`",
    "tennessee-eastman": "The Tennessee Eastman plant",
    "williams-otto": "The Williams-Otto reactor",
}
PROGRAMS = [
    *((["run", name], [*EVERY_PLANT, SECTION[name]]) for name in plants.names()),
    (["generate", "tennessee-eastman"], ["Options of `generate`"]),
]


@pytest.mark.parametrize(("words", "headings"), PROGRAMS, ids=" ".join)
def test_the_simulator_reference_lists_every_option(words: list[str], headings: list[str]) -> None:
    text = (REFERENCE / "simulator.md").read_text("utf-8")
    parts = {part.partition("\n")[0]: part for part in text.split("\n## ")}
    tables = [table for heading in headings for table in _first_cells(parts[heading])]
    documented = _long_options(cell for table in tables for cell in table)
    actual = {o for o in _options(_innermost(simulator_cli._parser(words), words)) if "--" in o}
    assert _switches(documented) == _switches(actual - {"--help"})


def _switches(options: set[str]) -> set[str]:
    """A switch and its opposite are one: ``--noise`` and ``--no-noise``."""
    return {option.replace("--no-", "--") for option in options}


CONFIGURATION: list[tuple[type[BaseModel], set[str]]] = [
    (opcua.Options, {"kind"}),
    (config.Security, set()),
    (recording.Options, {"kind"}),
    (config.Model, {"assets"}),
    (config.Asset, set()),
    (faults.Options, {"policy"}),
    (setpoint.Options, {"policy"}),
    (config.Server, {"users"}),
    (config.History, set()),
    (config.Metrics, set()),
]
"""The tables of the page in their order; fields that the text around them tells of."""


def test_the_configuration_reference_lists_every_key() -> None:
    keys_alone, _, _ = (
        (REFERENCE / "configuration.md").read_text("utf-8").partition("## What a reload takes over")
    )
    tables = _first_cells(keys_alone)
    assert len(tables) == len(CONFIGURATION)
    for cells, (model, elsewhere) in zip(tables, CONFIGURATION, strict=True):
        keys = {key.partition(".")[0] for cell in cells for key in SPAN.findall(cell)}
        assert keys == set(model.model_fields) - elsewhere, model
