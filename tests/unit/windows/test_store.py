import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opcua_ai.core import status as codes
from opcua_ai.core.types import NS, Samples
from opcua_ai.windows.store import WindowStore

T0 = 1_700_000_000 * NS
ALL = np.array([0, 1])


def samples(*rows: tuple[int, float, float], status: int = 0, until: float = 0) -> Samples:
    """Rows of (column, value, seconds after T0)."""
    return Samples(
        np.array([r[0] for r in rows], np.int32),
        np.array([r[1] for r in rows], float),
        np.full(len(rows), status, np.uint32),
        np.array([T0 + round(r[2] * NS) for r in rows], np.int64),
        until=T0 + round(until * NS) if until else 0,
    )


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def store(rows: int = 4, columns: int = 2, period: float = 10.0) -> tuple[WindowStore, Clock]:
    clock = Clock()
    made = WindowStore(columns, period, rows, settle_s=0.2, monotonic=clock)
    made.use(np.arange(columns))
    return made, clock


def test_an_unchanged_tag_is_held_from_tick_to_tick() -> None:
    s, _ = store()
    s.add(samples((0, 1.0, 0), (1, 5.0, 0)))
    s.add(samples((0, 2.0, 10)))
    s.add(samples((0, 3.0, 20)))
    s.add(samples((0, 4.0, 31)))
    window = s.window(ALL, 4)
    assert window.value[:, 0].tolist() == [1, 2, 3, 3]
    assert window.value[:, 1].tolist() == [5, 5, 5, 5]
    assert window.time == T0 + 30 * NS
    assert window.coverage == 100.0


def test_before_the_window_is_full_its_head_waits_for_data() -> None:
    s, _ = store()
    s.add(samples((0, 1.0, 0), (1, 5.0, 0)))
    s.add(samples((0, 2.0, 10.5)))
    window = s.window(ALL, 4)
    assert s.filled == 2
    assert (window.status[:2] == codes.BAD_WAITING_FOR_INITIAL_DATA).all()
    assert np.isnan(window.value[:2]).all()
    assert (window.status[2:] == codes.GOOD).all()


def test_a_row_closes_once_its_samples_have_settled() -> None:
    s, clock = store()
    s.add(samples((0, 1.0, 0)))
    s.close_settled()
    assert s.filled == 0, "the row must wait for more samples of the same tick"
    s.add(samples((1, 5.0, 0)))
    clock.now = 0.3
    version = s.version
    s.close_settled()
    assert s.filled == 1
    assert s.version > version
    assert s.window(ALL, 1).value.tolist() == [[1.0, 5.0]]
    s.close_settled()
    assert s.filled == 1, "no new tick, no new row"


def test_a_row_closes_when_the_source_says_that_nothing_else_has_happened() -> None:
    s, _ = store()
    s.add(samples(until=5))
    assert s.filled == 0, "before the first sample there are no rows"
    s.add(samples((0, 1.0, 0), (1, 5.0, 0)))
    s.add(samples((1, 6.0, 4), until=10))
    version = s.version
    assert s.filled == 1, "a sample of second 10 itself may still come"
    s.add(samples(until=10))
    assert s.version == version
    s.add(samples(until=31))
    assert s.version > version
    window = s.window(ALL, 4)
    assert window.value.tolist() == [[1, 5], [1, 6], [1, 6], [1, 6]]
    assert (window.time, window.newest_sample) == (T0 + 30 * NS, T0 + 4 * NS)


def test_samples_after_all_are_no_step_back_and_count_from_the_next_row_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    s, _ = store(period=0.1, rows=5)
    s.add(samples((0, 1.0, 0), (1, 5.0, 0)))
    for begin in range(0, 50, 10):
        s.add(samples(until=begin + 9))
        closed = s.window(ALL, 1).time
        for late in np.arange(begin, begin + 8, 0.05):
            s.add(samples((0, late, late), (1, late, late - 0.2)))
        assert s.window(ALL, 1).time == closed
        s.add(samples((0, 2.0, begin + 9.05)))
        assert s.window(ALL, 1).value[0, 0] == pytest.approx(late)
    assert "went back" not in caplog.text


