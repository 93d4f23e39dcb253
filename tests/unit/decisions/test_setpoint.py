import math

import numpy as np
import pytest

from opcua_ai.core import status as codes
from opcua_ai.core.types import NS, ModelResult, Prediction, Recommendation, Tag, Window
from opcua_ai.decisions.setpoint import EXAMPLE, Options, Policy


def options(**changes: object) -> Options:
    return Options.model_validate(EXAMPLE | {"max_step": 5} | changes)


def advise(
    chosen: Options,
    current: float = 40.0,
    slope: tuple[float, float] | None = (2.0, 0.5),
    status: int = codes.GOOD,
) -> Recommendation:
    slopes = {} if slope is None else {"XMV(6)": slope}
    result = ModelResult(
        model="cost",
        asset="line1",
        bundle="tep_cost",
        predictions=[Prediction("cost", 170.0, status, 1000 * NS, unit="$/h", slopes=slopes)],
        window=Window(
            np.array([[1.0, current]]), np.array([[0, status]], np.uint32), 1000 * NS, 1000 * NS
        ),
        tags=(Tag("P/XMEAS(1)", "a"), Tag("P/XMV(6)", "b", unit="%", low=0, high=100)),
    )
    found = Policy(chosen).decide(result)
    assert found is not None
    return found


def test_it_moves_against_the_slope_within_the_largest_step() -> None:
    advice = advise(options())
    assert advice.recommended == 0
    assert advice.clamped == 35
    assert advice.clamp_reason == "largest step 5"
    assert advice.expected_benefit == pytest.approx(10)
    assert advice.benefit_low == pytest.approx(10 - 1.96 * 0.5 * 5, abs=1e-3)
    assert advice.benefit_high == pytest.approx(10 + 1.96 * 0.5 * 5, abs=1e-3)
    assert advice.confidence > 0.99
    assert advice.reason.startswith("lower XMV(6) by 5 %: cost changes by +2 +- 0.98 $/h per %")
    assert advice.expires == (1000 + 900) * NS


def test_maximise_moves_along_the_slope() -> None:
    assert advise(options(direction="maximise")).clamped == 45


def test_limits_bind_before_the_step() -> None:
    advice = advise(options(), current=22)
    assert advice.clamped == 20
    assert advice.clamp_reason == "limit 20"
    assert advice.expected_benefit == pytest.approx(4)


def test_a_value_outside_its_limits_is_brought_back_and_the_price_is_told() -> None:
    advice = advise(options(), current=17)
    assert advice.clamped == 20
    assert advice.expected_benefit == pytest.approx(-6)


def test_an_unclear_slope_holds() -> None:
    advice = advise(options(), slope=(2.0, 1.5))
    assert advice.clamped == advice.current == 40
    assert advice.expected_benefit == 0
    assert "not clear" in advice.reason


@pytest.mark.parametrize("current", [40.0, math.nan])
def test_bad_or_missing_inputs_give_no_advice(current: float) -> None:
    status = codes.GOOD if math.isnan(current) else codes.BAD_NO_COMMUNICATION
    advice = advise(options(), current=current, status=status)
    assert codes.is_bad(advice.status)
    assert advice.reason.startswith("no advice: Bad")
    assert advice.expected_benefit == 0


def test_uncertain_inputs_never_give_good_advice() -> None:
    advice = advise(options(), status=codes.UNCERTAIN_SUB_NORMAL)
    assert advice.status == codes.UNCERTAIN_SUB_NORMAL


def test_limits_in_the_wrong_order_are_refused() -> None:
    with pytest.raises(ValueError, match="low = 60 must be below high = 20"):
        options(low=60, high=20)
