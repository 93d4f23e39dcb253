"""The history of the advisory server (Part 11): what is kept, and how clients read it."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterator

from asyncua import ua

from opcua_ai.core.config import History as Settings
from opcua_ai.core.ports import Source
from opcua_ai.core.types import Tag, from_datetime
from opcua_ai.history.recorder import Recorder
from opcua_ai.history.table import INPUTS
from opcua_ai.server.asyncua_mends.services import InternalServer
from opcua_ai.server.history import nodes as historical_nodes
from opcua_ai.server.history.events import EventCodec
from opcua_ai.server.history.inputs import RecordedSource
from opcua_ai.server.history.nodes import HISTORY_ONLY, HistoricalNode, Marks
from opcua_ai.server.history.points import MAX_POINTS
from opcua_ai.server.history.service import MAX_NODES, MAX_VALUES, HistoryService
from opcua_ai.server.instances import ORGANIZES, Instances
from opcua_ai.server.occurrence import SERVER, Occurrence
from opcua_ai.server.values import VT, Stamp, code, node_id, string

_CAPABILITIES = "Server_ServerCapabilities_"
_DAY_S, _MB = 86400.0, 2**20
_BAD_NOT_READABLE = 0x803A0000
_VARIABLE_TYPE = node_id(ua.ObjectIds.BaseDataVariableType)
_FOLDER_TYPE = node_id(ua.ObjectIds.FolderType)
_CHANGES_ONLY = ("String", "Int32")
"""Kinds that are kept when they change; numbers are kept each time."""
_FIGURES = {
    "State": ua.ObjectIds.String,
    "StateMessage": ua.ObjectIds.String,
    "Values": ua.ObjectIds.UInt64,
    "Dropped": ua.ObjectIds.UInt64,
    "Size": ua.ObjectIds.UInt64,
}


class History:
    """Keeps predictions, recommendations, chosen inputs and events."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._recorder = Recorder(
            settings.folder, settings.max_age_days * _DAY_S, settings.max_size_mb * _MB
        )
        self._known: dict[ua.NodeId, int | None] = {}
        """Number of a node's series; None for a node without a history."""
        self._nodes: dict[ua.NodeId, HistoricalNode] = {}
        self._notifiers: dict[ua.NodeId, str] = {}
        self._figures: dict[str, ua.NodeId] = {}
        self._service: HistoryService | None = None

    async def open(self) -> None:
        """Begin to write. Raises HistoryInUseError; what else is wrong stands in the health."""
        await asyncio.to_thread(self._recorder.start)

    def show(self, server: InternalServer, instances: Instances, module: ua.NodeId) -> None:
        """Make the nodes and offer HistoryRead, once the tree is built."""
        aspace = server.aspace
        for known in (self._known, self._nodes, self._notifiers):
            known.clear()
        self._aspace, self._instances = aspace, instances
        root = instances.make(module, "History", _FOLDER_TYPE, reference=ORGANIZES)[""]
        self._figures = {
            name: instances.variable(root, name, _VARIABLE_TYPE, kind)[""]
            for name, kind in _FIGURES.items()
        }
        for node, value in self.figures():
            instances.set(node, value)
        instances.make(root, "Inputs", _FOLDER_TYPE, reference=ORGANIZES)
        self._marks = Marks(aspace, instances, root)
        namespaces = aspace.read_attribute_value(
            node_id(ua.ObjectIds.Server_NamespaceArray), ua.AttributeIds.Value
        )
        self._codec = EventCodec(namespaces.Value.Value)  # type: ignore[union-attr]
        for node in list(aspace.keys()):
            if node.NamespaceIndex == module.NamespaceIndex:
                self._adopt(node)
                if self._notifies(node):
                    self._add_notifier(node)
        self._add_notifier(SERVER)
        limits = {
            f"{_CAPABILITIES}MaxHistoryContinuationPoints": ua.Variant(MAX_POINTS, VT.UInt16),
            "HistoryServerCapabilities_MaxReturnDataValues": ua.Variant(MAX_VALUES, VT.UInt32),
            "HistoryServerCapabilities_MaxReturnEventValues": ua.Variant(MAX_VALUES, VT.UInt32),
            f"{_CAPABILITIES}OperationLimits_MaxNodesPerHistoryReadData": ua.Variant(
                MAX_NODES, VT.UInt32
            ),
            f"{_CAPABILITIES}OperationLimits_MaxNodesPerHistoryReadEvents": ua.Variant(
                MAX_NODES, VT.UInt32
            ),
        }
        historical_nodes.advertise(aspace, instances, limits)
        self._service = HistoryService(
            aspace, self._settings.folder, self._nodes, self._notifiers, self._codec
        )
        server.history.service = self._service
        server.events.listeners.append(self.occurred)

    async def close(self) -> None:
        """Write what waits and let go of the file; safe to call twice."""
        service, self._service = self._service, None
        if service is not None:
            await asyncio.to_thread(service.close)
        await asyncio.to_thread(self._recorder.stop)

    def recorded(self, name: str, source: Source) -> Source:
        """The source, with the chosen ones among its tags kept."""
        # its state, stats and tags are properties, for they are the source's own
        return RecordedSource(  # type: ignore[return-value]
            source, name, self._settings, self, self._recorder
        )

    def record(self, node: ua.NodeId, value: ua.DataValue) -> None:
        """A node has got a value."""
        series = self._known[node] if node in self._known else self._adopt(node)
        if series is None or value.SourceTimestamp is None:
            return
        status = value.StatusCode.value if value.StatusCode is not None else 0
        plain = value.Value.Value if value.Value is not None else None
        if isinstance(plain, float) and not math.isfinite(plain):
            plain = None
        changes_only = self._nodes[node].kind in _CHANGES_ONLY
        time = from_datetime(value.SourceTimestamp)
        self._recorder.put(series, time, status, plain, changes_only)

    def occurred(self, event: Occurrence) -> None:
        """Keep an event of an asset, model or source. Those of the Server itself are not: audit
        events have their own file and readers."""
        if event.fields["SourceNode"].Value == SERVER:
            return
        for notifier in event.notifiers:
            if notifier not in self._notifiers:
                self._add_notifier(notifier)
        self._recorder.put_event(self._codec.encode(event))

    def figures(self) -> Iterator[tuple[ua.NodeId, ua.DataValue]]:
        """How the recorder is doing."""
        health = self._recorder.health
        stamp = Stamp.now()
        yield self._figures["State"], stamp(string("Failed" if health.message else "Running"))
        yield self._figures["StateMessage"], stamp(string(health.message))
        for name, figure in (
            ("Values", health.written),
            ("Dropped", health.dropped),
            ("Size", health.size),
        ):
            yield self._figures[name], stamp(ua.Variant(figure, VT.UInt64))

    def add_input(self, source: str, tag: Tag) -> str:
        """A node for the history of an input tag; its present value is the source's to show."""
        parent = node_id(INPUTS, self._instances.type_id(0).NamespaceIndex)
        *folders, name = (source, *tag.path.split("/"))
        for folder in folders:
            path = node_id(f"{parent.Identifier}/{folder}", parent.NamespaceIndex)
            if path not in self._aspace:
                self._instances.make(parent, folder, _FOLDER_TYPE, reference=ORGANIZES)
            parent = path
        node = node_id(f"{parent.Identifier}/{name}", parent.NamespaceIndex)
        series = str(node.Identifier)
        if node not in self._aspace:
            self._instances.variable(parent, name, _VARIABLE_TYPE, ua.ObjectIds.Double)
            no_value = ua.DataValue(ua.Variant(), code(_BAD_NOT_READABLE))
            self._instances.set(node, no_value)
            self._nodes[node] = HistoricalNode(series, "Double", stepped=False)
            self._marks.variable(node, stepped=False, access=HISTORY_ONLY)
        return series

    def _adopt(self, node: ua.NodeId) -> int | None:
        """The series of a node that is seen for the first time."""
        found = historical_nodes.historical(self._aspace, node)
        if found is None:
            self._known[node] = None
        else:
            self._nodes[node] = found
            self._known[node] = self._recorder.series(found.name, found.kind)
            self._marks.variable(node, found.stepped)
        return self._known[node]

    def _notifies(self, node: ua.NodeId) -> bool:
        found = self._aspace[node].attributes.get(ua.AttributeIds.EventNotifier)
        return bool(found and found.value and found.value.Value and found.value.Value.Value)

    def _add_notifier(self, node: ua.NodeId) -> None:
        self._notifiers[node] = self._codec.name(node)
        self._marks.notifier(node)