def test_a_plant_that_was_held_for_longer_than_its_windows_begins_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The source could not know: its clock goes on, the plant's stood still."""
    s, _ = store(period=1.0)
    s.add(samples((0, 1.0, 0), (1, 5.0, 0)))
    s.add(samples(until=600))
    for moment in range(1, 10):
        s.add(samples((0, float(moment), moment)))
    assert caplog.text.count("went back") == 1
    assert s.window(ALL, 4).value[:, 0].tolist() == [5.0, 6.0, 7.0, 8.0]
    assert s.window(ALL, 1).value[0, 1] == 5.0


def test_bad_values_keep_the_last_usable_one_with_their_status() -> None:
    s, _ = store()
    s.add(samples((0, 1.0, 0), (1, 5.0, 0)))
    s.add(samples((0, np.nan, 10), status=codes.BAD_NO_COMMUNICATION))
    s.add(samples((1, 6.0, 20)))
    window = s.window(ALL, 2)
    assert window.value[:, 0].tolist() == [1.0, 1.0]
    assert window.status[:, 0].tolist() == [0, codes.BAD_NO_COMMUNICATION]


def test_a_source_lost_now_shows_in_the_newest_row_at_once() -> None:
    s, _ = store()
    s.add(samples((0, 1.0, 0), (1, 5.0, 0)))
    s.add(samples((0, 2.0, 11), (1, 5.0, 11)))
    lost = samples((0, np.nan, 11), (1, np.nan, 11), status=codes.BAD_NO_COMMUNICATION)
    version = s.version
    s.add(lost)
    assert s.version > version
    window = s.window(ALL, 2)
    assert codes.bad_mask(window.status[-1]).all()
    assert window.status[-2].tolist() == [0, 0]
    s.add(samples((0, 3.0, 25), (1, 5.0, 25)))
    assert (s.window(ALL, 1).status == codes.BAD_NO_COMMUNICATION).all(), "held through the outage"
    s.add(samples((0, 3.0, 35), (1, 5.0, 35)))
    assert (s.window(ALL, 1).status == codes.GOOD).all()


def test_a_long_gap_costs_no_more_than_the_ring() -> None:
    s, _ = store(period=1.0)
    s.add(samples((0, 1.0, 0), (1, 2.0, 0)))
    s.add(samples((0, 9.0, 1e7)))
    assert s.window(ALL, 4).value.tolist() == [[1.0, 2.0]] * 4


def test_an_old_sample_never_overwrites_a_newer_one() -> None:
    s, _ = store()
    s.add(samples((0, 1.0, 0), (1, 5.0, 0)))
    s.add(samples((0, 3.0, 8)))
    s.add(samples((0, 2.0, 4)))
    s.add(samples((1, 5.5, 12)))
    assert s.window(ALL, 1).value[0, 0] == 3.0


def test_a_clock_set_back_begins_again(caplog: pytest.LogCaptureFixture) -> None:
    s, _ = store()
    s.add(samples((0, 1.0, 1000), (1, 5.0, 1000)))
    s.add(samples((0, 2.0, 0), (1, 6.0, 0)))
    s.add(samples((0, 3.0, 11)))
    assert caplog.text.count("went back") == 1
    assert "went back by 1000 s" in caplog.text
    assert s.window(ALL, 2).value.tolist() == [[2.0, 6.0], [2.0, 6.0]]


