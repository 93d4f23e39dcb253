"""Columns of a connection, and those that the main process knows."""

from __future__ import annotations

from unittest.mock import Mock

import numpy as np

from opcua_ai.collector.delivery import Delivery
from opcua_ai.collector.messages import Run
from opcua_ai.core.types import Samples, Tag


def samples(*columns: int, until: int = 0) -> Samples:
    column = np.array(columns, np.int32)
    zero = np.zeros(len(columns), np.uint32)
    return Samples(column, column * 10.0, zero, column.astype(np.int64) + 100, until=until)


def delivery(known: str, found: str, store: Mock | None = None) -> Delivery:
    tags = [Tag(name, "") for name in known]
    order = Run("plant", tags, [], np.zeros(len(tags), np.bool_), None)
    return Delivery("plant", Mock(), order, [store or Mock()], [Tag(name, "") for name in found])


def test_a_block_without_samples_still_tells_until_when() -> None:
    for found in ("abc", "cax"):
        store = Mock()
        delivery("abc", found, store)(samples(until=7))
        (block,) = store.add.call_args.args
        assert (len(block.column), block.until) == (0, 7)


def test_known_columns_become_those_of_the_connection() -> None:
    assert delivery("abc", "abc").as_found(samples(2, 0)).column.tolist() == [2, 0]
    back = delivery("abc", "cxa").as_found(samples(0, 1, 2))
    assert back.column.tolist() == [2, 0], "b is gone, x is new"
    assert back.value.tolist() == [0.0, 20.0]
