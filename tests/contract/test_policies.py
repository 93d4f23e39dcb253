"""Every file in decisions/ keeps the contract of a policy, without being named here."""

import math

import numpy as np
import pytest
from pydantic import ValidationError

from opcua_ai.core import plugins
from opcua_ai.core import status as codes
from opcua_ai.core.config import Config
from opcua_ai.core.errors import ConfigError
from opcua_ai.core.types import ModelInfo, ModelResult, OutputInfo, Prediction, Tag, Window
from opcua_ai.decisions import check_policies

POLICIES = plugins.names("decisions")


def bad_result(options: object) -> ModelResult:
    """Every output that the options name, all Bad."""
    names = {value for value in vars(options).values() if isinstance(value, str)}
    tags = [Tag(f"P/{name}", name) for name in sorted(names)]
    shape = (3, len(tags))
    return ModelResult(
        model="m",
        asset="line1",
        bundle="b",
        predictions=[Prediction(name, math.nan, codes.BAD_NO_DATA, 1) for name in sorted(names)],
        window=Window(
            np.full(shape, np.nan), np.full(shape, codes.BAD_NO_COMMUNICATION, np.uint32), 1, 1
        ),
        tags=tags,
    )


def options_of(name: str) -> object:
    module = plugins.load("decisions", name)
    return module.Options.model_validate(module.EXAMPLE)


def test_there_are_policies() -> None:
    assert {"faults", "setpoint"} <= set(POLICIES)


@pytest.mark.parametrize("name", POLICIES)
def test_options_name_their_policy_and_forbid_unknown_keys(name: str) -> None:
    module = plugins.load("decisions", name)
    options = options_of(name)
    assert getattr(options, "policy") == name  # noqa: B009
    with pytest.raises(ValidationError, match="extra_forbidden"):
        module.Options.model_validate(vars(options) | {"nonsense": 1})


@pytest.mark.parametrize("name", POLICIES)
def test_bad_predictions_never_become_good_decisions(name: str) -> None:
    options = options_of(name)
    policy = plugins.load("decisions", name).Policy(options)
    decision = policy.decide(bad_result(options))
    assert decision is not None
    assert codes.is_bad(decision.status)


@pytest.mark.parametrize("name", POLICIES)
def test_before_the_first_run_nothing_good_is_shown(name: str) -> None:
    options = options_of(name)
    names = sorted(value for value in vars(options).values() if isinstance(value, str))
    info = ModelInfo(
        "m", "b", "1", "", "test", "fault", "FaultPrediction", "", "", "", "",
        [Tag(n, "") for n in names], [OutputInfo(n, "value") for n in names], {"line1": ()},
    )  # fmt: skip
    shown = plugins.load("decisions", name).Policy(options).waiting("line1", info)
    assert shown is None or codes.is_bad(shown.status)


@pytest.mark.parametrize("name", POLICIES)
def test_a_model_without_its_outputs_gives_no_decision(name: str) -> None:
    options = options_of(name)
    result = bad_result(options)
    empty = ModelResult(result.model, result.asset, result.bundle, [], result.window, result.tags)
    assert plugins.load("decisions", name).Policy(options).decide(empty) is None


@pytest.mark.parametrize("name", POLICIES)
def test_a_wrong_input_or_output_is_found_at_the_start(name: str) -> None:
    options = options_of(name)
    config = Config.model_construct(decisions={"d": options})
    needed = {key: getattr(options, f"needs_{key}") for key in ("outputs", "inputs")}
    full = {key: [getattr(options, k) for k in keys] for key, keys in needed.items()}
    model = getattr(options, "model")  # noqa: B009
    check_policies(config, model, **full)
    for key, keys in needed.items():
        if keys:
            with pytest.raises(ConfigError, match=rf"decisions\.d\.{keys[0]} = .*other"):
                check_policies(config, model, **(full | {key: ["other"]}))
