"""The store beside a plain one that walks through the samples one by one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opcua_ai.core import status as codes
from opcua_ai.core.types import NS, Samples
from opcua_ai.windows.store import WindowStore

T0 = 1_700_000_000 * NS
COLUMNS, ROWS, PERIOD = 3, 6, 10


class Plain:
    """The rules of the store without any array."""

    def __init__(self) -> None:
        self.held = [(float("nan"), codes.BAD_WAITING_FOR_INITIAL_DATA, 0)] * COLUMNS
        self.rows = [list(self.held)] * ROWS
        self.tick: int | None = None

    def _close(self) -> None:
        self.rows = [*self.rows[1:], list(self.held)]
        self.tick += PERIOD

    def add(self, block: list[tuple[int, float, int, int]]) -> None:
        if self.tick is None and block:
            self.tick = max(moment for *_, moment in block)
        for column, value, status, moment in sorted(block, key=lambda sample: sample[3]):
            while self.tick < moment:
                self._close()
            before, _, time = self.held[column]
            if moment < time and status != codes.BAD_NO_COMMUNICATION:
                continue
            usable = not codes.is_bad(status) and np.isfinite(value)
            self.held[column] = (value if usable else before, status, max(time, moment))

    def known(self, until: int) -> None:
        while self.tick is not None and self.tick < until:
            self._close()


STATUS = st.sampled_from(
    [codes.GOOD] * 5 + [codes.UNCERTAIN, codes.BAD, codes.BAD_NO_COMMUNICATION]
)
VALUE = st.one_of(st.integers(0, 99).map(float), st.just(float("nan")))
# how far behind the clock a sample may come: less than what counts as a clock that was set back
LATE = st.integers(0, 25)
BLOCK = st.lists(st.tuples(st.integers(0, COLUMNS - 1), VALUE, STATUS, LATE), max_size=9)
# until when the source says that it knows the plant; it may be wrong by a little
UNTIL = st.one_of(st.none(), st.integers(-30, 5))


@settings(deadline=None)  # a busy machine is no defect
@given(
    st.lists(st.tuples(st.integers(0, 30), BLOCK, st.booleans(), UNTIL), min_size=1, max_size=12)
)
def test_blocks_in_any_order_give_the_rows_of_the_plain_store(
    steps: list[tuple[int, list[tuple[int, float, int, int]], bool, int | None]],
) -> None:
    store, plain, clock = WindowStore(COLUMNS, PERIOD, ROWS), Plain(), 1000
    store.use(np.arange(COLUMNS))
    for ahead, late_block, in_order, until in steps:
        clock += ahead
        block = [(column, value, state, clock - late) for column, value, state, late in late_block]
        if in_order:
            block.sort(key=lambda sample: sample[3])
        column, value, state, moment = zip(*block, strict=True) if block else ((), (), (), ())
        store.add(
            Samples(
                np.array(column, np.int32),
                np.array(value),
                np.array(state, np.uint32),
                T0 + np.array(moment, np.int64) * NS,
                until=0 if until is None else T0 + (clock + until) * NS,
            )
        )
        plain.add(block)
        if until is not None:
            plain.known(clock + until)
    # what a window shows of the present belongs to its newest row only
    window = store.window(np.arange(COLUMNS), ROWS)
    value, status, _ = (
        np.array([[cell[i] for cell in row] for row in plain.rows]) for i in range(3)
    )
    status[-1] = [
        now if codes.is_bad(now) else was
        for (_, now, _), was in zip(plain.held, status[-1], strict=True)
    ]
    np.testing.assert_array_equal(window.value, value)
    np.testing.assert_array_equal(window.status, status)
    assert not window.filled.any()


def test_a_store_that_grows_keeps_its_rows() -> None:
    store = WindowStore(2, PERIOD, 3)
    store.use(np.arange(2))

    def add(column: list[int], second: int) -> None:
        count = len(column)
        when = np.full(count, T0 + second * NS)
        number = np.array(column) + float(second)
        store.add(Samples(np.array(column, np.int32), number, np.zeros(count, np.uint32), when))

    add([0, 1], 0)
    add([0, 1], 10)
    store.grow(4)
    store.use(np.array([3, 0]))
    add([3, 1], 15)
    add([0], 21)
    window = store.window(np.array([0, 1, 3]), 3)
    nan = float("nan")
    np.testing.assert_array_equal(window.value, [[0, 1, nan], [10, 11, nan], [10, 16, 18]])
    waiting = codes.BAD_WAITING_FOR_INITIAL_DATA
    assert window.status[:, 2].tolist() == [waiting, waiting, codes.GOOD]


def test_a_model_that_finds_none_of_its_tags_gets_a_window_all_the_same() -> None:
    store = WindowStore(1, PERIOD, 2)
    store.use(np.array([-1, -1]))
    window = store.window(np.array([-1, -1]), 2)
    assert (window.status == codes.BAD_NODE_ID_UNKNOWN).all()
    assert window.value.shape == (2, 2)


@pytest.mark.parametrize("order", [[0, 1, 2], [2, 1, 0]])
def test_tags_of_one_tick_may_come_in_any_order(order: list[int]) -> None:
    store = WindowStore(2, PERIOD, 1)
    store.use(np.arange(2))
    first = [(0, 1.0, 0), (1, 2.0, 0), (1, 3.0, 5)]
    for block in ([(0, 0.0, 0)], [first[i] for i in order], [(0, 9.0, 11)]):
        column, value, second = zip(*block, strict=True)
        when = T0 + np.array(second, np.int64) * NS
        zero = np.zeros(len(block), np.uint32)
        store.add(Samples(np.array(column, np.int32), np.array(value), zero, when))
    assert store.window(np.arange(2), 1).value.tolist() == [[1.0, 3.0]]
