"""OperationLimits (Part 5, 6.3.11): asyncua advertises 10,000 for everything and checks nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import Enum
from typing import Any

from asyncua import ua
from asyncua.ua import uaerrors

from opcua_ai.server.values import node_id

_CAPABILITIES = "Server_ServerCapabilities_"

MAX_BROWSE_CONTINUATION_POINTS = 50
"""For each session."""
MIN_PUBLISHING_INTERVAL, MAX_PUBLISHING_INTERVAL = 10.0, 3_600_000.0
"""Milliseconds."""
MAX_NOTIFICATIONS = 10_000
"""In one Publish response."""
MAX_REFERENCES = 10_000
"""In one Browse response."""
MAX_QUEUE_SIZE = 10_000


class Limit(Enum):
    """Name in the OperationLimits object, and how many operations one request may have."""

    READ = "MaxNodesPerRead", 10_000
    WRITE = "MaxNodesPerWrite", 1_000
    CALL = "MaxNodesPerMethodCall", 100
    BROWSE = "MaxNodesPerBrowse", 1_000
    REGISTER = "MaxNodesPerRegisterNodes", 10_000
    TRANSLATE = "MaxNodesPerTranslateBrowsePathsToNodeIds", 10_000
    MONITOR = "MaxMonitoredItemsPerCall", 10_000

    def check(self, operations: Sequence[Any] | None) -> None:
        """Raises BadNothingToDo or BadTooManyOperations."""
        if not operations:
            raise uaerrors.BadNothingToDo
        if len(operations) > self.value[1]:
            raise uaerrors.BadTooManyOperations


def advertised() -> Iterator[tuple[ua.NodeId, ua.Variant]]:
    """Node and value of each limit that clients can look up."""
    values = {f"OperationLimits_{limit.value[0]}": limit.value[1] for limit in Limit}
    values["MaxMonitoredItemsQueueSize"] = MAX_QUEUE_SIZE
    for name, value in values.items():
        yield _node(name), ua.Variant(value, ua.VariantType.UInt32)
    points = ua.Variant(MAX_BROWSE_CONTINUATION_POINTS, ua.VariantType.UInt16)
    yield _node("MaxBrowseContinuationPoints"), points
    # 0: changes are reported as they are written.
    yield _node("MinSupportedSampleRate"), ua.Variant(0.0, ua.VariantType.Double)


def _node(name: str) -> ua.NodeId:
    return node_id(getattr(ua.ObjectIds, _CAPABILITIES + name))
