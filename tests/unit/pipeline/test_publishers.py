"""Several publishers as one."""

from __future__ import annotations

from inspect import getmembers, isfunction

from opcua_ai.core.ports import Publisher, SourceStats
from opcua_ai.core.types import ModelHealth
from opcua_ai.pipeline.publishers import Publishers


class Note:
    """Writes down every call."""

    def __init__(self, name: str, calls: list[tuple[object, ...]]) -> None:
        self._name, self._calls = name, calls

    def __getattr__(self, method: str):
        async def call(*arguments: object) -> None:
            self._calls.append((self._name, method, *arguments))

        return call


async def test_each_gets_everything_in_order() -> None:
    calls: list[tuple[object, ...]] = []
    both = Publishers(Note("first", calls), Note("second", calls))
    health, stats = ModelHealth(), SourceStats()
    sent = {
        "publish": ("result",),
        "publish_decision": ("alarm", "FaultPrediction", "verdict"),
        "publish_health": ("m", health),
        "publish_inputs": ("m", "line1", []),
        "publish_source": ("plant", "running", stats),
        "forget_source": ("plant",),
        "beat": (),
    }
    port = {name for name, _ in getmembers(Publisher, isfunction) if not name.startswith("_")}
    assert set(sent) == port
    for method, arguments in sent.items():
        await getattr(both, method)(*arguments)
    expected = [
        (who, method, *arguments)
        for method, arguments in sent.items()
        for who in ("first", "second")
    ]
    assert calls == expected
