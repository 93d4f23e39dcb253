"""Which nodes have a history, and what clients see of that (Part 11, 5)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from asyncua import ua
from asyncua.server.address_space import AddressSpace, AttributeValue

from opcua_ai.history.aggregates import Aggregate, Configuration
from opcua_ai.server.instances import Instances
from opcua_ai.server.values import VT, Stamp, node_id

A = ua.AttributeIds
HISTORY_ONLY = 4
"""AccessLevel of what has a history and no present value (Part 3, 8.57)."""
_CURRENT_AND_HISTORY = 5
_EVENTS_AND_HISTORY = 5
"""EventNotifier: SubscribeToEvents and HistoryRead (Part 3, 8.59)."""

_PREDICTION = re.compile(r".*/Predictions/[^/]+/(Value|Confidence|LowerBound|UpperBound|Label)")
_RECOMMENDATION = re.compile(
    r".*/Recommendations/[^/]+/(CurrentValue|RecommendedValue|ClampedValue|ClampReason"
    r"|ExpectedBenefit|BenefitLow|BenefitHigh|Confidence|Reason|State)"
)
_KINDS = {"Label": "String", "ClampReason": "String", "Reason": "String", "State": "Int32"}
"""Kinds of the members that are no Double."""
_HELD = frozenset({"RecommendedValue", "ClampedValue", *_KINDS})
"""What holds until the next value comes: Stepped."""


@dataclass(frozen=True, slots=True)
class HistoricalNode:
    """A variable with a history."""

    name: str
    """Of its series: the path below Objects, which is its NodeId too."""
    kind: str
    stepped: bool


def historical(aspace: AddressSpace, node: ua.NodeId) -> HistoricalNode | None:
    """What is kept of a node of our own; None for nearly all of them."""
    path = node.Identifier
    if not isinstance(path, str):
        return None
    match = _PREDICTION.fullmatch(path) or _RECOMMENDATION.fullmatch(path)
    if match is None:
        return None
    member = match[1]
    # the value of a class is its index: there is nothing between two of them
    label = node_id(f"{path.removesuffix(member)}Label", node.NamespaceIndex)
    stepped = member in _HELD or (member == "Value" and label in aspace)
    return HistoricalNode(path, _KINDS.get(member, "Double"), stepped)


class Marks:
    """Shows in the address space that nodes have a history, and how it is computed with."""

    def __init__(self, aspace: AddressSpace, instances: Instances, parent: ua.NodeId) -> None:
        """``parent``: the object below which the configurations stand."""
        self._aspace = aspace
        self._instances = instances
        self._configurations = {
            stepped: self._configuration(parent, stepped) for stepped in (False, True)
        }

    def variable(self, node: ua.NodeId, stepped: bool, access: int = _CURRENT_AND_HISTORY) -> None:
        attributes = self._aspace[node].attributes
        attributes[A.AccessLevel] = attributes[A.UserAccessLevel] = _attribute(access, VT.Byte)
        attributes[A.Historizing] = _attribute(True, VT.Boolean)
        configuration = self._configurations[stepped]
        self._instances.link(node, ua.ObjectIds.HasHistoricalConfiguration, configuration)

    def notifier(self, node: ua.NodeId) -> None:
        attributes = self._aspace[node].attributes
        attributes[A.EventNotifier] = _attribute(_EVENTS_AND_HISTORY, VT.Byte)

    def _configuration(self, parent: ua.NodeId, stepped: bool) -> ua.NodeId:
        """HistoricalDataConfigurationType (Part 11, 5.2.2), shared by all variables alike."""
        name = f"HA Configuration {'stepped' if stepped else 'sloped'}"
        kind = node_id(ua.ObjectIds.HistoricalDataConfigurationType)
        nodes = self._instances.make(parent, name, kind)
        defaults = Configuration()
        values = {
            "Stepped": ua.Variant(stepped, VT.Boolean),
            "AggregateConfiguration/TreatUncertainAsBad": ua.Variant(
                defaults.treat_uncertain_as_bad, VT.Boolean
            ),
            "AggregateConfiguration/PercentDataBad": ua.Variant(defaults.percent_bad, VT.Byte),
            "AggregateConfiguration/PercentDataGood": ua.Variant(defaults.percent_good, VT.Byte),
            "AggregateConfiguration/UseSlopedExtrapolation": ua.Variant(
                defaults.sloped_extrapolation, VT.Boolean
            ),
        }
        for path, value in values.items():
            self._instances.set(nodes[path], Stamp.now()(value))
        return nodes[""]


def advertise(aspace: AddressSpace, instances: Instances, limits: Mapping[str, ua.Variant]) -> None:
    """HistoryServerCapabilities (Part 11, 5.4) and the aggregates (Part 13, 4.4); ``limits`` by
    their names in ua.ObjectIds."""
    able = {"AccessHistoryDataCapability", "AccessHistoryEventsCapability"}
    unable = {
        f"{action}{what}Capability"
        for what in ("Data", "Event")
        for action in ("Insert", "Replace", "Update")
    } | {"DeleteRawCapability", "DeleteAtTimeCapability", "DeleteEventCapability"}
    unable |= {"InsertAnnotationCapability", "ServerTimestampSupported"}
    for name in able | unable:
        _show(aspace, f"HistoryServerCapabilities_{name}", ua.Variant(name in able, VT.Boolean))
    for name, value in limits.items():
        _show(aspace, name, value)
    for folder in (
        ua.ObjectIds.Server_ServerCapabilities_AggregateFunctions,
        ua.ObjectIds.HistoryServerCapabilities_AggregateFunctions,
    ):
        for aggregate in Aggregate:
            instances.link(node_id(folder), ua.ObjectIds.Organizes, node_id(int(aggregate)))


def _show(aspace: AddressSpace, name: str, value: ua.Variant) -> None:
    node = node_id(getattr(ua.ObjectIds, name))
    aspace[node].attributes[A.Value].value = Stamp.now()(value)


def _attribute(value: object, kind: ua.VariantType) -> AttributeValue:
    return AttributeValue(ua.DataValue(ua.Variant(value, kind)))
