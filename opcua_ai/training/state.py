"""What a stopped training leaves behind, so that the same command goes on.

``.opcua-ai/training/<name>/seed-<n>/`` holds ``epoch-<n>.keras`` (weights and optimizer)
and ``state.json`` (the key of the training and the number of finished epochs).
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

HOME = Path(".opcua-ai") / "training"


def training_key(*parts: str) -> str:
    """Identity of a training: same configuration, data and seed = same key."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class TrainingState:
    """The state folder of one seed."""

    folder: Path
    key: str

    def checkpoint(self, epochs: int) -> Path:
        """The model after that many epochs."""
        return self.folder / f"epoch-{epochs}.keras"

    def finished_epochs(self) -> int:
        """Epochs that a training with this key has finished; 0 when there is none."""
        record = self._read()
        if record.get("key") != self.key:
            return 0
        epochs = int(record.get("epochs", 0))
        return epochs if self.checkpoint(epochs).is_file() else 0

    def is_of_another_training(self) -> bool:
        """True when the folder holds the state of a training with another key."""
        record = self._read()
        return bool(record) and record.get("key") != self.key

    def save(self, model: Any, epochs: int) -> None:
        """Keep the model after ``epochs`` epochs; a kill in between leaves the older state."""
        self.folder.mkdir(parents=True, exist_ok=True)
        newest = self.checkpoint(epochs)
        model.save(newest)
        note = self.folder / "draft.json"
        note.write_text(json.dumps({"key": self.key, "epochs": epochs}), encoding="utf-8")
        os.replace(note, self.folder / "state.json")
        for older in self.folder.glob("epoch-*.keras"):
            if older != newest:
                older.unlink()

    def clear(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    def _read(self) -> dict[str, Any]:
        try:
            record = json.loads((self.folder / "state.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return record if isinstance(record, dict) else {}


def take_up(state: TrainingState, title: str, console: Console, fresh: bool = False) -> None:
    """Say whether a training goes on or starts afresh; clear a state that is of no use."""
    if fresh:
        state.clear()
    elif state.is_of_another_training():
        console.print(
            f"{title}: configuration or data have changed since the last training: starting afresh",
            soft_wrap=True,
        )
        state.clear()
    elif done := state.finished_epochs():
        console.print(f"{title}: going on after epoch {done}")
