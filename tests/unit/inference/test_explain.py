"""Which tags made the model say what it says."""

from collections.abc import Mapping

import numpy as np
import pytest

from opcua_ai.core.types import FloatArray
from opcua_ai.inference import Model
from opcua_ai.inference.explain import CHUNK, describe, explain
from opcua_ai.inference.manifest import InputSpec, Manifest, OutputSpec
from opcua_ai.inference.samples import sample_manifest, sample_windows


class Quadratic:
    """Score = x' M x of the newest row: two tags bound to each other and a free one."""

    matrix = np.array([[50.0, -49.0, 0.0], [-49.0, 50.0, 0.0], [0.0, 0.0, 1.0]])
    calls = 0

    def predict(self, windows: FloatArray) -> Mapping[str, FloatArray]:
        self.calls += 1
        x = windows[:, -1]
        return {"score": np.einsum("bi,ij,bj->b", x, self.matrix, x)[:, None]}


def manifest(**changes: object) -> Manifest:
    output = OutputSpec(name="score", type="score", limit=1.0)
    return sample_manifest("keras", "fault", (output,)).model_copy(update=changes)


def window(*newest: float) -> np.ndarray:
    result = np.zeros((1, 4, 3))
    result[0, -1] = newest
    return result


def test_for_a_quadratic_score_the_weights_are_its_exact_parts() -> None:
    x = window(1.0, 0.8, 3.0)
    parts = x[0, -1] * (Quadratic.matrix @ x[0, -1])
    (found,) = explain(Quadratic(), manifest(), x)
    weights = {c.tag: c.weight for c in found}
    expected = parts / np.abs(parts).sum()
    assert weights == pytest.approx(dict(zip("ABC", expected, strict=True)))


def test_tightly_bound_healthy_tags_do_not_come_out_on_top() -> None:
    # A and B agree with each other; C alone is off
    (found,) = explain(Quadratic(), manifest(), window(1.0, 1.0, 4.0))
    assert found[0].tag == "C"
    assert found[0].weight > 0.5


def test_a_tag_at_its_mean_has_no_part() -> None:
    (found,) = explain(Quadratic(), manifest(), window(0.0, 0.0, 2.0))
    assert [c.tag for c in found] == ["C"]
    assert explain(Quadratic(), manifest(), window(0.0, 0.0, 0.0)) == [[]]


def test_many_windows_are_explained_in_chunks() -> None:
    kind = Quadratic()
    found = explain(kind, manifest(), np.repeat(window(0.0, 0.0, 2.0), CHUNK + 1, axis=0))
    assert len(found) == CHUNK + 1
    assert kind.calls == 2


def test_the_text() -> None:
    assert describe("X", "Level", -2.04) == "X Level 2.0 std below normal"
    assert describe("X", "", 3.1) == "X 3.1 std above normal"


def test_only_the_top_five_are_given() -> None:
    class Sum:
        def predict(self, windows: FloatArray) -> Mapping[str, FloatArray]:
            return {"score": windows.sum(axis=(1, 2))[:, None]}

    inputs = tuple(InputSpec(name=f"T{i}", mean=0.0, std=1.0) for i in range(8))
    scaled = np.tile(np.arange(8.0), (1, 4, 1))
    (found,) = explain(Sum(), manifest(inputs=inputs), scaled)
    assert [c.tag for c in found] == ["T7", "T6", "T5", "T4", "T3"]
    assert sum(c.weight for c in found) == pytest.approx(25 / 28)


@pytest.mark.parametrize(("when", "expected"), [("always", 2), ("alarm", 1), ("never", 0)])
def test_when_to_explain(when: str, expected: int) -> None:
    chosen = manifest(explain=when)
    calm, alarm = sample_windows(chosen, count=2)
    mean = np.array([i.mean for i in chosen.inputs])
    calm.value[:] = mean + 0.1
    alarm.value[:] = mean + np.array([0.0, 0.0, 8.0])
    found = Model(chosen, "0" * 64, Quadratic()).predict([calm, alarm])
    assert sum(bool(p[0].contributions) for p in found) == expected
    assert found[1][0].contributions or when == "never"
