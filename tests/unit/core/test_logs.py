"""Log lines that strangers have a share in."""

from __future__ import annotations

import logging
import sys

from opcua_ai.core.logs import OneLine


def record(text: str, *arguments: object, exc_info: object = None) -> logging.LogRecord:
    return logging.LogRecord("x", logging.INFO, "", 0, text, arguments, exc_info)  # type: ignore[arg-type]


def test_nobody_writes_lines_or_colours_of_his_own() -> None:
    shown = OneLine("%(levelname)s %(message)s").format(
        record("cut the connection: %s", "policy\nERROR all is lost\x1b[2J é")
    )
    assert shown == "INFO cut the connection: policy\\nERROR all is lost\\x1b[2J é"


def test_a_traceback_keeps_its_lines() -> None:
    try:
        raise ValueError("why")
    except ValueError:
        shown = OneLine("%(message)s").format(record("failed", exc_info=sys.exc_info()))
    assert shown.startswith("failed\nTraceback")
    assert shown.endswith("\nValueError: why")
