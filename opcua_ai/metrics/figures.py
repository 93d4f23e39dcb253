"""What is measured, in Prometheus' words: base units, counters that end in ``_total``.

``collect`` runs in the thread of a scrape. It copies the tables before it walks through them; their
numbers are those of the moment.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from opcua_ai.core.ports import SourceState, SourceStats
from opcua_ai.core.types import (
    Decision,
    FaultVerdict,
    ModelHealth,
    ModelResult,
    ModelState,
    Tag,
)


@dataclass(frozen=True, slots=True)
class _Source:
    state: str
    stats: SourceStats


Figure = tuple[str, str, Callable[[Any], float]]
"""Name below its prefix, what it says, and its value (NaN: there is none)."""

_SOURCE: Sequence[Figure] = (
    ("up", "1 while the source runs.", lambda s: s.state == SourceState.RUNNING),
    ("values_total", "Values received, those from its history not counted.",
     lambda s: s.stats.values),
    ("lag_seconds", "From the newest SourceTimestamp of the last message to its arrival.",
     lambda s: s.stats.lag_s),
    ("gaps_total", "Times at which values may have been lost.", lambda s: s.stats.gaps),
    ("lost_messages_total", "Messages that neither arrived nor could be sent again.",
     lambda s: s.stats.lost_messages),
    ("overflows_total", "Values with the Overflow bit: the server's queue lost some before them.",
     lambda s: s.stats.overflows),
    ("filled_values_total", "Values read from the source's history for gaps.",
     lambda s: s.stats.filled),
    ("reconnects_total", "Times that the source was lost and came back.",
     lambda s: s.stats.reconnects),
    ("bad_tags", "Tags whose last status is Bad.", lambda s: s.stats.bad_tags),
    ("cpu_seconds_total", "CPU time spent on its messages.", lambda s: s.stats.cpu_s),
)  # fmt: skip

_MODEL: Sequence[Figure] = (
    ("up", "1 while the model runs: it does not wait, has not failed and is not disabled.",
     lambda h: h.state == ModelState.RUNNING),
    ("runs_total", "Runs.", lambda h: h.runs),
    ("missed_runs_total", "Runs left out: the one before was under way, or the clock jumped.",
     lambda h: h.missed_runs),
    ("latency_seconds", "Of the last run, from window to predictions.", lambda h: h.latency),
    ("input_coverage_ratio", "Share of Good input cells in the last run; the worst asset counts.",
     lambda h: h.coverage / 100 if h.last_run else math.nan),
    ("last_run_timestamp_seconds", "When the last run ended.",
     lambda h: h.last_run.timestamp() if h.last_run else math.nan),
)  # fmt: skip


class Figures(Collector):
    """Implements ``core.ports.Publisher``: keeps the newest of what is published."""

    def __init__(self) -> None:
        self._heartbeats = 0
        self._sources: dict[str, _Source] = {}
        self._models: dict[str, ModelHealth] = {}
        self._active: defaultdict[str, dict[str, bool]] = defaultdict(dict)
        """Decision -> asset -> whether its alarm is active."""

    async def publish(self, result: ModelResult) -> None:
        """Predictions are values of the plant: not shown."""

    async def publish_inputs(self, model: str, asset: str, tags: Sequence[Tag]) -> None:
        """Not shown either."""

    async def publish_decision(
        self, decision_name: str, application: str, decision: Decision
    ) -> None:
        if isinstance(decision, FaultVerdict):
            self._active[decision_name][f"{application}/{decision.asset}"] = decision.active

    async def publish_health(self, model: str, health: ModelHealth) -> None:
        self._models[model] = health

    async def publish_source(self, name: str, state: str, stats: SourceStats) -> None:
        self._sources[name] = _Source(state, stats)

    async def forget_source(self, name: str) -> None:
        self._sources.pop(name, None)

    async def beat(self) -> None:
        self._heartbeats += 1

    def collect(self) -> Iterator[Metric]:
        """Everything as of now (prometheus_client's Collector)."""
        text = "Heartbeats, one a second while the product works."
        yield CounterMetricFamily("opcua_ai_heartbeats", text, self._heartbeats)
        yield from _families("source", dict(self._sources), _SOURCE)
        yield from _families("model", dict(self._models), _MODEL)
        text = "Alarms that are active, by decision."
        active = GaugeMetricFamily("opcua_ai_alarms_active", text, labels=["decision"])
        for decision, assets in dict(self._active).items():
            active.add_metric([decision], sum(list(assets.values())))
        yield active


def _families(
    what: str, subjects: Mapping[str, object], figures: Sequence[Figure]
) -> Iterator[Metric]:
    """One family a figure, with one sample for each subject that has it."""
    for name, text, value_of in figures:
        kind = CounterMetricFamily if name.endswith("_total") else GaugeMetricFamily
        family = kind(f"opcua_ai_{what}_{name}", text, labels=[what])
        for subject, found in subjects.items():
            value = float(value_of(found))
            if not math.isnan(value):
                family.add_metric([subject], value)
        yield family
