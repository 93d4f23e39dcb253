"""What a source's samples become in the history."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from opcua_ai.core import status as codes
from opcua_ai.core.config import History
from opcua_ai.core.types import Samples, Tag
from opcua_ai.server.history.inputs import RecordedSource

SECOND = 1_000_000_000


def sample(second: int, status: int = 0, filled: bool = False) -> Samples:
    when = np.array([second * SECOND])
    return Samples(np.zeros(1, np.int32), np.ones(1), np.full(1, status, np.uint32), when, filled)


class Plant:
    tags = (Tag("Line/T1", ""),)

    async def run(self, sink: Callable[[Samples], None]) -> None:
        sink(sample(100))
        sink(sample(50, filled=True))
        sink(sample(100, codes.BAD_NO_COMMUNICATION))


class Kept:
    def __init__(self) -> None:
        self.rows: list[tuple[int, int]] = []

    def add_input(self, source: str, tag: Tag) -> str:
        return tag.path

    def series(self, name: str, kind: str) -> int:
        return 7

    def put_block(self, series, times, status, value) -> None:
        self.rows += zip(times.tolist(), status.tolist(), strict=True)


async def test_a_loss_comes_after_the_last_live_value_also_when_a_gap_was_filled(tmp_path) -> None:
    kept = Kept()
    settings = History(folder=tmp_path)
    passed_on: list[Samples] = []
    await RecordedSource(Plant(), "plant", settings, kept, kept).run(passed_on.append)
    assert kept.rows == [
        (100 * SECOND, 0),
        (50 * SECOND, 0),
        (100 * SECOND + 1000, codes.BAD_NO_COMMUNICATION),
    ]
    assert len(passed_on) == 3
