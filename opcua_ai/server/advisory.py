"""The advisory server: what the pipeline calls."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from urllib.parse import urlsplit

from asyncua import ua
from asyncua.ua.uaerrors import UaError

from opcua_ai.core import resources
from opcua_ai.core.config import History as HistorySettings
from opcua_ai.core.config import Server as Settings
from opcua_ai.core.errors import NodeSetError
from opcua_ai.core.ports import ModelControl, Source, SourceState, SourceStats
from opcua_ai.core.types import Decision, FaultVerdict, ModelHealth, ModelInfo, ModelResult, Tag
from opcua_ai.server import device_health, listening, model_methods, readings, secured
from opcua_ai.server.asyncua_mends import Server
from opcua_ai.server.asyncua_mends.nodesets import NodeSetImporter
from opcua_ai.server.conditions import Conditions
from opcua_ai.server.conditions.fields import Identity
from opcua_ai.server.health_alarms import FAILURE_TYPE, HealthAlarms, Part
from opcua_ai.server.history import History
from opcua_ai.server.instances import Instances, collector_paused
from opcua_ai.server.occurrence import SERVER
from opcua_ai.server.rates import Meter
from opcua_ai.server.recommendations import Recommendations
from opcua_ai.server.service_level import ServiceLevel
from opcua_ai.server.shown import Shown
from opcua_ai.server.tree import FAULT_TYPE, RECOMMENDATION_EVENT_TYPE, Nodes, Tree
from opcua_ai.server.values import VT, Stamp, node_id

logger = logging.getLogger(__name__)

NAMESPACE = "urn:opcua-ai:advisory"
DEVICES = "http://opcfoundation.org/UA/DI/"
NODESETS = ("Opc.Ua.Di.NodeSet2.xml", "Opc.Ua.OpcuaAi.NodeSet2.xml")
"""In the order of their dependencies; our own comes last."""

Writes = Iterable[tuple[ua.NodeId, ua.DataValue]]


class AdvisoryServer:
    """OPC UA server that shows models, predictions, faults and recommendations, read-only."""

    def __init__(self, settings: Settings, history: HistorySettings | None = None) -> None:
        self._settings = settings
        self._history = History(history) if history is not None else None
        self._server: Server | None = None
        self._tree: Tree | None = None
        self._instances: Instances | None = None
        self._conditions: Conditions | None = None
        self._health_alarms: HealthAlarms | None = None
        self._recommendations: Recommendations | None = None
        self._forget()

    def _forget(self) -> None:
        """What is known of a running server."""
        self._level = ServiceLevel()
        self._meters = defaultdict[str, Meter](Meter)
        self._shown = Shown()
        self._heartbeat = 0

    @property
    def endpoint(self) -> str:
        """Where clients connect; with the real port when the configured one is 0."""
        url = urlsplit(self._settings.endpoint)
        listener = self._server.bserver if self._server else None
        port = listener.port if listener else secured.port(url)
        return secured.with_port(url, port)

    async def start(
        self,
        models: Sequence[ModelInfo],
        sources: Sequence[str] | Mapping[str, str],
        heartbeat_period_s: float = 1.0,
        control: ModelControl | None = None,
    ) -> None:
        """Build the address space and listen. ``sources`` are names, or names with endpoints.
        ``control`` is what clients reach by the methods of models; without one there are none.

        Raises AddressInUseError, ConfigError (address, secrets, certificate files), AccessError
        (unreadable certificate or key), HistoryInUseError or NodeSetError; nothing is left open
        then.
        """
        if self._server is not None:
            raise RuntimeError("the advisory server is running already")
        await listening.probe(self._settings.endpoint)
        server, warning = await secured.make(self._settings)
        self._server = server
        try:
            index = await self._load_types(server)
            self._instances = Instances(server.iserver.aspace, index)
            endpoints = sources if isinstance(sources, Mapping) else dict.fromkeys(sources, "")
            with collector_paused():
                tree = Tree(self._instances, warning, heartbeat_period_s)
                for name, endpoint in endpoints.items():
                    tree.add_source(name, endpoint)
                for info in models:
                    tree.add_model(info)
            self._tree = tree
            if self._history is not None:
                await self._history.open()
                self._history.show(server.services, self._instances, tree.module[""])
            self._conditions = Conditions(
                server.services, self._settings.state_dir, self._settings.alarms.max_shelving_s
            )
            await self._conditions.start()
            self._health_alarms = HealthAlarms(self._conditions)
            for folder, parts in (("Sources", tree.sources), ("Models", tree.models)):
                named = {(folder, name): nodes for name, nodes in parts.items()}
                await self._add_health_alarms(named)
            self._recommendations = Recommendations(
                self._instances.type_id(RECOMMENDATION_EVENT_TYPE),
                tree.module[""],
                self._write,
                server.services.events.emit,
            )
            if control is not None:
                models_nodes = {name: nodes[""] for name, nodes in tree.models.items()}
                model_methods.offer(server.services, self._instances, models_nodes, control)
            await self._show_initial_state(tree)
            with listening.address_errors(self._settings.endpoint):
                await server.start()
        except BaseException:
            await self.stop()
            raise
        if warning:
            logger.warning("%s", warning)
        logger.info("advisory server listens at %s", self.endpoint)

    async def stop(self) -> None:
        """Close every connection, session and task; safe to call at any time and twice."""
        server, self._server = self._server, None
        conditions, self._conditions = self._conditions, None
        self._tree = self._instances = None
        self._health_alarms = self._recommendations = None
        self._forget()
        if conditions is not None:
            await conditions.stop()
        if server is not None:
            await server.stop()
        if self._history is not None:
            await self._history.close()

    def recorded(self, name: str, source: Source) -> Source:
        """The source, with its chosen tags kept in the history when there is one."""
        return self._history.recorded(name, source) if self._history is not None else source

    async def publish(self, result: ModelResult) -> None:
        """Show the predictions of one run. Raises KeyError for an output unknown to start."""
        tree = self._running()
        nodes_of_tags = [tag.node_id for tag in result.tags]
        origins = dict(zip(tree.input_names[result.model], nodes_of_tags, strict=True))
        for prediction in result.predictions:
            nodes = tree.predictions[result.model, result.asset, prediction.output]
            await self._write(readings.prediction(nodes, prediction, result, origins))

    async def publish_decision(
        self, decision_name: str, application: str, decision: Decision
    ) -> None:
        """Show a verdict or recommendation; one that is news sends an event."""
        tree = self._running()
        if isinstance(decision, FaultVerdict):
            await self._publish_fault(decision_name, application, decision)
        else:
            nodes = tree.recommendation(application, decision)
            asset = tree.asset(application, decision.asset).node
            if self._recommendations is not None:
                await self._recommendations.publish(nodes, asset, decision)

    async def publish_health(self, model: str, health: ModelHealth) -> None:
        """Show how a model's runs go. Raises KeyError for a model that start did not know."""
        tree = self._running()
        await self._write(readings.health(tree.models[model], health))
        await self._write(tree.health.note(("model", model), device_health.of_model(health)))
        await self._write(self._level.model(model, health.state))
        if self._health_alarms is not None:
            await self._health_alarms.model(model, health)

    async def publish_inputs(self, model: str, asset: str, tags: Sequence[Tag]) -> None:
        """Show which source tags feed a model, once its source is connected."""
        await self._write(self._running().input_values(model, asset, tags))

    async def publish_source(self, name: str, state: str, stats: SourceStats) -> None:
        """Show a source's state and counters. Raises KeyError for an unknown source."""
        tree = self._running()
        rates = self._meters[name].measure(stats)
        figures = readings.source(tree.sources[name], state, stats, rates)
        await self._write(self._shown.changes(figures))
        worth = device_health.of_source(state, stats)
        await self._write(tree.health.note(("source", name), worth))
        await self._write(self._level.source(name, state))
        if self._health_alarms is not None:
            await self._health_alarms.source(name, state)

    async def show_source(self, name: str, endpoint: str) -> None:
        """A source that start did not know, or one with another endpoint."""
        tree = self._running()
        if name not in tree.sources:
            tree.add_source(name, endpoint)
            await self._add_health_alarms({("Sources", name): tree.sources[name]})
        await self._write(tree.endpoint(name, endpoint))
        await self.publish_source(name, SourceState.CONNECTING, SourceStats())

    async def forget_source(self, name: str) -> None:
        """Its nodes stay, BadOutOfService, and count no more."""
        tree = self._running()
        self._meters.pop(name, None)
        await self._write(self._shown.changes(readings.no_source(tree.sources[name])))
        await self._write(tree.health.forget(("source", name)))
        await self._write(self._level.forget(name))
        if self._health_alarms is not None:
            await self._health_alarms.source(name, SourceState.STOPPED)

    async def show_model(self, info: ModelInfo) -> None:
        """Other assets, or another schedule, of a model that start knew."""
        tree = self._running()
        with collector_paused():
            tree.add_assets(info)
        await self._write(tree.described(info))

    async def beat(self) -> None:
        """Heartbeat + 1, and what the server counts itself; recommendations whose time is over
        expire."""
        self._heartbeat = (self._heartbeat + 1) % 2**32
        module, stamp = self._running().module, Stamp.now()
        await self._write([(module["Heartbeat"], stamp(ua.Variant(self._heartbeat, VT.UInt32)))])
        if self._conditions is not None:
            active = stamp(ua.Variant(self._conditions.active, VT.UInt32))
            await self._write(self._shown.changes([(module["ActiveAlarms"], active)]))
        if self._recommendations is not None:
            await self._recommendations.expire()
        if self._history is not None:
            await self._write(self._history.figures())

    def _running(self) -> Tree:
        if self._tree is None:
            raise RuntimeError("the advisory server is not running")
        return self._tree

    async def _write(self, values: Writes) -> None:
        server = self._server
        if server is None:
            return
        for node, value in values:
            await server.write_attribute_value(node, value)
            if self._history is not None:
                self._history.record(node, value)

    async def _publish_fault(self, decision: str, application: str, verdict: FaultVerdict) -> None:
        tree = self._running()
        is_new = decision not in tree.asset(application, verdict.asset).faults
        nodes = tree.fault(application, verdict.asset, decision)
        if is_new:
            self._add_condition(application, verdict.asset, decision, nodes)
        if self._conditions is not None:
            await self._conditions.update(nodes[""], verdict)

    def _add_condition(self, application: str, asset: str, decision: str, nodes: Nodes) -> None:
        tree, instances, conditions = self._tree, self._instances, self._conditions
        if tree is None or instances is None or conditions is None:
            raise RuntimeError("the advisory server is not running")
        source = tree.asset(application, asset).node
        kind = instances.type_id(FAULT_TYPE)
        identity = Identity(nodes[""], kind, source, asset, decision, group=asset)
        key = f"{application}/{asset}/{decision}"
        conditions.add(key, identity, nodes, {source, tree.module[""], SERVER})

    async def _add_health_alarms(self, parts: Mapping[Part, Nodes]) -> None:
        server, tree, instances = self._server, self._tree, self._instances
        if server is None or tree is None or instances is None or self._health_alarms is None:
            raise RuntimeError("the advisory server is not running")
        kind = node_id(FAILURE_TYPE, await server.get_namespace_index(DEVICES))
        for part, nodes in parts.items():
            self._health_alarms.add(instances, kind, part, nodes, tree.module[""])

    async def _show_initial_state(self, tree: Tree) -> None:
        """Models wait, sources connect, conditions are enabled and inactive."""
        for name in tree.models:
            await self.publish_health(name, ModelHealth())
        for name in tree.sources:
            await self.publish_source(name, SourceState.CONNECTING, SourceStats())
        for (application, asset), owner in tree.assets.items():
            for decision, nodes in owner.faults.items():
                self._add_condition(application, asset, decision, nodes)

    @staticmethod
    async def _load_types(server: Server) -> int:
        for name in NODESETS:
            path = resources.nodesets_dir() / name
            try:
                await NodeSetImporter(server).import_xml(str(path))
            except (OSError, UaError, ValueError) as error:
                raise NodeSetError(f"{path}: {error}") from error
        return await server.get_namespace_index(NAMESPACE)
