"""HistoryRead: plain asyncua beside the mend."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from asyncua import ua
from asyncua.server.history import HistoryManager

from opcua_ai.server.asyncua_mends.history import HistoryReads
from opcua_ai.server.values import node_id

NODE = ua.HistoryReadValueId(NodeId=node_id("x", 2))


def asked(details: Any) -> ua.HistoryReadParameters:
    return ua.HistoryReadParameters(HistoryReadDetails=details, NodesToRead=[NODE])


@pytest.mark.parametrize("details", [ua.ReadAtTimeDetails(), ua.ReadProcessedDetails()])
async def test_plain_knows_neither_times_nor_aggregates(details: Any) -> None:
    (result,) = await HistoryManager(SimpleNamespace()).read_history(asked(details))  # type: ignore[arg-type]
    assert result.StatusCode.name == "BadNotImplemented"


async def test_plain_answers_an_unknown_node_with_an_empty_list() -> None:
    manager = HistoryManager(SimpleNamespace())  # type: ignore[arg-type]
    (result,) = await manager.read_history(asked(ua.ReadRawModifiedDetails()))
    assert result.StatusCode.is_good()
    assert result.HistoryData.DataValues == []


async def test_without_a_history_each_node_is_refused() -> None:
    (result,) = await HistoryReads().read(object(), asked(ua.ReadRawModifiedDetails()))
    assert result.StatusCode.name == "BadHistoryOperationUnsupported"


async def test_the_service_learns_whose_request_it_is() -> None:
    class Service:
        async def read(self, session: object, params: Any) -> list[ua.HistoryReadResult]:
            self.session = session
            return [ua.HistoryReadResult() for _ in params.NodesToRead]

    reads, session = HistoryReads(), object()
    reads.service = service = Service()
    (result,) = await reads.read(session, asked(ua.ReadAtTimeDetails()))
    assert result.StatusCode.is_good()
    assert service.session is session
