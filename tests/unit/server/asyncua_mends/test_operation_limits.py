"""Limits that are advertised are enforced, and the counters of the server count."""

from __future__ import annotations

from typing import Any

import pytest
from asyncua import ua
from asyncua.server.address_space import AddressSpace, AttributeValue, NodeData
from asyncua.ua import uaerrors

from opcua_ai.core.config import Server as Settings
from opcua_ai.server.asyncua_mends.diagnostics import Diagnostics, End
from opcua_ai.server.asyncua_mends.operation_limits import Limit, advertised
from opcua_ai.server.values import node_id

_PREFIX = "Server_ServerCapabilities_OperationLimits_"


@pytest.mark.parametrize("limit", Limit)
def test_each_limit_is_advertised_and_enforced(limit: Limit) -> None:
    name, most = limit.value
    node = node_id(getattr(ua.ObjectIds, _PREFIX + name))
    assert dict(advertised(Settings()))[node] == ua.Variant(most, ua.VariantType.UInt32)
    limit.check([None] * most)
    with pytest.raises(uaerrors.BadTooManyOperations):
        limit.check([None] * (most + 1))
    with pytest.raises(uaerrors.BadNothingToDo):
        limit.check([])


def summary(name: str = "") -> ua.NodeId:
    return node_id(
        getattr(ua.ObjectIds, "Server_ServerDiagnostics_ServerDiagnosticsSummary" + name)
    )


async def test_the_summary_shows_what_was_counted() -> None:
    aspace = AddressSpace()
    names = [f.name for f in ua.ServerDiagnosticsSummaryDataType.__dataclass_fields__.values()]
    for node in (summary(), *(summary(f"_{name}") for name in names)):
        aspace[node] = NodeData(node)
        aspace[node].attributes[ua.AttributeIds.Value] = AttributeValue(ua.DataValue())

    def shown(name: str = "") -> Any:
        value = aspace.read_attribute_value(summary(name), ua.AttributeIds.Value)
        assert value.Value is not None
        return value.Value.Value

    counts = Diagnostics()
    counts.session_opened()
    counts.session_rejected(ua.StatusCodes.BadTooManySessions)
    counts.session_rejected(ua.StatusCodes.BadUserAccessDenied)
    counts.request_rejected(ua.StatusCodes.BadNothingToDo)
    counts.subscription_opened()
    for end in End:
        counts.session_ended(end)
    await counts.show(aspace, 3, [100.0, 100.0, 250.0])
    assert shown() == ua.ServerDiagnosticsSummaryDataType(0, 3, 1, 1, 2, 1, 1, 3, 1, 2, 0, 1)
    assert shown("_CurrentSessionCount") == 3
    assert shown("_PublishingIntervalCount") == 2
    before = shown()
    await counts.show(aspace, 4, [])
    assert before.CurrentSessionCount == 3
    assert shown().CurrentSessionCount == 4
