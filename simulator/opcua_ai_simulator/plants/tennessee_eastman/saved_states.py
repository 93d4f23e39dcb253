"""Plant states kept as files: ``<folder>/<name>.npz``."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from opcua_ai_simulator.errors import InvalidStateError, OutOfRangeError

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_KIND = "control"  # entry that says what the state belongs to


class SavedStates:
    """States of plants with one kind of control."""

    def __init__(self, folder: Path, control: str) -> None:
        self._folder, self._control = folder, control

    def save(self, name: str, state: Mapping[str, NDArray[Any]]) -> None:
        """Replaces a state of that name; the old one stays until the new one is whole."""
        path = self._path(name)
        arrays: dict[str, Any] = {_KIND: np.array(self._control), **state}
        unfinished = path.with_suffix(".tmp")
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with unfinished.open("wb") as file:
                np.savez(file, **arrays)
            unfinished.replace(path)
        except OSError as error:
            raise InvalidStateError(f"cannot save {path}: {error.strerror}") from None

    def load(self, name: str) -> dict[str, NDArray[Any]]:
        path = self._path(name)
        try:
            # NumPy leaves a file open that it cannot read; hence it gets an open one.
            with path.open("rb") as file, np.load(file) as arrays:
                state = dict(arrays)
        except FileNotFoundError:
            raise OutOfRangeError(f"no state is called '{name}' in {self._folder}") from None
        except (OSError, ValueError, zipfile.BadZipFile):
            raise InvalidStateError(f"{path} is not a saved state: save it again") from None
        control = str(state.pop(_KIND, ""))
        if control != self._control:
            raise InvalidStateError(
                f"{path} belongs to a plant with --control {control or '?'}, "
                f"this one has {self._control}"
            )
        return state

    def _path(self, name: str) -> Path:
        if not _NAME.fullmatch(name):
            raise OutOfRangeError(f"'{name}' is no name for a state: 1 to 64 of A-Z a-z 0-9 _ -")
        return self._folder / f"{name}.npz"
