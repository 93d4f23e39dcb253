"""The instances below Objects/AIAdvisory and where to find them again."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import get_args

from asyncua import ua

from opcua_ai.core.config import Application
from opcua_ai.core.types import ModelInfo, OutputInfo, Recommendation, Tag
from opcua_ai.server.analog import analog_kinds
from opcua_ai.server.device_health import DeviceHealth, Overall
from opcua_ai.server.instances import ORGANIZES, Instances
from opcua_ai.server.occurrence import SERVER
from opcua_ai.server.units import eu_information
from opcua_ai.server.values import (
    VT,
    Stamp,
    boolean,
    double,
    extension,
    extensions,
    integer,
    node_id,
    string,
    strings,
)

# Identifiers of the types in nodesets/Opc.Ua.OpcuaAi.NodeSet2.xml.
MODULE_TYPE, SOURCE_TYPE, MODEL_TYPE, ASSET_TYPE = 1001, 1002, 1003, 1004
PREDICTION_TYPE, RECOMMENDATION_TYPE, FAULT_TYPE = 1005, 1006, 1007
RECOMMENDATION_EVENT_TYPE = 1008
INPUTS_TYPE = 2001
ADVISORY_MODE = 2
"""OperatingMode.Advisory"""

Nodes = dict[str, ua.NodeId]
"""Browse path below an object -> NodeId; the object itself is ``""``."""
Values = Iterator[tuple[ua.NodeId, ua.DataValue]]


@dataclass
class AssetNodes:
    """One asset below one application."""

    nodes: Nodes
    faults: dict[str, Nodes] = field(default_factory=dict)
    """Decision -> its condition; the key ``""`` is a condition that no decision uses yet."""
    recommendations: dict[str, Nodes] = field(default_factory=dict)

    @property
    def node(self) -> ua.NodeId:
        return self.nodes[""]


class Tree:
    """Builds the tree at start and adds what first appears while running."""

    def __init__(self, instances: Instances, warning: str, heartbeat_period_s: float) -> None:
        self._instances = instances
        self.models: dict[str, Nodes] = {}
        self.sources: dict[str, Nodes] = {}
        self.predictions: dict[tuple[str, str, str], Nodes] = {}
        """(model, asset, output) -> nodes"""
        self.inputs: dict[tuple[str, str], tuple[ua.NodeId, ua.NodeId]] = {}
        """(model, asset) -> the list of NodeIds and the list of browse paths"""
        self.input_names: dict[str, list[str]] = {}
        """Model -> names of its inputs in its order."""
        self.assets: dict[tuple[str, str], AssetNodes] = {}
        """(application, asset) -> nodes"""
        self.module = self._module(warning, heartbeat_period_s)
        self.health = Overall(self.module["DeviceHealth"])
        self._applications = {
            name: self._folder(self.module["Applications"], name) for name in get_args(Application)
        }

    def _module(self, warning: str, heartbeat_period_s: float) -> Nodes:
        make = self._instances
        module = make.make(
            node_id(ua.ObjectIds.ObjectsFolder),
            "AIAdvisory",
            make.type_id(MODULE_TYPE),
            reference=ORGANIZES,
            description="Predictions and advice of opcua-ai",
            notifier=True,
        )
        now = Stamp.now()
        make.set(module["Heartbeat"], now(ua.Variant(0, VT.UInt32)))
        make.set(module["HeartbeatPeriod"], now(double(heartbeat_period_s * 1000)))
        make.set(module["OperatingMode"], now(integer(ADVISORY_MODE)))
        make.set(module["SecurityWarning"], now(string(warning)))
        make.set(module["ActiveAlarms"], now(ua.Variant(0, VT.UInt32)))
        make.set(module["DeviceHealth"], now(integer(DeviceHealth.NORMAL)))
        make.notify(SERVER)
        make.link(SERVER, ua.ObjectIds.HasNotifier, module[""])
        return module

    def _folder(self, parent: ua.NodeId, name: str) -> ua.NodeId:
        kind = node_id(ua.ObjectIds.FolderType)
        return self._instances.make(parent, name, kind, reference=ORGANIZES)[""]

    def add_source(self, name: str, endpoint: str) -> None:
        make = self._instances
        include = {"Endpoint", "ActiveEndpoint"} if endpoint else set()
        nodes = make.make(
            self.module["Sources"],
            name,
            make.type_id(SOURCE_TYPE),
            reference=ORGANIZES,
            include=include,
            notifier=True,
        )
        make.link(self.module[""], ua.ObjectIds.HasNotifier, nodes[""])
        self._analog(nodes, "ValuesPerSecond", unit="1/s")
        self._analog(nodes, "Lag", unit="ms")
        self._analog(nodes, "CpuLoad", 0.0, 100.0, "%")
        self.sources[name] = nodes
        for node, value in self.endpoint(name, endpoint):
            make.set(node, value)

    def add_model(self, info: ModelInfo) -> None:
        """The model itself, and its predictions below each of its assets."""
        make = self._instances
        nodes = make.make(
            self.module["Models"],
            info.name,
            make.type_id(MODEL_TYPE),
            reference=ORGANIZES,
            notifier=True,
        )
        make.link(self.module[""], ua.ObjectIds.HasNotifier, nodes[""])
        self.models[info.name] = nodes
        now = Stamp.now()
        texts = {
            "ModelId": info.bundle,
            "Version": info.version,
            "Digest": info.digest,
            "Framework": info.framework,
            "TaskKind": info.task,
            "AcceleratorKind": info.accelerator,
            "TrainedOn": info.trained_on,
            "Metrics": info.metrics,
        }
        for name, text in texts.items():
            make.set(nodes[name], now(string(text)))
        ranges = [ua.Range(tag.low, tag.high) for tag in info.inputs]
        units = [eu_information(tag.unit) for tag in info.inputs]
        self.input_names[info.name] = [tag.name for tag in info.inputs]
        make.set(nodes["InputNames"], now(strings(self.input_names[info.name])))
        make.set(nodes["InputRanges"], now(extensions(ranges)))
        make.set(nodes["InputUnits"], now(extensions(units)))
        self._analog(nodes, "LastLatency", unit="ms")
        self._analog(nodes, "InputCoverage", 0.0, 100.0, "%")
        self.add_assets(info)
        for node, value in self.described(info):
            make.set(node, value)

    def add_assets(self, info: ModelInfo) -> None:
        """The assets of a model that have no nodes yet."""
        make, nodes = self._instances, self.models[info.name]
        for asset in info.assets:
            if (info.name, asset) in self.inputs:
                continue
            kind, text = make.type_id(INPUTS_TYPE), ua.ObjectIds.String
            inputs = make.variable(nodes["Inputs"], asset, kind, text, array=True)
            self.inputs[info.name, asset] = inputs[""], inputs["BrowsePaths"]
            for name, value in self.input_values(info.name, asset, ()):
                make.set(name, value)
            for output in info.outputs:
                self._add_prediction(info, asset, output)
            owner = self.asset(info.application, asset)
            if info.application == "FaultPrediction" and not owner.faults:
                owner.faults[""] = self._add_fault(owner, "PredictedFault")

    def described(self, info: ModelInfo) -> Values:
        """What another configuration may change of a model that is shown."""
        now = Stamp.now()
        yield self.models[info.name]["Schedule"], now(string(info.schedule))
        for asset in info.assets:
            for output in info.outputs:
                nodes = self.predictions[info.name, asset, output.name]
                yield nodes["IsSimulated"], now(boolean(asset in info.simulated))

    def endpoint(self, source: str, url: str) -> Values:
        """Where a source is; a recording that was one from the start has no such node."""
        nodes = self.sources[source]
        if "Endpoint" in nodes:
            yield nodes["Endpoint"], Stamp.now()(string(url))

    def input_values(
        self, model: str, asset: str, tags: Sequence[Tag]
    ) -> list[tuple[ua.NodeId, ua.DataValue]]:
        """Which source tags feed a model: their NodeIds, and their browse paths as a property."""
        node, paths = self.inputs[model, asset]
        now = Stamp.now()
        return [
            (node, now(strings([tag.node_id for tag in tags]))),
            (paths, now(strings([tag.path for tag in tags]))),
        ]

    def asset(self, application: str, name: str) -> AssetNodes:
        """The asset below the application, made when it is new."""
        known = self.assets.get((application, name))
        if known is not None:
            return known
        make = self._instances
        nodes = make.make(
            self._applications[application],
            name,
            make.type_id(ASSET_TYPE),
            reference=ORGANIZES,
            include={"Recommendations"},
            notifier=True,
        )
        make.link(self.module[""], ua.ObjectIds.HasNotifier, nodes[""])
        self.assets[application, name] = made = AssetNodes(nodes)
        return made

    def fault(self, application: str, asset: str, decision: str) -> Nodes:
        """The condition of one fault policy; the first of an asset gets ``PredictedFault``."""
        owner = self.asset(application, asset)
        if decision not in owner.faults:
            waiting = owner.faults.pop("", None)
            name = "PredictedFault" if not owner.faults else f"PredictedFault_{decision}"
            owner.faults[decision] = waiting or self._add_fault(owner, name)
        return owner.faults[decision]

    def _add_fault(self, owner: AssetNodes, name: str) -> Nodes:
        make = self._instances
        include = {"ActiveState/TransitionTime"}
        nodes = make.make(owner.node, name, make.type_id(FAULT_TYPE), include=include)
        make.link(owner.node, ua.ObjectIds.HasCondition, nodes[""])
        return nodes

    def recommendation(self, application: str, rec: Recommendation) -> Nodes:
        """The nodes of a recommendation, made on its first appearance."""
        owner = self.asset(application, rec.asset)
        known = owner.recommendations.get(rec.name)
        if known is not None:
            return known
        make = self._instances
        target = rec.target
        setpoints = ("CurrentValue", "RecommendedValue", "ClampedValue")
        kinds, include = analog_kinds(setpoints, target.low, target.high, target.unit)
        benefit_kinds, benefit_include = analog_kinds(
            ("ExpectedBenefit",), math.nan, math.nan, rec.benefit_unit
        )
        nodes = make.make(
            owner.nodes["Recommendations"],
            rec.name,
            make.type_id(RECOMMENDATION_TYPE),
            reference=ORGANIZES,
            include=include | benefit_include,
            kinds=kinds | benefit_kinds,
        )
        for name in setpoints:
            self._analog(nodes, name, target.low, target.high, target.unit)
        self._analog(nodes, "ExpectedBenefit", unit=rec.benefit_unit)
        owner.recommendations[rec.name] = nodes
        return nodes

    def _add_prediction(self, info: ModelInfo, asset: str, output: OutputInfo) -> None:
        make = self._instances
        classes = output.type == "classes"
        low, high = output.low, output.high
        if classes and output.labels:
            low, high = 0.0, float(len(output.labels) - 1)
        kinds, include = analog_kinds(("Value",), low, high, output.unit)
        include |= {"Label", "Labels", "Probabilities"} if classes else {"LowerBound", "UpperBound"}
        parent = self.asset(info.application, asset).nodes["Predictions"]
        nodes = make.make(
            parent,
            make.free_name(parent, f"{info.name}_{output.name}"),
            make.type_id(PREDICTION_TYPE),
            reference=ORGANIZES,
            include=include,
            kinds=kinds,
            description=output.description,
        )
        self._analog(nodes, "Value", low, high, output.unit)
        make.set(nodes["Horizon"], Stamp.now()(double(output.horizon_s * 1000)))
        self.predictions[info.name, asset, output.name] = nodes

    def _analog(
        self, nodes: Nodes, name: str, low: float = math.nan, high: float = math.nan, unit: str = ""
    ) -> None:
        """Fill range and unit of an analog variable, as far as it has them."""
        now = Stamp.now()
        if f"{name}/EURange" in nodes:
            self._instances.set(nodes[f"{name}/EURange"], now(extension(ua.Range(low, high))))
        if f"{name}/EngineeringUnits" in nodes:
            units = extension(eu_information(unit))
            self._instances.set(nodes[f"{name}/EngineeringUnits"], now(units))
