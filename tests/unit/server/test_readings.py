"""Status and times of what is written (Part 4, 7.7 and 7.39)."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from datetime import UTC, datetime

import numpy as np
import pytest
from asyncua import ua

from opcua_ai.core import status as codes
from opcua_ai.core.types import (
    NS,
    Contribution,
    ModelHealth,
    ModelResult,
    ModelState,
    Prediction,
    Window,
)
from opcua_ai.server import readings
from opcua_ai.server.values import BAD_NOT_SUPPORTED, node_id

NAMES = (
    "Value Confidence LowerBound UpperBound Label Labels Probabilities ContributionTags "
    "ContributionWeights ContributionTexts ContributionNodes ModelUsed PredictedTime ValidUntil"
).split()
NODES = {name: node_id(name, 2) for name in NAMES}
GOOD = Prediction(
    "load",
    3.5,
    codes.GOOD,
    1_700_000_000 * NS,
    confidence=0.8,
    lower=3.0,
    upper=4.0,
    label="a",
    probabilities={"a": 0.8, "b": 0.2},
    contributions=[Contribution("T1", -0.5, "falls"), Contribution("unknown", 0.1)],
    horizon_s=60.0,
)
WINDOW = Window(np.zeros((1, 1)), np.zeros((1, 1), np.uint32), GOOD.source_time, GOOD.source_time)
RESULT = ModelResult(
    "m", "line1", "m 1 (abc)", [GOOD], WINDOW, [], valid_until=GOOD.source_time + 10 * NS
)


def written(prediction: Prediction) -> dict[str, ua.DataValue]:
    values = readings.prediction(NODES, prediction, RESULT, {"T1": "nsu=urn:plant;s=T1"})
    return {str(node.Identifier): value for node, value in values}


def test_every_variable_is_written_with_the_plant_time() -> None:
    values = written(GOOD)
    assert set(values) == set(NAMES)
    for value in values.values():
        assert value.StatusCode == ua.StatusCode(0)
        assert value.SourceTimestamp == datetime.fromtimestamp(1_700_000_000, UTC)
        assert value.ServerTimestamp is not None
    assert values["Labels"].Value == ua.Variant(["a", "b"], ua.VariantType.String)


def test_what_time_a_prediction_speaks_of_and_how_long_it_holds() -> None:
    values = written(GOOD)
    assert _value(values["PredictedTime"]) == datetime.fromtimestamp(1_700_000_060, UTC)
    assert _value(values["ValidUntil"]) == datetime.fromtimestamp(1_700_000_010, UTC)
    assert _value(values["ModelUsed"]) == "m 1 (abc)"


def test_contributions_lead_to_the_source() -> None:
    assert _value(written(GOOD)["ContributionNodes"]) == ["nsu=urn:plant;s=T1", ""]


def _value(found: ua.DataValue) -> object:
    assert found.Value is not None
    return found.Value.Value


@pytest.mark.parametrize("status", [codes.UNCERTAIN, codes.BAD_NO_COMMUNICATION])
def test_every_variable_has_the_status_of_the_prediction(status: int) -> None:
    for name, value in written(dataclasses.replace(GOOD, status=status)).items():
        assert value.StatusCode == ua.StatusCode(status), name


def test_not_a_number_is_never_good() -> None:
    values = written(dataclasses.replace(GOOD, value=float("nan")))
    for name, value in values.items():
        assert value.StatusCode is not None
        assert value.StatusCode.is_bad(), name


def test_a_figure_that_the_model_does_not_give() -> None:
    nan = float("nan")
    values = written(dataclasses.replace(GOOD, lower=nan, upper=nan, confidence=nan))
    for name in ("LowerBound", "UpperBound", "Confidence"):
        assert values[name].StatusCode == ua.StatusCode(BAD_NOT_SUPPORTED)
    assert values["Value"].StatusCode == ua.StatusCode(0)


def test_no_sample_yet_means_no_source_time() -> None:
    values = written(dataclasses.replace(GOOD, source_time=0))
    assert values["Value"].SourceTimestamp is None
    assert values["PredictedTime"].StatusCode == ua.StatusCode(codes.BAD_WAITING_FOR_INITIAL_DATA)


def test_health_before_the_first_run_claims_nothing() -> None:
    names = defaultdict(lambda: node_id("x", 2))
    for (
        name
    ) in "State StateMessage LastLatency InputCoverage LastRun NextRun Runs MissedRuns".split():
        names[name] = node_id(name, 2)
    values = dict(readings.health(names, ModelHealth()))
    waiting = ua.StatusCode(codes.BAD_WAITING_FOR_INITIAL_DATA)
    for name in ("LastLatency", "InputCoverage", "LastRun", "NextRun"):
        assert values[names[name]].StatusCode == waiting, name


def test_a_disabled_model_has_no_next_run() -> None:
    names = defaultdict(lambda: node_id("x", 2), NextRun=node_id("NextRun", 2))
    health = ModelHealth(ModelState.DISABLED, next_run=datetime.now(UTC))
    found = dict(readings.health(names, health))[names["NextRun"]]
    assert found.StatusCode == ua.StatusCode(codes.BAD_OUT_OF_SERVICE)
    assert _value(found) is None
