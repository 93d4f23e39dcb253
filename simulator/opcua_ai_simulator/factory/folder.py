"""What lies where: ``plan.json``, ``runs.csv`` and a file a run in ``runs/``."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from opcua_ai_simulator import __version__
from opcua_ai_simulator.errors import ConfigurationError
from opcua_ai_simulator.factory import files
from opcua_ai_simulator.factory.columns import index_row
from opcua_ai_simulator.factory.plan import Run
from opcua_ai_simulator.factory.settings import Settings

_OUTCOME = ("rows", "trip_h", "trip")


@dataclasses.dataclass(frozen=True, slots=True)
class Folder:
    """The folder of one set of settings; its methods raise OSError."""

    path: Path
    settings: Settings

    def file_of(self, run: Run) -> Path:
        return self.path / "runs" / f"{run.name}.{self.settings.format}"

    def holds(self, runs: Sequence[Run]) -> bool:
        return all(self.file_of(run).is_file() for run in runs)

    def check(self) -> None:
        """Raises ConfigurationError unless it is new, empty or begun with the same settings."""
        if not self.path.exists():
            return
        if not self._plan_file.exists():
            if any(self.path.iterdir()):
                raise ConfigurationError(
                    f"--out {self.path} holds something else: choose a new or an empty folder"
                )
            return
        plan = self._read_plan()
        for part, prefix in (("settings", "--"), ("versions", "")):
            self._compare(plan[part], self._plan()[part], prefix)

    def prepare(self, runs: Sequence[Run]) -> None:
        """Make what is missing and remove what a kill has left half written."""
        (self.path / "runs").mkdir(parents=True, exist_ok=True)
        files.clean(self.path)
        files.clean(self.path / "runs")
        files.write(self._plan_file, json.dumps(self._plan(), indent=1).encode() + b"\n")
        self._write_index(runs, [{} for _ in runs])

    def complete(self, runs: Sequence[Run]) -> list[dict[str, Any]]:
        """Add to ``runs.csv`` what has become of the runs; returns that."""
        outcomes = [files.read_about(self.file_of(run)) for run in runs]
        self._write_index(runs, outcomes)
        return outcomes

    @property
    def _plan_file(self) -> Path:
        return self.path / "plan.json"

    def _plan(self) -> dict[str, Any]:
        libraries = {name: metadata.version(name) for name in ("numpy", "pyarrow")}
        plan = {
            "plant": "tennessee-eastman",
            "settings": dataclasses.asdict(self.settings),
            "versions": {"opcua-ai-simulator": __version__, **libraries},
        }
        return json.loads(json.dumps(plan))

    def _read_plan(self) -> dict[str, Any]:
        try:
            plan = json.loads(self._plan_file.read_text("utf-8"))
            return {part: dict(plan[part]) for part in ("settings", "versions")}
        except (ValueError, KeyError, TypeError):
            raise ConfigurationError(
                f"{self._plan_file} is no plan of this program: choose another --out"
            ) from None

    def _compare(self, then: dict[str, Any], now: dict[str, Any], prefix: str) -> None:
        for key in now:
            if then.get(key) != now[key]:
                name = prefix + key.replace("_", "-")
                raise ConfigurationError(
                    f"--out {self.path} was begun with {name} {json.dumps(then.get(key))}, not "
                    f"{json.dumps(now[key])}: go on with the same, or choose another folder"
                )

    def _write_index(self, runs: Sequence[Run], outcomes: Sequence[dict[str, Any]]) -> None:
        stream = io.StringIO()
        rows = [
            {
                **index_row(run, self.settings),
                "file": f"runs/{self.file_of(run).name}",
                **{key: outcome.get(key) for key in _OUTCOME},
            }
            for run, outcome in zip(runs, outcomes, strict=True)
        ]
        writer = csv.DictWriter(stream, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        files.write(self.path / "runs.csv", stream.getvalue().encode())
