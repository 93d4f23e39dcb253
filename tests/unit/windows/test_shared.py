"""Windows in memory that another process writes."""

import os
import subprocess
import sys
import time

import numpy as np
import pytest

from opcua_ai.core import status as codes
from opcua_ai.core.types import NS, Samples
from opcua_ai.windows import shared
from opcua_ai.windows.shared import SEQUENCE, Memory, StoreView, StoreWriter
from tests.unit.windows import shared_writer
from tests.unit.windows.shared_writer import T0

ALL = np.arange(300)
ROWS = 20
WINDOWS = 1000


def row(number: int) -> Samples:
    return shared_writer.row(len(ALL), number)


def pair() -> tuple[StoreView, StoreWriter, Memory]:
    memory, view = Memory(), StoreView(len(ALL), 1.0, ROWS)
    view.use(ALL[::-1][:150])
    view.use(ALL)
    writer = StoreWriter(len(ALL), 1.0, ROWS, settle_s=0.0)
    writer.attach(memory, view.share(memory), view.used)
    return view, writer, memory


def torn(view: StoreView) -> bool:
    """Whether a row holds values of different moments, or the rows are not consecutive."""
    window = view.window(ALL, ROWS)
    first = window.value[:, :1]
    agree = np.array_equal(window.value, np.broadcast_to(first, window.value.shape))
    states = np.array_equal(window.status, (window.value % 1000).astype(np.uint32))
    consecutive = (np.diff(first[:, 0]) == 1).all() and window.time == T0 + first[-1, 0] * NS
    return not (agree and states and consecutive)


@pytest.mark.parametrize("locked", [True, False])
def test_a_half_written_row_is_never_seen(locked: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """And without the sequence lock it is: else the first half would prove nothing."""
    memory, view = Memory(), StoreView(len(ALL), 1.0, ROWS)
    view.use(ALL)
    view.share(memory)
    if not locked:
        monkeypatch.setattr(StoreView, "_consistent", lambda _, read: read())
    arguments = map(str, (memory.descriptor, len(ALL), ROWS))
    writing = [sys.executable, shared_writer.__file__, *arguments]
    with subprocess.Popen(writing, pass_fds=[memory.descriptor]) as child:
        while view.filled < ROWS:
            time.sleep(0.01)
        seen = found = version = 0
        while seen < WINDOWS if locked else not found:
            if view.version != version:
                version = view.version
                found += torn(view)
                seen += 1
        child.kill()
    memory.close()
    assert bool(found) is not locked


def test_the_view_shows_what_the_writer_adds() -> None:
    view, writer, memory = pair()
    memory.close()  # what is mapped stays
    for number in range(1, 4):
        writer.add(row(number))
    writer.close_settled()
    assert (view.filled, view.version) == (3, 4)
    assert view.window(ALL[:2], 3).value.tolist() == [[1, 1], [2, 2], [3, 3]]
    view.add(row(9))
    view.close_settled()
    assert view.version == 4, "the view writes nothing"
    writer.add(Samples(*_fields(row(2)), filled=True))
    assert view.version == 4


def _fields(samples: Samples) -> tuple:
    return samples.column, samples.value, samples.status, samples.time


def test_a_writer_that_has_gone_leaves_its_rows_and_bad_tags_to_its_successor() -> None:
    view, writer, memory = pair()
    for number in range(1, 6):
        writer.add(row(number))
    offset, version = 0, view.version
    view.lose()
    assert view.version > version
    window = view.window(ALL, 4)
    assert (window.status[-1] == codes.BAD_NO_COMMUNICATION).all()
    assert window.value[:, 0].tolist() == [1, 2, 3, 4], "of which three are filled again"
    successor = StoreWriter(len(ALL), 1.0, ROWS)
    successor.attach(memory, offset, view.used)
    memory.close()
    successor.add(row(7))
    successor.add(row(8))
    window = view.window(ALL, 3)
    assert window.value[:, 0].tolist() == [5, 5, 7]
    lost = codes.BAD_NO_COMMUNICATION
    assert window.status[:, 0].tolist() == [lost, lost, 7]


def test_what_was_held_before_the_loss_is_known_after_it() -> None:
    view, writer, memory = pair()
    memory.close()
    view.lose()
    assert len(view.held().column) == 0
    writer.add(row(7))
    writer.add(Samples(*(part[:5] for part in _fields(row(9)))))
    for _ in range(2):  # the second one has delivered nothing before it was lost
        view.lose()
        held = view.held()
        assert held.column.tolist() == [*ALL]
        assert held.value.tolist() == held.status.tolist() == [9] * 5 + [7] * 295
        assert ((held.time - T0) // NS).tolist() == [9] * 5 + [7] * 295
    writer._arrays.counters[SEQUENCE] += 1
    view.lose()
    assert len(view.held().column) == 0, "half a row is not to be believed"


def test_a_writer_killed_in_the_middle_of_a_row_leaves_no_rows() -> None:
    view, writer, memory = pair()
    memory.close()
    writer.add(row(1))
    writer.add(row(2))
    writer._arrays.counters[SEQUENCE] += 1
    writer._arrays.value[0, :7] = 99.0
    version = view.version
    view.lose()
    assert view.filled == 0
    assert view.version > version
    window = view.window(ALL, 2)
    assert np.isnan(window.value).all()
    assert (window.status[-1] == codes.BAD_NO_COMMUNICATION).all()


def test_a_writer_that_hangs_in_the_middle_of_a_row_gives_a_bad_window(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(shared, "PATIENCE_S", 0.01)
    view, writer, memory = pair()
    memory.close()
    writer.add(row(1))
    writer.add(row(2))
    writer._arrays.counters[SEQUENCE] += 1
    window = view.window(ALL[:2], 2)
    assert (window.status == codes.BAD_NO_COMMUNICATION).all()
    assert np.isnan(window.value).all()


def test_a_clock_that_stays_behind_is_known_to_the_successor(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The state beside the arrays is in the memory too."""
    view, writer, memory = pair()
    for number in range(100, 110):
        writer.add(row(number))
    writer.add(row(90))
    successor = StoreWriter(len(ALL), 1.0, ROWS)
    successor.attach(memory, 0, view.used)
    memory.close()
    successor.add(row(94))
    assert caplog.text.count("went back") == 1


def test_memory_without_memfd_has_no_name_either(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "memfd_create", raising=False)
    memory = Memory()
    assert os.fstat(memory.descriptor).st_nlink == 0
    first, second = memory.reserve(10), memory.reserve(10)
    memory.map(first, 10)[:5] = b"first"
    memory.map(second, 10)[:5] = b"other"
    assert memory.map(first, 10)[:5] == b"first"
    memory.close()
