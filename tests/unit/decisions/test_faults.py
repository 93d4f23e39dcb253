import numpy as np

from opcua_ai.core import status as codes
from opcua_ai.core.types import Contribution, FaultVerdict, ModelResult, Prediction, Window
from opcua_ai.decisions.faults import Options, Policy

OPTIONS = Options(policy="faults", model="m", on_delay=3, off_delay=2, hysteresis=0.1)


def result(
    score: float,
    time: int,
    status: int = codes.GOOD,
    label: str = "IDV(5)",
    confidence: float = 0.9,
) -> ModelResult:
    tags = (Contribution("XMEAS(22)", 0.6, "XMEAS(22) 4 std above normal"),)
    return ModelResult(
        model="m",
        asset="line1",
        bundle="b 1",
        predictions=[
            Prediction("detection", score, status, time, coverage=83.0, contributions=tags),
            Prediction(
                "fault",
                4,
                status,
                time,
                label=label,
                text=f"{label} Cooling water",
                confidence=confidence,
                probabilities={label: confidence},
            ),
        ],
        window=Window(np.zeros((1, 1)), np.zeros((1, 1), np.uint32), time, time),
        tags=(),
    )


def play(policy: Policy, *scores: float) -> list[FaultVerdict]:
    verdicts = [policy.decide(result(score, time)) for time, score in enumerate(scores, start=1)]
    return [v for v in verdicts if v is not None]


def test_the_alarm_needs_three_windows_in_a_row() -> None:
    verdicts = play(Policy(OPTIONS), 2, 2, 0.5, 2, 2, 2)
    assert [v.active for v in verdicts] == [False] * 5 + [True]
    assert [v.changed for v in verdicts] == [False] * 5 + [True]
    last = verdicts[-1]
    assert last.label == "IDV(5)"
    assert last.severity > 400
    assert last.message == (
        "Predicted fault: IDV(5) Cooling water (90% sure); "
        "most unusual: XMEAS(22) 4 std above normal"
    )


def test_it_returns_after_the_off_delay_below_the_deadband() -> None:
    verdicts = play(Policy(OPTIONS), 2, 2, 2, 0.95, 0.95, 0.8, 0.95, 0.8, 0.8)
    assert [v.active for v in verdicts] == [False, False] + [True] * 6 + [False]
    assert verdicts[-1].message == "Normal operation"
    assert verdicts[-1].label == ""


def test_the_same_window_counts_once() -> None:
    policy = Policy(OPTIONS)
    for _ in range(5):
        verdict = policy.decide(result(2.0, time=7))
    assert verdict is not None
    assert not verdict.active


def test_a_bad_prediction_changes_no_alarm_and_is_never_good() -> None:
    policy = Policy(OPTIONS)
    play(policy, 2, 2, 2)
    verdict = policy.decide(result(float("nan"), time=9, status=codes.BAD_NO_DATA))
    assert verdict is not None
    assert verdict.active
    assert not verdict.changed
    assert codes.is_bad(verdict.status)
    assert "No prediction: BadNoData; the alarm stays active" in verdict.message
    assert verdict.label == "IDV(5)", "what was known stays known"


def test_a_name_needs_agreement_and_a_new_name_is_a_new_event() -> None:
    policy = Policy(OPTIONS)
    said = ["IDV(3)", "IDV(3)", "IDV(5)", "IDV(3)", "IDV(5)", "IDV(5)", "IDV(5)", "IDV(5)"]
    verdicts = [policy.decide(result(2, time, label=name)) for time, name in enumerate(said, 1)]
    assert [v.label for v in verdicts if v] == ["", "", "", "", "", "", "IDV(5)", "IDV(5)"]
    assert [v.changed for v in verdicts if v] == [
        False,
        False,
        True,
        False,
        False,
        False,
        True,
        False,
    ]
    assert verdicts[2] and verdicts[2].message.startswith("Unusual operation; most unusual:")


def test_an_alarm_from_poor_inputs_says_so() -> None:
    policy = Policy(OPTIONS)
    for time in (1, 2, 3):
        verdict = policy.decide(result(2, time, codes.UNCERTAIN_SUB_NORMAL))
    assert verdict is not None
    assert verdict.active
    assert verdict.status == codes.UNCERTAIN_SUB_NORMAL
    assert verdict.message.endswith("[inputs uncertain, 83 % usable]")


def test_a_name_needs_confidence() -> None:
    policy = Policy(OPTIONS)
    verdicts = [policy.decide(result(2, time, confidence=0.4)) for time in range(1, 9)]
    assert all(v and v.label == "" for v in verdicts)


def test_a_model_without_a_detector_gives_no_verdict() -> None:
    options = Options(policy="faults", model="m", detection="other")
    assert Policy(options).decide(result(2, 1)) is None


def test_a_score_that_flutters_around_the_limit_raises_nothing() -> None:
    verdicts = play(Policy(OPTIONS), *([1.2, 0.95] * 50))
    assert not any(v.active or v.changed for v in verdicts)


def test_an_alarm_that_flutters_above_the_deadband_stands() -> None:
    verdicts = play(Policy(OPTIONS), 2, 2, 2, *([0.95, 1.2] * 50))
    assert sum(v.changed for v in verdicts) == 1


def test_it_is_settled_once_it_knows() -> None:
    policy = Policy(OPTIONS)
    assert [v.settled for v in play(policy, 2, 2, 0.95, 0.5, 0.5, 2)] == [False] * 4 + [True] * 2
    assert [v.settled for v in play(Policy(OPTIONS), 2, 2, 2)] == [False, False, True]
