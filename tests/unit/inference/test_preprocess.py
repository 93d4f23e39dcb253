"""The rules of the cleaning: stale, missing, out of range, filter, status."""

from typing import Any

import numpy as np
import pytest

from opcua_ai.core import status as codes
from opcua_ai.inference.manifest import Denoise, Manifest, OutputSpec
from opcua_ai.inference.preprocess import Cleaned, clean
from opcua_ai.inference.samples import sample_manifest

MEAN = np.array([10.0, 20.0, 30.0])


def manifest(**changes: Any) -> Manifest:
    base = sample_manifest("linear", "regression", (OutputSpec(name="y", type="value"),))
    return base.model_copy(update=changes)


def windows(batch: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Value = mean + row + 1 for every tag, all Good."""
    value = np.tile(MEAN, (batch, 4, 1)) + np.arange(1.0, 5.0)[None, :, None]
    return value, np.full(value.shape, codes.GOOD, np.uint32)


def raw_of(cleaned: Cleaned) -> np.ndarray:
    """Cleaned values in engineering units."""
    return cleaned.scaled * 2.0 + MEAN


def test_good_windows_are_only_scaled() -> None:
    value, status = windows()
    result = clean(value, status, manifest())
    np.testing.assert_allclose(result.scaled[0, :, 1], [0.5, 1.0, 1.5, 2.0])
    assert result.status.tolist() == [codes.GOOD]
    assert result.coverage.tolist() == [100.0]


@pytest.mark.parametrize("how", ["nan", "inf", "bad"])
def test_an_unusable_cell_takes_the_last_usable_value(how: str) -> None:
    value, status = windows()
    if how == "bad":
        status[0, 2, 1] = codes.BAD_NO_COMMUNICATION
    else:
        value[0, 2, 1] = float(how)
    result = clean(value, status, manifest())
    assert raw_of(result)[0, 2, 1] == pytest.approx(22.0)
    assert result.status.tolist() == [codes.UNCERTAIN_SUB_NORMAL]
    assert result.coverage[0] == pytest.approx(100 * 11 / 12)


def test_without_an_earlier_value_the_training_mean_stands_in() -> None:
    value, status = windows()
    status[0, :2, 0] = codes.BAD_WAITING_FOR_INITIAL_DATA
    result = raw_of(clean(value, status, manifest()))
    assert result[0, :, 0] == pytest.approx([10.0, 10.0, 13.0, 14.0])


def test_a_stale_cell_is_used_but_not_good() -> None:
    value, status = windows()
    status[0, 3, 2] = codes.UNCERTAIN_LAST_USABLE_VALUE
    result = clean(value, status, manifest())
    assert raw_of(result)[0, 3, 2] == pytest.approx(34.0)
    assert result.status.tolist() == [codes.UNCERTAIN_SUB_NORMAL]


@pytest.mark.parametrize(
    ("rule", "expected"), [("uncertain", 5000.0), ("clip", 1000.0), ("bad", 23.0)]
)
def test_out_of_range(rule: str, expected: float) -> None:
    value, status = windows()
    value[0, 3, 1] = 5000.0
    result = clean(value, status, manifest(out_of_range=rule))
    assert raw_of(result)[0, 3, 1] == pytest.approx(expected)
    assert result.status.tolist() == [codes.UNCERTAIN_SUB_NORMAL]
    assert result.coverage[0] == pytest.approx(100 * 11 / 12)


def test_a_wild_value_in_a_bad_cell_does_not_count_as_out_of_range() -> None:
    value, status = windows()
    value[0, 1, 1], status[0, 1, 1] = 1e9, codes.BAD
    assert raw_of(clean(value, status, manifest(out_of_range="clip")))[0, 1, 1] == 21.0


def test_too_little_coverage_is_bad() -> None:
    value, status = windows()
    status[0, :, 0] = codes.BAD_NO_COMMUNICATION  # 8 of 12 cells are left
    assert clean(value, status, manifest(min_coverage=80.0)).status.tolist() == [codes.BAD_NO_DATA]
    uncertain = clean(value, status, manifest(min_coverage=60.0))
    assert uncertain.status.tolist() == [codes.UNCERTAIN_SUB_NORMAL]


def test_a_newest_row_without_a_usable_cell_is_bad_whatever_the_coverage() -> None:
    value, status = windows()
    status[0, -1] = codes.BAD_NO_COMMUNICATION
    assert clean(value, status, manifest(min_coverage=0.0)).status.tolist() == [codes.BAD_NO_DATA]


def test_nothing_at_all_is_bad_and_finite() -> None:
    value, status = windows()
    result = clean(np.full_like(value, np.nan), status | np.uint32(codes.BAD), manifest())
    assert result.status.tolist() == [codes.BAD_NO_DATA]
    assert np.all(result.scaled == 0.0)


def test_windows_of_a_batch_do_not_touch_each_other() -> None:
    value, status = windows(batch=3)
    status[1] = codes.BAD_NO_COMMUNICATION
    result = clean(value, status, manifest())
    assert result.status.tolist() == [codes.GOOD, codes.BAD_NO_DATA, codes.GOOD]
    np.testing.assert_array_equal(
        result.scaled[0], clean(value[:1], status[:1], manifest()).scaled[0]
    )


def test_the_median_removes_a_spike_and_looks_back_only() -> None:
    value, status = windows()
    value[0, :, 0] = [11.0, 90.0, 12.0, 12.0]
    spec = manifest(denoise=Denoise(method="median", rows=3))
    assert raw_of(clean(value, status, spec))[0, :, 0] == pytest.approx([11.0, 11.0, 12.0, 12.0])
    value[0, 3, 0] = 99.0
    again = raw_of(clean(value, status, spec))
    assert again[0, :3, 0] == pytest.approx([11.0, 11.0, 12.0])


def test_the_exponential_filter() -> None:
    value, status = windows()
    value[0, :, 0] = [10.0, 20.0, 20.0, 20.0]
    spec = manifest(denoise=Denoise(method="exponential", alpha=0.5))
    assert raw_of(clean(value, status, spec))[0, :, 0] == pytest.approx([10.0, 15.0, 17.5, 18.75])


def test_the_input_arrays_stay_as_they_are() -> None:
    value, status = windows()
    value[0, 1, 1] = np.nan
    before = value.copy()
    clean(value, status, manifest(denoise=Denoise(method="exponential")))
    np.testing.assert_array_equal(value, before)
