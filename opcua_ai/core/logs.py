"""Structured logs on stderr: readable text, or one JSON object a line."""

from __future__ import annotations

import logging
import sys
from typing import Literal

# Third parties that log their inner life at INFO, or expected network trouble with tracebacks.
_NOISY = {"asyncua": logging.CRITICAL, "apscheduler": logging.ERROR, "tensorflow": logging.ERROR}


class OneLine(logging.Formatter):
    """A record is one line, whatever a stranger has got into it (a name, an address, a policy);
    only tracebacks have more."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802
        line = super().formatMessage(record)
        return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in line)


def setup(level: str = "info", form: Literal["text", "json"] = "text") -> None:
    """Send the log of opcua-ai to stderr. At ``debug`` the libraries speak too."""
    handler = logging.StreamHandler(sys.stderr)
    if form == "json":
        from pythonjsonlogger.json import JsonFormatter

        names = {"asctime": "time", "levelname": "level", "name": "logger"}
        fields = "%(asctime)s %(levelname)s %(name)s %(message)s"
        handler.setFormatter(JsonFormatter(fields, rename_fields=names))
    else:
        handler.setFormatter(OneLine("%(asctime)s %(levelname)-7s %(message)s"))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    if level != "debug":
        for name, floor in _NOISY.items():
            logging.getLogger(name).setLevel(floor)
