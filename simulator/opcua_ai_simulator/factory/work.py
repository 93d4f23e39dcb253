"""What a worker does: simulate a chunk of runs and write a file of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from opcua_ai_simulator.factory import columns, files, worker
from opcua_ai_simulator.factory.folder import Folder
from opcua_ai_simulator.factory.plan import Run
from opcua_ai_simulator.factory.produce import record
from opcua_ai_simulator.factory.settings import Settings
from opcua_ai_simulator.plants.tennessee_eastman.controls import control


@dataclass(frozen=True, slots=True)
class Work:
    settings: Settings
    folder: Folder

    def __call__(self, chunk: Sequence[Run]) -> None:
        settings = self.settings
        loops = control(settings.control, chunk[0].start)[0](1).loops
        recording = record(settings, chunk, worker.advance)
        for plant, run in enumerate(chunk):
            table = columns.table(recording, plant, run, settings.every, loops)
            about = columns.about(recording, plant, run, settings, loops)
            content = files.encode(settings.format, table, about)
            files.write(self.folder.file_of(run), content)
