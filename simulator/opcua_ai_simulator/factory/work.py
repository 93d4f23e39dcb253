"""What a worker does: simulate a chunk of runs and write a file of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from opcua_ai_simulator.factory import columns, files, worker
from opcua_ai_simulator.factory.folder import Folder
from opcua_ai_simulator.factory.plan import Run
from opcua_ai_simulator.factory.produce import record
from opcua_ai_simulator.factory.settings import Settings


@dataclass(frozen=True, slots=True)
class Work:
    settings: Settings
    folder: Folder

    def __call__(self, chunk: Sequence[Run]) -> None:
        settings = self.settings
        recording = record(settings, chunk, worker.advance)
        for plant, run in enumerate(chunk):
            table = columns.table(recording, plant, run, settings.every)
            about = columns.about(recording, plant, run, settings)
            content = files.encode(settings.format, table, about)
            files.write(self.folder.file_of(run), content)
