"""ServiceLevel (Part 4, 6.6.2.4.2)."""

from __future__ import annotations

from opcua_ai.core.ports import SourceState
from opcua_ai.core.types import ModelState
from opcua_ai.server.service_level import ServiceLevel


def written(values: object) -> list[int]:
    return [value.Value.Value for _, value in values]  # type: ignore[attr-defined]


def test_from_no_data_to_healthy_and_back() -> None:
    level = ServiceLevel()
    assert written(level.source("one", SourceState.CONNECTING)) == [1]
    assert written(level.source("two", SourceState.CONNECTING)) == []
    assert written(level.model("m", ModelState.WAITING)) == []
    assert written(level.source("one", SourceState.RUNNING)) == [2 + 197 // 3]
    assert written(level.source("two", SourceState.RUNNING)) == [2 + 2 * 197 // 3]
    assert written(level.model("m", ModelState.RUNNING)) == [255]
    assert written(level.model("m", ModelState.FAILED)) == [2 + 2 * 197 // 3]
    assert written(level.source("one", SourceState.LOST)) == [2 + 197 // 3]
    assert written(level.source("two", SourceState.STOPPED)) == [1]


def test_nothing_configured_is_nothing_wrong() -> None:
    assert ServiceLevel().level() == 255


def test_a_disabled_model_does_not_count() -> None:
    level = ServiceLevel()
    assert written(level.source("one", SourceState.RUNNING)) == [255]
    assert written(level.model("m", ModelState.FAILED)) == [2 + 197 // 2]
    assert written(level.model("m", ModelState.DISABLED)) == [255]
    assert written(level.model("n", ModelState.FAILED)) == [2 + 197 // 2]
    assert written(level.model("m", ModelState.RUNNING)) == [2 + 2 * 197 // 3]
