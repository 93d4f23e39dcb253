"""Which tag of a source is which input of a model: by pattern and BrowseName, or by list."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from opcua_ai.core.config import Asset
from opcua_ai.core.errors import ConfigError
from opcua_ai.core.types import Tag


@dataclass(frozen=True, slots=True)
class Match:
    columns: Sequence[int]
    """Index into the source's tags for each input of the model; -1 = not found."""
    problems: Sequence[str]
    """One line for each input that was not found, with the closest names."""


def match_inputs(asset: Asset, inputs: Sequence[str], tags: Sequence[Tag]) -> Match:
    """Find each model input among the tags.

    A pattern (``Plant/*``) chooses browse paths; among these the BrowseName must equal the input's
    name. A list gives one browse path for each input, in the bundle's order. Raises ConfigError
    when a list has the wrong length or a BrowseName is ambiguous: both would feed a model with
    the wrong values. A tag that is not there is only reported.
    """
    if isinstance(asset.inputs, str):
        return _by_pattern(asset.inputs, inputs, tags)
    return _by_list(asset.inputs, inputs, tags)


def _by_pattern(pattern: str, inputs: Sequence[str], tags: Sequence[Tag]) -> Match:
    by_name: dict[str, list[int]] = {}
    for column, tag in enumerate(tags):
        if fnmatchcase(tag.path, pattern):
            by_name.setdefault(tag.name, []).append(column)
    for name in inputs:
        if len(by_name.get(name, ())) > 1:
            paths = ", ".join(tags[column].path for column in by_name[name])
            raise ConfigError(
                f"inputs = {pattern!r}: input {name!r} is ambiguous: {paths}; narrow the pattern"
            )
    columns = [by_name[name][0] if name in by_name else -1 for name in inputs]
    return Match(columns, _problems(columns, inputs, list(by_name), f"inputs = {pattern!r}"))


def _by_list(paths: Sequence[str], inputs: Sequence[str], tags: Sequence[Tag]) -> Match:
    if len(paths) != len(inputs):
        raise ConfigError(
            f"inputs: {len(paths)} browse paths for {len(inputs)} model inputs; "
            f"give one for each of: {', '.join(inputs)}"
        )
    by_path = {tag.path: column for column, tag in enumerate(tags)}
    columns = [by_path.get(path, -1) for path in paths]
    return Match(columns, _problems(columns, paths, list(by_path), "inputs"))


def _problems(
    columns: Sequence[int], wanted: Sequence[str], known: Sequence[str], key: str
) -> list[str]:
    return [
        f"{key}: no tag {name!r}{_hint(name, known)}"
        for name, column in zip(wanted, columns, strict=True)
        if column < 0
    ]


def _hint(name: str, known: Sequence[str]) -> str:
    close = difflib.get_close_matches(name, known, n=3)
    return f"; close to it: {', '.join(close)}" if close else ""
