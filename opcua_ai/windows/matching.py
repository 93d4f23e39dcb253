"""Which tag of a source is which input of a model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from fnmatch import fnmatchcase

from opcua_ai.core.config import Asset
from opcua_ai.core.types import VACANT, Tag

MISSING = -1


@dataclass(frozen=True, slots=True)
class Match:
    """The outcome for one asset."""

    columns: list[int]
    """For each input of the model the column of its tag; -1: there is none."""
    problems: list[str] = field(default_factory=list[str])
    """One line for each input without exactly one tag, with the nearest names."""


def match_inputs(asset: Asset, input_names: Sequence[str], tags: Sequence[Tag]) -> Match:
    """Find the tag of every input.

    ``asset.inputs`` as a pattern: among the tags whose browse path matches it, the one whose
    BrowseName is the input's name. As a list: the tags with these browse paths, in the order of
    the model's inputs.
    """
    if isinstance(asset.inputs, str):
        return _by_name(asset.inputs, input_names, tags)
    return _by_path(asset.inputs, input_names, tags)


def _by_name(pattern: str, input_names: Sequence[str], tags: Sequence[Tag]) -> Match:
    found: dict[str, list[int]] = {}
    for column, tag in enumerate(tags):
        if tag is not VACANT and (tag.path == pattern or fnmatchcase(tag.path, pattern)):
            found.setdefault(tag.name, []).append(column)
    match = Match([])
    for name in input_names:
        columns = found.get(name, [])
        match.columns.append(columns[0] if len(columns) == 1 else MISSING)
        if not columns:
            near = _near(name, list(found))
            match.problems.append(f"no tag {name!r} matches {pattern!r}{near}")
        elif len(columns) > 1:
            paths = ", ".join(tags[column].path for column in columns[:4])
            match.problems.append(
                f"{name!r} is ambiguous: {paths}; narrow inputs = {pattern!r} to one of them"
            )
    return match


def _by_path(paths: Sequence[str], input_names: Sequence[str], tags: Sequence[Tag]) -> Match:
    column_of = {tag.path: column for column, tag in enumerate(tags) if tag is not VACANT}
    match = Match([column_of.get(path, MISSING) for path in paths[: len(input_names)]])
    match.columns.extend([MISSING] * (len(input_names) - len(match.columns)))
    if len(paths) != len(input_names):
        match.problems.append(f"inputs lists {len(paths)} tags, the model has {len(input_names)}")
    match.problems.extend(
        f"no tag {path!r}{_near(path, list(column_of))}" for path in paths if path not in column_of
    )
    return match


def _near(name: str, known: list[str]) -> str:
    near = get_close_matches(name, known, n=3, cutoff=0.6)
    if near:
        return f"; near: {', '.join(near)}"
    return f"; there are {len(known)} others" if known else "; nothing matches it"
