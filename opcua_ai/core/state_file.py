"""Small files of what survives a restart: JSON, checked when read, replaced as a whole."""

from __future__ import annotations

import contextlib
import logging
import os
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

logger = logging.getLogger(__name__)

M = TypeVar("M", bound=BaseModel)


def read(path: Path, kind: type[M], lost: str) -> M | None:
    """What the file holds; None when there is none. A file that cannot be used is reported with
    what is ``lost`` by that (such as ``all alarms begin anew``) and set aside as ``.broken``."""
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        logger.error("%s: cannot be read (%s): %s", path, error.strerror, lost)
        return None
    try:
        return kind.model_validate_json(text)
    except ValidationError as error:
        aside = path.with_name(f"{path.name}.broken")
        logger.error("%s: %s: %s; see %s", path, _line(error), lost, aside.name)
        with contextlib.suppress(OSError):
            os.replace(path, aside)
        return None


def _line(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    where = ".".join(map(str, first["loc"]))
    return f"{where}: {first['msg']}" if where else first["msg"]


def replace(path: Path, text: str) -> None:
    """Write the file anew. Raises OSError, and then the old file stays.

    A power cut leaves the old file or the new one, never a part.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f"{path.name}.new")
    with fresh.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(fresh, path)
