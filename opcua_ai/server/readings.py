"""What is written to the nodes: one function for each kind of thing that the pipeline publishes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from asyncua import ua

from opcua_ai.core import status as codes
from opcua_ai.core.ports import SourceStats
from opcua_ai.core.types import (
    NS,
    ModelHealth,
    ModelResult,
    ModelState,
    Prediction,
    Recommendation,
)
from opcua_ai.server import device_health
from opcua_ai.server.rates import Rates
from opcua_ai.server.values import VT, Stamp, double, doubles, integer, plant_time, string, strings

Nodes = dict[str, ua.NodeId]
Values = Iterator[tuple[ua.NodeId, ua.DataValue]]


def usable(status: int, value: float) -> int:
    """A value that is not a number is never anything but Bad."""
    return status if codes.is_bad(status) or math.isfinite(value) else codes.BAD_NO_DATA


def prediction(
    nodes: Nodes, p: Prediction, result: ModelResult, origins: Mapping[str, str]
) -> Values:
    """All live variables of a PredictionType with the prediction's status and plant time.

    ``origins`` leads from the names of the model's inputs to the node ids of their source tags.
    """
    stamp = Stamp(usable(p.status, p.value), plant_time(p.source_time))
    yield nodes["Value"], stamp(double(p.value))
    yield nodes["Confidence"], stamp.figure(p.confidence)
    ahead = round(p.horizon_s * NS) if p.source_time else 0
    yield nodes["PredictedTime"], stamp.moment(plant_time(p.source_time + ahead))
    yield nodes["ValidUntil"], stamp.moment(plant_time(result.valid_until))
    if "LowerBound" in nodes:
        yield nodes["LowerBound"], stamp.figure(p.lower)
        yield nodes["UpperBound"], stamp.figure(p.upper)
    if "Label" in nodes:
        yield nodes["Label"], stamp(string(p.label))
        yield nodes["Labels"], stamp(strings(list(p.probabilities)))
        yield nodes["Probabilities"], stamp(doubles(list(p.probabilities.values())))
    yield nodes["ContributionTags"], stamp(strings([c.tag for c in p.contributions]))
    yield nodes["ContributionWeights"], stamp(doubles([c.weight for c in p.contributions]))
    yield nodes["ContributionTexts"], stamp(strings([c.text for c in p.contributions]))
    nodes_of_tags = [origins.get(c.tag, "") for c in p.contributions]
    yield nodes["ContributionNodes"], stamp(strings(nodes_of_tags))
    yield nodes["ModelUsed"], stamp(string(result.bundle))


def recommendation(nodes: Nodes, r: Recommendation) -> Values:
    """All variables of a SetpointRecommendationType but its State, with the recommendation's status
    and plant time."""
    stamp = Stamp(usable(r.status, r.clamped), plant_time(r.source_time))
    yield nodes["TargetNode"], stamp(string(r.target.node_id))
    yield nodes["TargetPath"], stamp(string(r.target.path))
    yield nodes["CurrentValue"], stamp.figure(r.current, codes.BAD_NO_DATA)
    yield nodes["RecommendedValue"], stamp.figure(r.recommended, codes.BAD_NO_DATA)
    yield nodes["ClampedValue"], stamp(double(r.clamped))
    yield nodes["ClampReason"], stamp(string(r.clamp_reason))
    yield nodes["ExpectedBenefit"], stamp.figure(r.expected_benefit)
    yield nodes["BenefitLow"], stamp.figure(r.benefit_low)
    yield nodes["BenefitHigh"], stamp.figure(r.benefit_high)
    yield nodes["Confidence"], stamp.figure(r.confidence)
    yield nodes["Reason"], stamp(string(r.reason))
    yield nodes["ExpiresAt"], stamp.moment(plant_time(r.expires))


def health(nodes: Nodes, h: ModelHealth) -> Values:
    """The live figures of an AdvisoryModelType; as of now, for the server itself measures them."""
    stamp = Stamp.now()
    waiting = codes.BAD_WAITING_FOR_INITIAL_DATA
    yield nodes["State"], stamp(string(str(h.state)))
    yield nodes["StateMessage"], stamp(string(h.message))
    yield nodes["LastLatency"], stamp.figure(h.latency * 1000, waiting)
    yield nodes["InputCoverage"], stamp.figure(h.coverage if h.last_run else math.nan, waiting)
    yield nodes["LastRun"], stamp.moment(h.last_run)
    disabled = h.state == ModelState.DISABLED
    out = stamp.bad(codes.BAD_OUT_OF_SERVICE)
    yield nodes["NextRun"], out if disabled else stamp.moment(h.next_run)
    yield nodes["Runs"], stamp(ua.Variant(h.runs, VT.UInt32))
    yield nodes["MissedRuns"], stamp(ua.Variant(h.missed_runs, VT.UInt32))
    yield nodes["DeviceHealth"], stamp(integer(device_health.of_model(h)))


def source(nodes: Nodes, state: str, stats: SourceStats, rates: Rates) -> Values:
    """The state, counters and rates of an AdvisorySourceType."""
    stamp = Stamp.now()
    waiting = codes.BAD_WAITING_FOR_INITIAL_DATA
    yield nodes["State"], stamp(string(str(state)))
    yield nodes["Values"], stamp(ua.Variant(stats.values, VT.UInt64))
    yield nodes["ValuesPerSecond"], stamp.figure(rates.values_per_s, waiting)
    yield nodes["Lag"], stamp.figure(stats.lag_s * 1000, waiting)
    yield nodes["Gaps"], stamp(ua.Variant(stats.gaps, VT.UInt32))
    yield nodes["LostMessages"], stamp(ua.Variant(stats.lost_messages, VT.UInt64))
    yield nodes["Overflows"], stamp(ua.Variant(stats.overflows, VT.UInt64))
    yield nodes["FilledValues"], stamp(ua.Variant(stats.filled, VT.UInt64))
    yield nodes["Reconnects"], stamp(ua.Variant(stats.reconnects, VT.UInt32))
    yield nodes["BadTags"], stamp(ua.Variant(stats.bad_tags, VT.UInt32))
    yield nodes["CpuLoad"], stamp.figure(rates.cpu_load * 100, waiting)
    if "ActiveEndpoint" in nodes:
        yield nodes["ActiveEndpoint"], stamp(string(stats.endpoint))
    yield nodes["DeviceHealth"], stamp(integer(device_health.of_source(state, stats)))


def no_source(nodes: Nodes) -> Values:
    """Every variable of a source that the configuration has no more."""
    stamp = Stamp.now()
    figures = source(nodes, "", SourceStats(), Rates())
    endpoint = ["Endpoint"] if "Endpoint" in nodes else []
    for node in [*(node for node, _ in figures), *(nodes[name] for name in endpoint)]:
        yield node, stamp.bad(codes.BAD_OUT_OF_SERVICE)
