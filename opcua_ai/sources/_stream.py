"""What a source does with a link, and what it remembers from one link to the next.

After a cut, in the order of Part 4, 6.7: the old session on a new connection, else its subscription
in a new session, else a new subscription; only the last one leaves a gap, unless queues were full.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from asyncua import ua
from numpy.typing import NDArray

from opcua_ai.core import status
from opcua_ai.core.ports import Retagged, Sink, SourceStats
from opcua_ai.core.types import NS, VACANT, Samples, Tag
from opcua_ai.sources._backfill import Backfill
from opcua_ai.sources._failover import HEALTHY, ChangeOverError
from opcua_ai.sources._gaps import Gaps
from opcua_ai.sources._nodeid import resolve
from opcua_ai.sources._poll import Polling
from opcua_ai.sources._publish import Deliver
from opcua_ai.sources._quiet import Quiet
from opcua_ai.sources._retag import Retagging, arrange
from opcua_ai.sources._session import UNSUPPORTED, Link, plain_errors
from opcua_ai.sources._subscription import (
    NO_ROOM,
    Subscription,
    status_names,
)

if TYPE_CHECKING:
    from opcua_ai.sources._options import Options
    from opcua_ai.sources._tags import Variable

_log = logging.getLogger("opcua_ai.sources")

LOOK_AFTER_S = 30.0
"""Between two looks at what the server refuses, and at how well it can serve."""
NO_SUBSCRIPTION = NO_ROOM | UNSUPPORTED | {
    ua.StatusCodes.BadTooManySubscriptions,
    ua.StatusCodes.BadSubscriptionIdInvalid,
}  # fmt: skip
"""With these a server says that it gives no subscription: values are read instead."""

Better = Callable[[Link], Awaitable[bool]]
"""Whether there is a server that can serve better than the one of the link."""


class Stream:
    """Lives as long as the tags; each column keeps its place."""

    def __init__(
        self,
        name: str,
        tags: list[Tag],
        historic: NDArray[np.bool_],
        options: Options,
        stats: SourceStats,
    ) -> None:
        self._name = name
        self._tags = tags
        self._options = options
        self._stats = stats
        self._gaps = Gaps(len(tags), stats)
        self._backfill = Backfill(name, self._gaps, historic, stats)
        self._quiet = Quiet()
        self._interval_s = options.publishing_interval_ms / 1e3
        self._polling = Polling(self._interval_s, stats)
        self._subscription: Subscription | None = None
        self._refused: dict[int, int] = {}
        self._said: set[str] = set()
        self._lost_messages = 0
        self._retagging = Retagging(name)
        self._gone = np.zeros(len(tags), np.bool_)
        """Columns that have become VACANT."""

    async def prepare(self, link: Link, sink: Sink) -> None:
        """Have the server send values over this link. Raises SourceLostError."""
        if self._subscription is not None and await self._subscription.go_on(link):
            self._restore(sink)
        else:
            self._gaps.lose()
            await self._subscribe(link)
        self._take_stock(link)
        self._tell(self._refused, sink)

    async def run(self, link: Link, better: Better, sink: Sink) -> None:
        """Deliver until the link is lost. Raises SourceLostError that says why."""

        def pumped(samples: Samples, sent: int) -> None:
            self._take(samples, sent, sink)

        def polled(samples: Samples, sent: int) -> None:
            # beside a subscription they are not all, and what it holds may be older
            if len(samples.column) or self._subscription is None:
                self._take(samples, sent, sink)

        await _together(
            self._pump(link, pumped),
            self._polling.run(link, polled),
            self._backfill.run(link, self._tags, lambda samples: self._deliver(samples, sink)),
            self._look_after(link, better, sink),
            self._retagging.run(link, partial(self._rearrange, link, sink)),
        )

    def choose(self, options: Options, retagged: Retagged) -> None:
        """Another choice of tags, as soon as there is a link; see ``Source.reconfigure``."""
        self._retagging.wish(options, retagged)

    def remember(self, last: Samples) -> None:
        """Before the first ``prepare``: see ``core.ports.Remembering``."""
        self._gaps.remember(last)

    def lost(self, sink: Sink) -> None:
        """Say of every tag that there is no communication."""
        columns = np.flatnonzero(~self._gone).tolist()
        self._tell(dict.fromkeys(columns, status.BAD_NO_COMMUNICATION), sink)

    async def _subscribe(self, link: Link) -> None:
        """A new subscription, if the server gives one. Raises SourceLostError."""
        subscription = Subscription(self._tags, self._options, self._stats)
        self._subscription = None
        with plain_errors(link.endpoint):
            try:
                await subscription.create(link)
            except ua.UaStatusCodeError as error:
                if error.code not in NO_SUBSCRIPTION:
                    raise
                self._say(f"no subscription ({type(error).__name__}): every tag is read instead")
                return
        self._subscription = subscription
        if short := subscription.revised.shortfalls():
            wish = f"outages of {self._options.outage_s:g} s are to be bridged"
            self._say(f"less than asked for ({wish}): {'; '.join(short)}")

    def _say(self, what: str) -> None:
        """Once, however often the source is lost."""
        if what not in self._said:
            self._said.add(what)
            _log.warning("source %s: the server gives %s", self._name, what)

    async def _pump(self, link: Link, deliver: Deliver) -> None:
        while self._subscription is None:
            await asyncio.sleep(LOOK_AFTER_S)
            await self._subscribe(link)
            self._take_stock(link)
        await self._subscription.pump(link, deliver)

    async def _look_after(self, link: Link, better: Better, sink: Sink) -> None:
        """Now and then: are refused tags there, can the server still serve?"""
        while True:
            await asyncio.sleep(LOOK_AFTER_S)
            with plain_errors(link.endpoint):
                await link.greet()
            if self._subscription is not None and self._refused:
                await self._subscription.retry(link)
                self._tell(self._take_stock(link), sink)
            if link.service_level < HEALTHY and await better(link):
                raise ChangeOverError(
                    f"{link.endpoint} has ServiceLevel {link.service_level}, another server more"
                )

    def _take_stock(self, link: Link) -> dict[int, int]:
        """Which tags come by subscription, which by Read, which not at all; returns the ones that
        are refused since now."""
        if self._subscription is None:
            refused, self._polling.targets = resolve(
                self._tags, range(len(self._tags)), link.namespaces
            )
            self._quiet.pace(0.0, self._interval_s)
        else:
            refused, self._polling.targets = self._subscription.refused, self._subscription.polled
            if few := len(self._polling.targets):
                self._say(f"no items for {few} tags: they are read instead")
            sampling_s, publishing_s = self._subscription.revised.pace
            self._quiet.pace(max(sampling_s, self._interval_s if few else 0.0), publishing_s)
        new = {column: code for column, code in refused.items() if column not in self._refused}
        back = dict.fromkeys(column for column in self._refused if column not in refused)
        self._refused = refused
        self._stats.bad_tags = len(refused)
        if new:
            self._name_tags("refused tags", status_names(new))
        if back:
            self._name_tags("accepted now", back)
        return new

    def _name_tags(self, what: str, columns: Mapping[int, str | None]) -> None:
        shown = [
            f"{self._tags[column].path} ({name})" if name else self._tags[column].path
            for column, name in [*columns.items()][:5]
        ]
        more = f" and {len(columns) - 5} more" if len(columns) > 5 else ""
        _log.warning("source %s: %s: %s%s", self._name, what, ", ".join(shown), more)

    def _take(self, samples: Samples, sent: int, sink: Sink) -> None:
        """What the server has sent just now: a block of samples, or none because nothing has
        changed."""
        if not len(samples.column):
            if until := self._quiet.until(sent):
                sink(replace(samples, until=until))
            return
        self._stats.lag_s = (time.time_ns() - int(samples.time.max())) / NS
        self._stats.overflows += int(np.count_nonzero(status.overflow_mask(samples.status)))
        if (new := samples.time[samples.time != self._gaps.time[samples.column]]).size:
            self._quiet.changed(int(new.max()), sent)
        self._deliver(samples, sink)

    async def _rearrange(
        self, link: Link, sink: Sink, found: Sequence[Variable], retagged: Retagged
    ) -> None:
        """Make these variables the tags; who is there already hears nothing of it."""
        arranged = arrange(self._tags, [variable.tag for variable in found])
        await retagged(arranged)
        self._tags[:] = arranged
        historic = {variable.tag for variable in found if variable.historic}
        self._backfill.historic = np.array([tag in historic for tag in self._tags])
        self._gone = np.array([tag is VACANT for tag in self._tags])
        self._gaps.follow(self._gone)
        if self._subscription is not None:
            with plain_errors(link.endpoint):
                await self._subscription.follow(link)
        self._tell(self._take_stock(link), sink)

    def _deliver(self, samples: Samples, sink: Sink) -> None:
        if not samples.filled:
            if self._gone.any():
                # what was under way when its item was deleted
                samples = samples.where(~self._gone[samples.column])
            if self._lost_messages != self._stats.lost_messages:
                self._lost_messages = self._stats.lost_messages
                self._gaps.lose()
            self._gaps.note(samples)
            self._stats.values += len(samples.column)
        sink(samples)

    def _restore(self, sink: Sink) -> None:
        """The last samples again, in place of the news that the source was lost: what follows them
        is still in the server's queues."""
        gaps = self._gaps
        column = np.flatnonzero(gaps.time).astype(np.int32)
        sink(Samples(column, gaps.value[column], gaps.status[column], gaps.time[column]))

    def _tell(self, states: Mapping[int, int], sink: Sink) -> None:
        """One sample for each column with a status of our own; value and time stay the last ones,
        or NaN and now where none ever came."""
        if not states:
            return
        column = np.fromiter(states, np.int32, len(states))
        last = self._gaps.time[column]
        sink(
            Samples(
                column=column,
                value=self._gaps.value[column],
                status=np.fromiter(states.values(), np.uint32, len(states)),
                time=np.where(last > 0, last, time.time_ns()),
            )
        )


async def _together(*work: Coroutine[Any, Any, None]) -> None:
    """Until one of them fails; its error is raised as it is. (A TaskGroup of Python 3.11 leaves the
    task that waits for it marked as cancelled.)"""
    tasks = [asyncio.create_task(coroutine) for coroutine in work]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
