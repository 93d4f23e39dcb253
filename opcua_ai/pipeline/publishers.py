"""Several publishers that are one to the pipeline."""

from __future__ import annotations

from collections.abc import Sequence

from opcua_ai.core.ports import Publisher, SourceStats
from opcua_ai.core.types import Decision, ModelHealth, ModelResult, Tag


class Publishers:
    """Implements ``core.ports.Publisher``: each gets everything, one after the other."""

    def __init__(self, *publishers: Publisher) -> None:
        self._publishers = publishers

    async def publish(self, result: ModelResult) -> None:
        for publisher in self._publishers:
            await publisher.publish(result)

    async def publish_decision(
        self, decision_name: str, application: str, decision: Decision
    ) -> None:
        for publisher in self._publishers:
            await publisher.publish_decision(decision_name, application, decision)

    async def publish_health(self, model: str, health: ModelHealth) -> None:
        for publisher in self._publishers:
            await publisher.publish_health(model, health)

    async def publish_inputs(self, model: str, asset: str, tags: Sequence[Tag]) -> None:
        for publisher in self._publishers:
            await publisher.publish_inputs(model, asset, tags)

    async def publish_source(self, name: str, state: str, stats: SourceStats) -> None:
        for publisher in self._publishers:
            await publisher.publish_source(name, state, stats)

    async def forget_source(self, name: str) -> None:
        for publisher in self._publishers:
            await publisher.forget_source(name)

    async def beat(self) -> None:
        for publisher in self._publishers:
            await publisher.beat()
