"""ServerCapabilities (Part 5, 6.3.2 and 6.3.11): asyncua advertises 10,000 for every operation,
checks no limit, and leaves the other capabilities empty."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import Enum
from typing import Any

from asyncua import ua
from asyncua.ua import uaerrors

from opcua_ai.core.config import Server as Settings
from opcua_ai.server.values import VT, double, extensions, node_id, strings

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
MAX_SELECT_CLAUSES, MAX_WHERE_CLAUSES = 1_000, 100
"""In one event filter."""
_PROFILES = ("http://opcfoundation.org/UA-Profile/Server/Core2017Facet",)
_LANGUAGES = ("en",)


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


def advertised(settings: Settings) -> Iterator[tuple[ua.NodeId, ua.Variant]]:
    """Node and value of each capability that clients can look up."""
    values = {f"OperationLimits_{limit.value[0]}": limit.value[1] for limit in Limit}
    values |= {
        "MaxSessions": settings.max_sessions,
        "MaxSubscriptions": settings.max_subscriptions,
        "MaxSubscriptionsPerSession": settings.max_subscriptions,
        "MaxMonitoredItems": settings.max_monitored_items,
        "MaxMonitoredItemsPerSubscription": settings.max_monitored_items,
        "MaxMonitoredItemsQueueSize": MAX_QUEUE_SIZE,
        "MaxSelectClauseParameters": MAX_SELECT_CLAUSES,
        "MaxWhereClauseParameters": MAX_WHERE_CLAUSES,
    }
    for name, value in values.items():
        yield _node(name), ua.Variant(value, VT.UInt32)
    points = ua.Variant(MAX_BROWSE_CONTINUATION_POINTS, VT.UInt16)
    yield _node("MaxBrowseContinuationPoints"), points
    # 0: changes are reported as they are written.
    yield _node("MinSupportedSampleRate"), double(0.0)
    yield _node("ServerProfileArray"), strings(_PROFILES)
    yield _node("LocaleIdArray"), strings(_LANGUAGES)
    yield _node("SoftwareCertificates"), extensions([])


def _node(name: str) -> ua.NodeId:
    return node_id(getattr(ua.ObjectIds, _CAPABILITIES + name))
