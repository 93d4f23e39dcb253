"""The demo's client: an ordinary OPC UA client of both servers, as an HMI would be."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import datetime
from typing import Any

from asyncua import Client, Node, ua
from asyncua.common.subscription import DataChangeNotif

from opcua_ai.core.status import severity_name
from opcua_ai.demo.state import Alarm, State, Trend

ADVISORY_URI = "urn:opcua-ai:advisory"
PLANT = "TennesseeEastman"
_CONTROLS = {
    "Simulation/FaultName": "fault_name",
    "Simulation/Speed": "speed",
    "Simulation/ReachedSpeed": "reached",
    "Simulation/PlantTime": "plant_time",
    "Interlocks/TripReason": "trip",
}
"""Browse path below the plant -> attribute of the state."""
_NOT_PARTS = (ua.ObjectIds.HasProperty, ua.ObjectIds.HasNotifier, ua.ObjectIds.HasEventSource)
Setter = Callable[[ua.DataValue], None]


class Watcher:
    """Subscribes to the plant's tags and to the advisory nodes and keeps ``state`` true."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._setters: dict[ua.NodeId, Setter] = {}
        self._stack = AsyncExitStack()
        self._server: Client | None = None
        self.plant: dict[str, Node] = {}
        """Browse path below the plant -> node."""

    async def __aenter__(self) -> Watcher:
        try:
            plant = await self._connect(self._state.plant_endpoint)
            self._server = await self._connect(self._state.server_endpoint)
            await self._watch_plant(plant)
            await self._watch_events(self._server)
            await self.refresh()
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def _connect(self, endpoint: str) -> Client:
        return await self._stack.enter_async_context(Client(endpoint, timeout=10))

    async def _watch_plant(self, client: Client) -> None:
        nodes = await _descend(client.nodes.objects, PLANT)
        self.plant = {path.partition("/")[2]: node for path, node in nodes.items()}
        for path, node in self.plant.items():
            name = path.rsplit("/", 1)[-1]
            if name == "OperatingCost" or name.startswith(("XMEAS(", "XMV(")):
                self._state.plant[name] = await _trend(node)
                self._setters[node.nodeid] = self._plant_setter(self._state.plant[name])
        for path, name in _CONTROLS.items():
            self._attribute(self.plant[path], name)
        self._setters[self.plant["Simulation/Fault"].nodeid] = self._fault_changed
        await self._subscribe(client, list(self._setters))

    async def refresh(self) -> None:
        """Subscribe to what is new below AIAdvisory: recommendations appear with their plant."""
        assert self._server is not None  # noqa: S101
        new: dict[ua.NodeId, Setter] = {}
        for path, node in (await _descend(self._server.nodes.objects, "AIAdvisory")).items():
            setter = self._advisory_setter(path.split("/"))
            if setter is not None and node.nodeid not in self._setters:
                new[node.nodeid] = setter
        self._setters |= new
        if new:
            await self._subscribe(self._server, list(new))

    async def _watch_events(self, client: Client) -> None:
        index = await client.get_namespace_index(ADVISORY_URI)
        kind = await client.nodes.base_event_type.get_child(
            [
                "0:ConditionType",
                "0:AcknowledgeableConditionType",
                "0:AlarmConditionType",
                "0:DiscreteAlarmType",
                "0:OffNormalAlarmType",
                f"{index}:PredictedFaultAlarmType",
            ]
        )
        subscription = await client.create_subscription(200, self)
        self._stack.push_async_callback(_quietly, subscription.delete)
        await subscription.subscribe_events(client.nodes.server, kind)

    async def _subscribe(self, client: Client, nodes: list[ua.NodeId]) -> None:
        subscription = await client.create_subscription(200, self)
        self._stack.push_async_callback(_quietly, subscription.delete)
        await subscription.subscribe_data_change([client.get_node(node) for node in nodes])

    def datachange_notification(self, node: Node, val: Any, data: DataChangeNotif) -> None:
        self._setters[node.nodeid](data.monitored_item.Value)

    def event_notification(self, event: Any) -> None:
        self._state.alarms.append(
            Alarm(
                active=bool(getattr(event, "ActiveState/Id", False)),
                message=event.Message.Text or "",
                severity=event.Severity,
                when=event.Time,
            )
        )

    def _plant_setter(self, trend: Trend) -> Setter:
        def put(data: ua.DataValue) -> None:
            self._state.values += 1
            trend.add(*_number(data))

        return put

    def _fault_changed(self, data: ua.DataValue) -> None:
        _assign(self._state, "fault", data)
        self._state.onset = data.SourceTimestamp if self._state.fault else None
        self._state.coming = None

    def _attribute(self, node: Node, name: str) -> None:
        self._setters[node.nodeid] = lambda data: _assign(self._state, name, data)

    def _advisory_setter(self, path: list[str]) -> Setter | None:
        """Which part of the state a node of the advisory server feeds; None = not shown."""
        state = self._state
        match path[1:]:
            case ["Heartbeat"]:
                return lambda data: _assign(state, "heartbeat", data)
            case ["Models", model, name]:
                info = state.models.setdefault(model, {})
                return lambda data: _put(info, name, data)
            case ["Applications", _, _, "Predictions", "faults_detection", "Value"]:
                return lambda data: state.detection.add(*_number(data))
            case ["Applications", _, _, "Predictions", "faults_fault", "Labels"]:
                return lambda data: _assign(state, "labels", data)
            case ["Applications", _, _, "Predictions", "faults_fault", "Probabilities"]:
                return lambda data: _assign(state, "probabilities", data)
            case ["Applications", _, _, "Recommendations", _, name]:
                return lambda data: _put(state.recommendation, name, data)
            case _:
                return None


async def _descend(parent: Node, name: str) -> dict[str, Node]:
    """Browse path -> node of everything below the child ``name``, properties left out."""
    found: dict[str, Node] = {}
    seen: set[ua.NodeId] = set()
    wanted = [("", parent)]
    while wanted:
        path, node = wanted.pop()
        for child in await node.get_children_descriptions():
            inside = path or child.BrowseName.Name == name
            skip = child.ReferenceTypeId.Identifier in _NOT_PARTS
            if inside and not skip and child.NodeId not in seen:
                seen.add(child.NodeId)
                below = f"{path}/{child.BrowseName.Name}".lstrip("/")
                found[below] = Node(parent.session, child.NodeId)
                wanted.append((below, found[below]))
    return found


async def _trend(node: Node) -> Trend:
    title = (await node.read_display_name()).Text or ""
    unit = await (await node.get_child("0:EngineeringUnits")).read_value()
    return Trend(title, unit.DisplayName.Text or "")


def _number(data: ua.DataValue) -> tuple[float, str]:
    quality = severity_name(data.StatusCode.value if data.StatusCode else 0)
    value = data.Value.Value if data.Value else None
    return (math.nan if value is None else float(value)), quality


def _assign(state: State, name: str, data: ua.DataValue) -> None:
    value = data.Value.Value if data.Value else None
    if value is not None:
        setattr(state, name, value)


def _put(target: dict[str, Any], name: str, data: ua.DataValue) -> None:
    value = data.Value.Value if data.Value else None
    if isinstance(value, ua.LocalizedText):
        value = value.Text
    if isinstance(value, datetime | str | float | int | bool) or value is None:
        target[name] = value


async def _quietly(work: Callable[[], Any]) -> None:
    """End of a subscription whose server may have ended first."""
    try:
        await work()
    except (ua.UaError, OSError, TimeoutError):
        return
