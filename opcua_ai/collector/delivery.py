"""The sink of a source in a collector process: window stores, and what the main process records."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from opcua_ai.collector.channel import Channel
from opcua_ai.collector.messages import Recorded, Run
from opcua_ai.core.types import Samples, Tag
from opcua_ai.windows.shared import StoreWriter

log = logging.getLogger(__name__)

MOST_WAITING = 64 * 2**20
"""Bytes that the main process may be behind."""


class Delivery:
    """Called with each block, whose columns become those that the main process knows."""

    def __init__(
        self,
        name: str,
        channel: Channel,
        order: Run,
        stores: Sequence[StoreWriter],
        found: Sequence[Tag],
    ) -> None:
        """``found`` are the tags of this connection; ``order.tags`` those of the first one."""
        self._name = name
        self._channel = channel
        self._stores = stores
        self._recorded = order.recorded
        self._column = _renumbered(name, order.tags, found)
        self._dropped = 0

    def __call__(self, samples: Samples) -> None:
        if self._column is not None:
            column = self._column[samples.column]
            samples = replace(samples, column=column).where(column >= 0)
        for store in self._stores:
            store.add(samples)
        if self._recorded.any():
            self._record(samples)

    def as_found(self, samples: Samples) -> Samples:
        """The way back: samples whose columns the main process knows, with those of this
        connection."""
        if self._column is None:
            return samples
        found = np.full(len(self._recorded), -1, np.int32)
        known = np.flatnonzero(self._column >= 0)
        found[self._column[known]] = known
        column = found[samples.column]
        return replace(samples, column=column).where(column >= 0)

    def _record(self, samples: Samples) -> None:
        wanted = self._recorded[samples.column]
        if not wanted.all():
            samples = samples.where(wanted)
        if self._channel.waiting > MOST_WAITING:
            if not self._dropped:
                log.warning("source %s: values come faster than they can be recorded", self._name)
            self._dropped += len(samples.time)
            return
        if self._dropped:
            log.warning("source %s: %d values were not recorded", self._name, self._dropped)
            self._dropped = 0
        if len(samples.time):
            self._channel.send(Recorded(self._name, samples))


def _renumbered(name: str, known: Sequence[Tag], found: Sequence[Tag]) -> NDArray[np.int32] | None:
    """For each found tag its column among the known ones, -1 for a new one; None: nothing has
    changed. A known tag that is gone stays BadNoCommunication, as the end of the last collector has
    left it."""
    columns = {tag.path: column for column, tag in enumerate(known)}
    number = np.array([columns.get(tag.path, -1) for tag in found], np.int32)
    if np.array_equal(number, np.arange(len(known))):
        return None
    gone = sorted(columns.keys() - {tag.path for tag in found})
    log.warning(
        "source %s: other tags than before: %d are new and come in with the next start of the "
        "service, %d are gone%s", name, int(np.sum(number < 0)), len(gone),
        ": " + ", ".join(gone[:5]) if gone else "",
    )  # fmt: skip
    return number
