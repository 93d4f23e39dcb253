"""Sources in collector processes, which end with the test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from opcua_ai.collector import CollectedSource, CollectorProcess
from opcua_ai.sources import recording
from tests.integration.collector.rig import Rig


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Callable[..., Rig]]:
    made: list[Rig] = []

    def make(name: str, shared: CollectorProcess, recorded: str = "a", **options) -> Rig:
        options = {"file": tmp_path / "plant.csv"} | options
        source = CollectedSource(
            recording.Options(**options), name, shared, lambda path: path in recorded
        )
        made.append(Rig(source))
        return made[-1]

    yield make
    for one in made:
        await one.stop()
