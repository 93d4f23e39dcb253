"""What is read from a file: unknown keys are refused, and each mistake becomes one line.

A line names the key, the value and what is allowed. Tables are not shown: they may hold secrets.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

LONGEST_VALUE = 60


class Strict(BaseModel):
    """Base of every table that is read from a file; values are frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class LocatedError(ValueError):
    """A mistake whose lines (``args``) already name their keys."""


def mistakes(error: ValidationError, prefix: tuple[str, ...] = ()) -> list[str]:
    """One line for each mistake; ``prefix`` is where the validated table stands in its file."""
    lines: list[str] = []
    for item in error.errors(include_url=False):
        cause = item.get("ctx", {}).get("error")
        if isinstance(cause, LocatedError):
            lines += cause.args
        else:
            lines.append(_line(item, prefix))
    return lines


def _line(item: ErrorDetails, prefix: tuple[str, ...]) -> str:
    key = ".".join((*prefix, *(str(part) for part in item["loc"] if part != "[key]")))
    if item["type"] == "extra_forbidden":
        return f"{key}: unknown key; remove it or correct its spelling"
    if item["type"] == "missing":
        return f"{key}: required key is missing"
    reason = _reason(item)
    return f"{key}{_shown(item['input'])}: {reason}" if key else reason


def _reason(item: ErrorDetails) -> str:
    cause = item.get("ctx", {}).get("error")
    if isinstance(cause, ValueError):
        return str(cause)
    return f"{item['msg'][0].lower()}{item['msg'][1:]}"


def _shown(value: object) -> str:
    text = repr(value)
    if not isinstance(value, (str, int, float, bool, list)):
        return ""
    return f" = {text if len(text) <= LONGEST_VALUE else text[: LONGEST_VALUE - 3] + '...'}"
