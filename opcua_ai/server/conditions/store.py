"""The file in which alarm states survive a restart."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from opcua_ai.core import state_file
from opcua_ai.server.conditions.state import AlarmState

FILE = "alarms.json"
_VERSION = 1


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    version: Literal[1]
    alarms: dict[str, AlarmState]


def read(path: Path) -> dict[str, AlarmState]:
    """The states of all alarms by name. A file that cannot be used is said and set aside (as
    ``.broken``), and every alarm begins anew."""
    file = state_file.read(path, _File, "all alarms begin anew")
    return file.alarms if file is not None else {}


def write(path: Path, alarms: Mapping[str, str]) -> None:
    """Replace the file; ``alarms`` are states in JSON. Raises OSError; then the old one stays."""
    rows = ",\n".join(f"{json.dumps(name)}:{state}" for name, state in sorted(alarms.items()))
    state_file.replace(path, f'{{"version":{_VERSION},"alarms":{{\n{rows}\n}}}}\n')