def test_a_small_step_back_begins_again_instead_of_standing_still(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Within one window: the values are late for as long, but the old rows must not pass as new."""
    s, _ = store(rows=20)
    for moment in range(0, 300, 10):
        s.add(samples((0, 1.0, moment), (1, 5.0, moment)))
    for moment in range(150, 220, 10):
        s.add(samples((0, 2.0, moment), (1, 6.0, moment)))
    assert caplog.text.count("went back") == 1
    assert s.window(ALL, 1).value.tolist() == [[2.0, 6.0]]
    assert s.window(ALL, 1).newest_sample == T0 + 200 * NS


def test_a_tag_that_rests_keeps_its_value_when_the_clock_is_set_back(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A subscription reports changes only: the plant would not send it again."""
    s, _ = store()
    s.add(samples((0, 1.0, 1000), (1, 5.0, 1000)))
    for moment in (0, 10, 21):
        s.add(samples((0, 2.0, moment)))
    assert caplog.text.count("went back") == 1
    assert s.window(ALL, 1).value.tolist() == [[2.0, 5.0]]
    assert (s.window(ALL, 1).status == codes.GOOD).all()


def test_an_old_timestamp_of_a_resting_tag_is_no_step_back(
    caplog: pytest.LogCaptureFixture,
) -> None:
    s, _ = store()
    for moment in (1000, 1010, 1020, 1030):
        s.add(samples((0, 1.0, moment)))
    s.add(samples((1, 5.0, 0)))
    s.add(samples((0, 2.0, 1041)))
    assert "went back" not in caplog.text
    assert s.window(ALL, 4).value[:, 0].tolist() == [1.0, 1.0, 1.0, 1.0]


def test_a_tag_with_a_clock_far_ahead_does_not_begin_again_at_every_sample(
    caplog: pytest.LogCaptureFixture,
) -> None:
    s, _ = store()
    for moment in range(0, 200, 10):
        s.add(samples((0, 1.0, moment)))
        s.add(samples((1, 5.0, moment + 100_000)))
    assert "went back" not in caplog.text
    assert s.filled == 4


def test_one_timestamp_far_ahead_does_not_stop_the_windows_for_good(
    caplog: pytest.LogCaptureFixture,
) -> None:
    s, _ = store()
    s.add(samples((0, 1.0, 0), (1, 5.0, 100_000)))
    for moment in range(10, 120, 10):
        s.add(samples((0, float(moment), moment)))
    assert caplog.text.count("went back") == 1
    assert s.filled == 4
    assert s.window(ALL, 1).value.tolist() == [[100.0, 5.0]]


def test_jitter_within_a_row_is_no_step_back(caplog: pytest.LogCaptureFixture) -> None:
    s, _ = store(rows=20)
    jitter = np.random.default_rng(1).uniform(-9, 9, 300)
    for row in range(150):
        s.add(samples((0, 1.0, row * 10 + jitter[row])))
        s.add(samples((1, 5.0, row * 10 + jitter[-row])))
    assert "went back" not in caplog.text


def test_a_lost_source_is_bad_even_when_its_last_sample_came_late() -> None:
    s, _ = store()
    for moment in (0, 10, 20, 31):
        s.add(samples((0, 1.0, moment), (1, 5.0, moment)))
    s.add(samples((0, 1.0, 25), (1, 5.0, 25)))
    s.add(samples((0, 1.0, 25), (1, 5.0, 25), status=codes.BAD_NO_COMMUNICATION))
    assert (s.window(ALL, 1).status == codes.BAD_NO_COMMUNICATION).all()
    s.add(samples((0, 1.0, 31), (1, 5.0, 31)))
    assert (s.window(ALL, 1).status == codes.GOOD).all(), "back with an unchanged value"


def test_stale_and_absent_tags_are_marked() -> None:
    s, _ = store()
    s.add(samples((0, 1.0, 0), (1, 5.0, 0)))
    for moment in (10, 20, 31):
        s.add(samples((0, 2.0, moment)))
    window = s.window(np.array([0, 1, -1]), 4, stale_after_s=15.0)
    good, stale = codes.GOOD, codes.UNCERTAIN_LAST_USABLE_VALUE
    assert window.status[:, 0].tolist() == [good] * 4
    assert window.status[:, 1].tolist() == [good, good, stale, stale]
    assert (window.status[:, 2] == codes.BAD_NODE_ID_UNKNOWN).all()
    assert np.isnan(window.value[:, 2]).all()
    assert window.newest_sample == T0 + 20 * NS


@settings(deadline=None)  # a busy machine is no defect
@given(
    st.lists(st.tuples(st.integers(0, 1), st.integers(0, 120)), min_size=1, max_size=60),
    st.integers(1, 9),
)
def test_any_split_into_blocks_gives_the_rows_of_a_plain_replay(
    changes: list[tuple[int, int]], cut: int
) -> None:
    """The reference walks tick by tick over the sorted samples, one value at a time."""
    changes = sorted(changes, key=lambda change: change[1])
    rows = [(column, float(k), moment) for k, (column, moment) in enumerate(changes)]
    s, _ = store(rows=8)
    for start in range(0, len(rows), cut):
        s.add(samples(*rows[start : start + cut]))
    first = max(moment for _, _, moment in rows[:cut])
    expected: list[list[float]] = []
    for tick in range(first, rows[-1][2], 10):
        held = [np.nan, np.nan]
        for column, value, moment in rows:
            if moment <= tick:
                held[column] = value
        expected.append(held)
    got = s.window(ALL, 8).value
    want = np.array([[np.nan, np.nan]] * 8 + expected)[-8:]
    np.testing.assert_array_equal(got, want)
