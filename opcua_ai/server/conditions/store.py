"""The file in which alarm states survive a restart: JSON, replaced as a whole."""

from __future__ import annotations

import contextlib
import json
import logging
import os
from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from opcua_ai.server.conditions.state import AlarmState

logger = logging.getLogger(__name__)

FILE = "alarms.json"
_VERSION = 1


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    version: int
    alarms: dict[str, AlarmState]


def read(path: Path) -> dict[str, AlarmState]:
    """The states of all alarms by name. A file that cannot be used is said and set aside (as
    ``.broken``), and every alarm begins anew."""
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        return {}
    except OSError as error:
        logger.error("%s: cannot be read (%s): all alarms begin anew", path, error.strerror)
        return {}
    try:
        file = _File.model_validate_json(text)
        if file.version != _VERSION:
            raise ValueError(f"version {file.version} is unknown, expected {_VERSION}")
    except ValueError as error:
        aside = path.with_name(f"{path.name}.broken")
        logger.error("%s: %s: all alarms begin anew; see %s", path, _line(error), aside.name)
        with contextlib.suppress(OSError):
            os.replace(path, aside)
        return {}
    return file.alarms


def _line(error: ValueError) -> str:
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        return f"{where}: {first['msg']}" if where else first["msg"]
    return str(error)


def write(path: Path, alarms: Mapping[str, str]) -> None:
    """Replace the file; ``alarms`` are states in JSON. Raises OSError, and then the old file stays.

    A power cut leaves the old file or the new one, never a part.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = ",\n".join(f"{json.dumps(name)}:{state}" for name, state in sorted(alarms.items()))
    fresh = path.with_name(f"{path.name}.new")
    with fresh.open("w", encoding="utf-8") as file:
        file.write(f'{{"version":{_VERSION},"alarms":{{\n{rows}\n}}}}\n')
        file.flush()
        os.fsync(file.fileno())
    os.replace(fresh, path)
