"""The HistoryRead service (Part 4, 5.11.3; Part 11, 6.5)."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from asyncua import ua
from asyncua.server.address_space import AddressSpace
from asyncua.ua import uaerrors
from asyncua.ua.uaerrors import UaStatusCodeError

from opcua_ai.core.errors import HistoryError
from opcua_ai.history.aggregates import Aggregate, Configuration
from opcua_ai.history.raw import RawRequest
from opcua_ai.history.reader import Reader
from opcua_ai.server.asyncua_mends.numeric_range import NumericRange
from opcua_ai.server.history.encoding import time_of
from opcua_ai.server.history.events import EventCodec, EventRead
from opcua_ai.server.history.nodes import HistoricalNode
from opcua_ai.server.history.points import ContinuationPoints
from opcua_ai.server.history.reads import (
    AtTimeRead,
    Page,
    ProcessedRead,
    RawRead,
    Read,
)
from opcua_ai.server.values import code

MAX_NODES = 100
"""In one request."""
MAX_VALUES = 10_000
"""Values or events of one node in one response."""
MAX_RESPONSE = 50_000
"""Values or events in one response; nodes that come later get a continuation point."""
THREADS = 2
_MILLISECOND = 1_000_000
_ANY_TYPE = (Aggregate.INTERPOLATIVE, Aggregate.COUNT)
"""Aggregates of values that are no numbers."""
SC = ua.StatusCodes


class HistoryService:
    """Reads in threads of its own: however much a client asks for, the event loop goes on."""

    def __init__(
        self,
        aspace: AddressSpace,
        folder: Path,
        nodes: Mapping[ua.NodeId, HistoricalNode],
        notifiers: Mapping[ua.NodeId, str],
        codec: EventCodec,
    ) -> None:
        self._aspace = aspace
        self._folder = folder
        self._nodes = nodes
        self._notifiers = notifiers
        self._codec = codec
        self._points: ContinuationPoints[Read] = ContinuationPoints()
        self._executor = ThreadPoolExecutor(THREADS, thread_name_prefix="history-read")

    def close(self) -> None:
        self._executor.shutdown(wait=True, cancel_futures=True)

    async def read(
        self, session: object, params: ua.HistoryReadParameters
    ) -> list[ua.HistoryReadResult]:
        """One result for each node, in order. Raises UaStatusCodeError for the whole request."""
        wanted = params.NodesToRead
        self._points.begin(session)
        if params.ReleaseContinuationPoints:
            return [self._release(session, value) for value in wanted]
        self._check(params)
        reads = [self._read_of(session, params, at) for at in range(len(wanted))]
        loop = asyncio.get_running_loop()
        pages = await loop.run_in_executor(self._executor, self._pages, reads)
        return [self._result(session, page) for page in pages]

    def _release(self, session: object, value: ua.HistoryReadValueId) -> ua.HistoryReadResult:
        known = self._points.take(session, value.ContinuationPoint or b"")
        return _failed(SC.Good if known else SC.BadContinuationPointInvalid)

    @staticmethod
    def _check(params: ua.HistoryReadParameters) -> None:
        if not params.NodesToRead:
            raise uaerrors.BadNothingToDo
        if len(params.NodesToRead) > MAX_NODES:
            raise uaerrors.BadTooManyOperations
        details = params.HistoryReadDetails
        events = isinstance(details, ua.ReadEventDetails)
        wanted = params.TimestampsToReturn
        if not events and wanted in (ua.TimestampsToReturn.Neither, ua.TimestampsToReturn.Invalid):
            raise uaerrors.BadTimestampsToReturnInvalid
        if isinstance(details, ua.ReadProcessedDetails) and len(details.AggregateType or ()) != len(
            params.NodesToRead
        ):
            raise uaerrors.BadAggregateListMismatch

    def _read_of(self, session: object, params: ua.HistoryReadParameters, at: int) -> Read | int:
        """What to read for one node, or why not."""
        value = params.NodesToRead[at]
        try:
            if value.ContinuationPoint:
                going_on = self._points.take(session, value.ContinuationPoint)
                return going_on or SC.BadContinuationPointInvalid
            if isinstance(params.HistoryReadDetails, ua.ReadEventDetails):
                return self._event_read(value.NodeId, params.HistoryReadDetails)
            return self._value_read(value, params, at)
        except UaStatusCodeError as error:
            return error.code

    def _value_read(
        self, value: ua.HistoryReadValueId, params: ua.HistoryReadParameters, at: int
    ) -> Read:
        node = self._nodes.get(value.NodeId)
        if node is None:
            raise self._why_not(value.NodeId)
        if NumericRange.parse(value.IndexRange) is not None:
            raise uaerrors.BadIndexRangeNoData  # every kept value is a scalar
        if value.DataEncoding is not None and value.DataEncoding.Name:
            raise uaerrors.BadDataEncodingInvalid
        if params.TimestampsToReturn == ua.TimestampsToReturn.Server:
            raise uaerrors.BadTimestampNotSupported
        details = params.HistoryReadDetails
        for kind, make in _MAKERS.items():
            if isinstance(details, kind):
                return make(node, details, at)
        raise uaerrors.BadHistoryOperationUnsupported

    def _event_read(self, node: ua.NodeId, details: ua.ReadEventDetails) -> Read:
        notifier = self._notifiers.get(node)
        if notifier is None:
            raise self._why_not(node)
        chosen = details.Filter
        if not isinstance(chosen, ua.EventFilter) or not chosen.SelectClauses:
            raise uaerrors.BadEventFilterInvalid
        request, number = _time_domain(details)
        return EventRead(self._codec, self._aspace, notifier, request, chosen, number)

    def _why_not(self, node: ua.NodeId) -> UaStatusCodeError:
        if node in self._aspace:
            return uaerrors.BadHistoryOperationUnsupported()
        return uaerrors.BadNodeIdUnknown()

    def _pages(self, reads: Sequence[Read | int]) -> list[Page | int]:
        """In a thread."""
        try:
            with Reader(self._folder) as reader:
                room = MAX_RESPONSE
                pages: list[Page | int] = []
                for read in reads:
                    page = _page(reader, read, min(room, MAX_VALUES))
                    pages.append(page)
                    room -= page.count if isinstance(page, Page) else 0
                return pages
        except HistoryError:
            return [read if isinstance(read, int) else SC.BadDataUnavailable for read in reads]

    def _result(self, session: object, page: Page | int) -> ua.HistoryReadResult:
        if isinstance(page, int):
            return _failed(page)
        point = None
        if page.rest is not None:
            point = self._points.keep(session, page.rest)
            if point is None:
                return _failed(SC.BadNoContinuationPoints)
        return ua.HistoryReadResult(code(page.status), point, page.data)  # type: ignore[arg-type]


def _page(reader: Reader, read: Read | int, room: int) -> Page | int:
    if isinstance(read, int):
        return read
    try:
        return read.page(reader, room)
    except UaStatusCodeError as error:
        return error.code


def _failed(status: int) -> ua.HistoryReadResult:
    return ua.HistoryReadResult(StatusCode=code(status))


def _time_domain(details: Any) -> tuple[RawRequest, int]:
    """Two of start, end and number have to be given (Part 11, 6.5.3.2)."""
    start, end = time_of(details.StartTime), time_of(details.EndTime)
    number = details.NumValuesPerNode
    if (start is None) + (end is None) + (not number) > 1:
        raise uaerrors.BadHistoryOperationInvalid
    return RawRequest.of(start, end, getattr(details, "ReturnBounds", False)), number


def _raw(node: HistoricalNode, details: ua.ReadRawModifiedDetails, at: int) -> Read:
    if details.IsReadModified:
        raise uaerrors.BadHistoryOperationUnsupported  # nothing is ever modified
    return RawRead(node.name, node.kind, *_time_domain(details))


def _at_time(node: HistoricalNode, details: ua.ReadAtTimeDetails, at: int) -> Read:
    times = [time_of(time) for time in details.ReqTimes or ()]
    if not times or None in times:
        raise uaerrors.BadInvalidTimestampArgument
    known = tuple(time for time in times if time is not None)
    configuration = Configuration(stepped=node.stepped)
    return AtTimeRead(node.name, node.kind, known, details.UseSimpleBounds, configuration)


def _processed(node: HistoricalNode, details: ua.ReadProcessedDetails, at: int) -> Read:
    start, end = time_of(details.StartTime), time_of(details.EndTime)
    width = details.ProcessingInterval
    if start is None or end is None or start == end or not (math.isfinite(width) and width >= 0):
        raise uaerrors.BadInvalidArgument
    wanted = details.AggregateType[at]
    if wanted.NamespaceIndex != 0 or wanted.Identifier not in list(Aggregate):
        raise uaerrors.BadAggregateNotSupported
    aggregate = Aggregate(wanted.Identifier)
    if node.kind in ("String", "Boolean") and aggregate not in _ANY_TYPE:
        raise uaerrors.BadAggregateNotSupported
    configuration = _configuration(details.AggregateConfiguration, node.stepped)
    step = min(round(width * _MILLISECOND), abs(end - start))
    return ProcessedRead(node.name, node.kind, aggregate, configuration, start, end, step)


def _configuration(asked: ua.AggregateConfiguration, stepped: bool) -> Configuration:
    if asked.UseServerCapabilitiesDefaults:
        return Configuration(stepped=stepped)
    bad, good = asked.PercentDataBad, asked.PercentDataGood
    if bad > 100 or good > 100 or good < 100 - bad:
        raise uaerrors.BadAggregateConfigurationRejected
    return Configuration(
        asked.TreatUncertainAsBad, bad, good, asked.UseSlopedExtrapolation, stepped
    )


_MAKERS: dict[type, Callable[[HistoricalNode, Any, int], Read]] = {
    ua.ReadRawModifiedDetails: _raw,
    ua.ReadAtTimeDetails: _at_time,
    ua.ReadProcessedDetails: _processed,
}
