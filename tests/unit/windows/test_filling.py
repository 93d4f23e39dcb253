"""Values that were read from a source's history after an outage."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from opcua_ai.core import status as codes
from opcua_ai.core.types import NS, Samples, TimeArray
from opcua_ai.windows.store import WindowStore

T0 = 1_700_000_000 * NS
PERIOD, ROWS, TAGS = 10, 12, np.array([0, 1])
Change = tuple[int, float, int]
"""column, value, seconds after T0"""


def block(changes: list[Change], filled: bool = False, status: int | list[int] = 0) -> Samples:
    column, value, second = zip(*changes, strict=True)
    return Samples(
        np.array(column, np.int32),
        np.array(value, float),
        np.full(len(changes), status, np.uint32),
        T0 + np.array(second, np.int64) * NS,
        filled,
    )


def store() -> WindowStore:
    made = WindowStore(2, PERIOD, ROWS)
    made.use(TAGS)
    return made


def ticks(window_time: int) -> TimeArray:
    return (window_time - T0) // NS + PERIOD * np.arange(1 - ROWS, 1)


@settings(deadline=None)  # a busy machine is no defect
@given(
    st.dictionaries(
        st.tuples(st.integers(1, 100), st.integers(0, 1)),
        st.tuples(st.integers(0, 9), st.sampled_from([codes.GOOD, codes.UNCERTAIN, codes.BAD])),
    ),
    st.integers(1, 50),
    st.integers(0, 60),
    st.booleans(),
)
def test_a_gap_filled_later_gives_the_rows_of_samples_in_time(
    changes: dict[tuple[int, int], tuple[int, int]], begin: int, length: int, lost: bool
) -> None:
    end = begin + length
    in_time, late = store(), store()
    first = [(0, 100.0, 0), (1, 200.0, 0)]
    held = {column: (float(value), 0, 0) for column, value, _ in first}
    """column -> value, status, second of the last sample"""
    in_time.add(block(first))
    late.add(block(first))
    before, missing = dict(held), []
    for (second, column), (number, status) in sorted(changes.items()):
        if second >= end:
            break
        sample = block([(column, float(number), second)], status=status)
        in_time.add(sample)
        if second < begin:
            late.add(sample)
        else:
            missing.append((column, float(number), status, second))
        held[column] = (float(number), status, second)
        if second < begin:
            before[column] = held[column]
    if lost:
        late.add(
            block([(c, v, s) for c, (v, _, s) in before.items()], status=codes.BAD_NO_COMMUNICATION)
        )
    back = [(0, 7.0, end), (1, *held[1][::2])]  # the other tag rests: it comes as it is
    for both in (in_time, late):
        both.add(block(back, status=[0, held[1][1]]))
        for (second, column), (number, _) in sorted(changes.items()):
            if second > end:
                both.add(block([(column, float(number), second)]))
        both.add(block([(0, 8.0, 121), (1, 8.0, 121)]))
    bounds = [(c, v, status, s) for c, (v, status, s) in before.items()]
    column, value, status, second = zip(*bounds, *missing, strict=True)
    late.add(block(list(zip(column, value, second, strict=True)), True, list(status)))
    wanted, got = in_time.window(TAGS, ROWS), late.window(TAGS, ROWS)
    np.testing.assert_array_equal(got.status, wanted.status)
    good = ~codes.bad_mask(wanted.status)
    np.testing.assert_array_equal(got.value[good], wanted.value[good])
    assert (got.time, got.newest_sample) == (wanted.time, wanted.newest_sample)
    alive = max(second for *_, second in before.values())
    outside = (ticks(got.time) < alive) | (ticks(got.time) >= end + PERIOD)
    assert not got.filled[outside].any()
    assert not wanted.filled.any()


def gap() -> WindowStore:
    """An outage from 22 to 58 s, with one row a 10 s from 0 to 80."""
    made = store()
    for second in (0, 10, 20, 22):
        made.add(block([(0, float(second), second), (1, 5.0, second)]))
    lost = codes.BAD_NO_COMMUNICATION
    made.add(block([(0, 22.0, 22), (1, 5.0, 22)], status=lost))
    for second in (58, 70, 81):
        made.add(block([(0, float(second), second), (1, 6.0, second)]))
    return made


def test_the_rows_of_an_outage_hold_what_the_history_says() -> None:
    made = gap()
    assert (made.window(TAGS, 6).status[:3] == codes.BAD_NO_COMMUNICATION).all()
    version, before = made.version, made.window(TAGS, 9).time
    made.add(block([(0, 22.0, 22), (0, 33.0, 33), (0, 44.0, 44)], filled=True))
    assert made.version > version
    window = made.window(TAGS, 9)
    assert window.time == before
    assert window.value[:, 0].tolist() == [0, 10, 20, 22, 33, 44, 58, 70, 70]
    assert (window.status[:, 0] == codes.GOOD).all()
    lost = codes.BAD_NO_COMMUNICATION
    assert window.status[:, 1].tolist() == [0, 0, 0, lost, lost, lost, 0, 0, 0], "another tag"
    assert window.filled.tolist() == [False] * 3 + [True] * 3 + [False] * 3
    assert not made.window(np.array([1]), 9).filled.any(), "only windows with that tag"


def test_statuses_are_those_of_the_history_and_bad_values_hold_the_last_usable_one() -> None:
    made = gap()
    states = [0, codes.UNCERTAIN, codes.BAD]
    made.add(block([(0, 22.0, 22), (0, 33.0, 33), (0, 44.0, 44)], filled=True, status=states))
    window = made.window(TAGS, 9)
    assert window.value[3:6, 0].tolist() == [22, 33, 33]
    assert window.status[3:6, 0].tolist() == states


def test_a_bad_value_of_the_history_leaves_the_newer_live_value_below_it() -> None:
    made = store()
    made.add(block([(0, 1.0, 0), (1, 5.0, 0)]))
    for second in (8, 21):
        made.add(block([(0, float(second), second)]))
    made.add(block([(0, 4.0, 4), (0, 9.0, 9)], filled=True, status=[0, codes.BAD]))
    window = made.window(TAGS, 2)
    assert window.value[:, 0].tolist() == [8, 8]
    assert window.status[:, 0].tolist() == [codes.BAD, codes.BAD]


def test_filled_rows_leave_the_window_with_time() -> None:
    made = gap()
    made.add(block([(0, 33.0, 33), (0, 44.0, 44)], filled=True))
    made.add(block([(0, 1.0, 1000), (1, 1.0, 1000)]))
    made.add(block([(0, 1.0, 1011)]))
    assert not made.window(TAGS, ROWS).filled.any()


def test_what_is_too_old_or_far_off_changes_nothing() -> None:
    made = gap()
    for second in range(100, 300, 10):
        made.add(block([(0, float(second), second), (1, 6.0, second)]))
    version, before = made.version, made.window(TAGS, ROWS)
    made.add(block([(0, 33.0, 33), (1, 44.0, 44)], filled=True))
    made.add(block([(0, 33.0, -90_000)], filled=True))
    made.add(block([(0, 33.0, 90_000)], filled=True))
    made.add(block([(0, 290.5, 280)], filled=True))
    after = made.window(TAGS, ROWS)
    assert made.version == version
    np.testing.assert_array_equal(after.value, before.value)
    made.add(block([(0, 1.0, 310), (1, 1.0, 310)]))
    assert made.window(TAGS, 1).time == T0 + 300 * NS, "the plant's clock was not moved"


def test_a_store_without_rows_takes_no_filled_values() -> None:
    made = store()
    made.add(block([(0, 1.0, 5)], filled=True))
    assert (made.version, made.filled) == (0, 0)
