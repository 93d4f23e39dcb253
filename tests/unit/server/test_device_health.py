"""NE 107 health of sources, models and the whole (OPC 10000-100, 4.5.4)."""

from __future__ import annotations

import pytest

from opcua_ai.core.ports import SourceState, SourceStats
from opcua_ai.core.types import ModelHealth, ModelState
from opcua_ai.server.device_health import DeviceHealth, Overall, of_model, of_source
from opcua_ai.server.values import node_id

NODE = node_id("AIAdvisory/DeviceHealth", 2)


@pytest.mark.parametrize(
    ("state", "bad_tags", "health"),
    [
        (SourceState.RUNNING, 0, DeviceHealth.NORMAL),
        (SourceState.RUNNING, 1, DeviceHealth.MAINTENANCE_REQUIRED),
        (SourceState.CONNECTING, 0, DeviceHealth.CHECK_FUNCTION),
        (SourceState.STOPPED, 1, DeviceHealth.CHECK_FUNCTION),
        (SourceState.LOST, 3, DeviceHealth.FAILURE),
    ],
)
def test_a_source(state: SourceState, bad_tags: int, health: DeviceHealth) -> None:
    assert of_source(state, SourceStats(bad_tags=bad_tags)) == health


@pytest.mark.parametrize(
    ("state", "coverage", "health"),
    [
        (ModelState.RUNNING, 100.0, DeviceHealth.NORMAL),
        (ModelState.RUNNING, 99.9, DeviceHealth.OFF_SPEC),
        (ModelState.WAITING, 100.0, DeviceHealth.CHECK_FUNCTION),
        (ModelState.DISABLED, 100.0, DeviceHealth.CHECK_FUNCTION),
        (ModelState.FAILED, 100.0, DeviceHealth.FAILURE),
    ],
)
def test_a_model(state: ModelState, coverage: float, health: DeviceHealth) -> None:
    assert of_model(ModelHealth(state=state, coverage=coverage)) == health


def test_the_whole_is_as_its_worst_part_and_told_when_it_changes() -> None:
    overall = Overall(NODE)

    def told(part: str, health: DeviceHealth) -> list[int]:
        written = overall.note(part, health)
        assert all(node == NODE for node, _ in written)
        return [value.Value.Value for _, value in written if value.Value is not None]

    assert told("plant", DeviceHealth.NORMAL) == [0]
    assert told("faults", DeviceHealth.NORMAL) == []
    assert told("plant", DeviceHealth.MAINTENANCE_REQUIRED) == [4]
    assert told("faults", DeviceHealth.OFF_SPEC) == [3]
    assert told("cost", DeviceHealth.CHECK_FUNCTION) == [2]
    assert told("plant", DeviceHealth.FAILURE) == [1]
    assert told("plant", DeviceHealth.NORMAL) == [2]
    assert told("cost", DeviceHealth.NORMAL) == [3]
    assert told("faults", DeviceHealth.NORMAL) == [0]
