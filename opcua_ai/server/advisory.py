"""The advisory server: what the pipeline calls."""

from __future__ import annotations

import asyncio
import errno
import logging
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from urllib.parse import SplitResult, urlsplit

from asyncua import ua
from asyncua.ua.uaerrors import UaError

from opcua_ai.core import resources
from opcua_ai.core.config import Server as Settings
from opcua_ai.core.errors import AccessError, AddressInUseError, ConfigError, NodeSetError
from opcua_ai.core.ports import SourceState, SourceStats
from opcua_ai.core.types import Decision, FaultVerdict, ModelHealth, ModelInfo, ModelResult, Tag
from opcua_ai.server import access, certificate, readings
from opcua_ai.server.alarms import PredictedFault
from opcua_ai.server.asyncua_mends import Server
from opcua_ai.server.instances import Instances
from opcua_ai.server.occurrence import SERVER
from opcua_ai.server.tree import FAULT_TYPE, Nodes, Tree
from opcua_ai.server.values import VT, Stamp

logger = logging.getLogger(__name__)

NAMESPACE = "urn:opcua-ai:advisory"
APPLICATION_URI = "urn:opcua-ai:advisory:server"
NODESET = "Opc.Ua.OpcuaAi.NodeSet2.xml"
DEFAULT_PORT = 4840
_CHUNK = 65535

Writes = Iterable[tuple[ua.NodeId, ua.DataValue]]


class AdvisoryServer:
    """OPC UA server that shows models, predictions, faults and recommendations, read-only."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._server: Server | None = None
        self._tree: Tree | None = None
        self._instances: Instances | None = None
        self._faults: dict[tuple[str, str, str], PredictedFault] = {}
        self._heartbeat = 0

    @property
    def endpoint(self) -> str:
        """Where clients connect; with the real port when the configured one is 0."""
        url = urlsplit(self._settings.endpoint)
        listener = self._server.bserver if self._server else None
        port = listener.port if listener else _port(url)
        return _with_port(url, port)

    async def start(
        self,
        models: Sequence[ModelInfo],
        sources: Sequence[str] | Mapping[str, str],
        heartbeat_period_s: float = 1.0,
    ) -> None:
        """Build the address space and listen. ``sources`` are names, or names with endpoints.

        Raises AddressInUseError, ConfigError (address, secrets, certificate files), AccessError
        (unreadable certificate or key) or NodeSetError; nothing is left open then.
        """
        if self._server is not None:
            raise RuntimeError("the advisory server is running already")
        warning = access.security_warning(self._settings)
        await self._probe()
        server = await self._secured()
        self._server = server
        try:
            index = await self._load_types(server)
            self._instances = Instances(server.iserver.aspace, index)
            tree = Tree(self._instances, warning, heartbeat_period_s)
            endpoints = sources if isinstance(sources, Mapping) else dict.fromkeys(sources, "")
            for name, endpoint in endpoints.items():
                tree.add_source(name, endpoint)
            for info in models:
                tree.add_model(info)
            self._tree = tree
            await self._show_initial_state(tree)
            with self._address_errors():
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
        self._tree = self._instances = None
        self._faults.clear()
        self._heartbeat = 0
        if server is not None:
            await server.stop()

    async def publish(self, result: ModelResult) -> None:
        """Show the predictions of one run. Raises KeyError for an output unknown to start."""
        tree = self._running()
        for prediction in result.predictions:
            nodes = tree.predictions[result.model, result.asset, prediction.output]
            await self._write(readings.prediction(nodes, prediction, result.bundle))

    async def publish_decision(
        self, decision_name: str, application: str, decision: Decision
    ) -> None:
        """Show a verdict or recommendation; a verdict that changed its state sends an event."""
        tree = self._running()
        if isinstance(decision, FaultVerdict):
            await self._publish_fault(decision_name, application, decision)
        else:
            nodes = tree.recommendation(application, decision)
            await self._write(readings.recommendation(nodes, decision))

    async def publish_health(self, model: str, health: ModelHealth) -> None:
        """Show how a model's runs go. Raises KeyError for a model that start did not know."""
        await self._write(readings.health(self._running().models[model], health))

    async def publish_inputs(self, model: str, asset: str, tags: Sequence[Tag]) -> None:
        """Show which source tags feed a model, once its source is connected."""
        await self._write(self._running().input_values(model, asset, tags))

    async def publish_source(self, name: str, state: str, stats: SourceStats) -> None:
        """Show a source's state and counters. Raises KeyError for an unknown source."""
        await self._write(readings.source(self._running().sources[name], state, stats))

    async def beat(self) -> None:
        """Heartbeat + 1."""
        self._heartbeat = (self._heartbeat + 1) % 2**32
        node = self._running().module["Heartbeat"]
        await self._write([(node, Stamp.now()(ua.Variant(self._heartbeat, VT.UInt32)))])

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

    async def _publish_fault(self, decision: str, application: str, verdict: FaultVerdict) -> None:
        nodes = self._running().fault(application, verdict.asset, decision)
        fault = self._fault(application, verdict.asset, decision, nodes)
        event = fault.update(verdict)
        await self._write(fault.values(nodes, verdict.source_time))
        if event is not None and self._server is not None:
            await self._server.services.events.emit(event)

    def _fault(self, application: str, asset: str, decision: str, nodes: Nodes) -> PredictedFault:
        key = application, asset, decision
        if key not in self._faults:
            tree, instances = self._tree, self._instances
            if tree is None or instances is None:
                raise RuntimeError("the advisory server is not running")
            source = tree.asset(application, asset).node
            notifiers = frozenset({source, tree.module[""], SERVER})
            kind = instances.type_id(FAULT_TYPE)
            self._faults[key] = PredictedFault(nodes[""], kind, source, asset, decision, notifiers)
        return self._faults[key]

    async def _show_initial_state(self, tree: Tree) -> None:
        """Models wait, sources connect, conditions are enabled and inactive."""
        for nodes in tree.models.values():
            await self._write(readings.health(nodes, ModelHealth()))
        for nodes in tree.sources.values():
            await self._write(readings.source(nodes, SourceState.CONNECTING, SourceStats()))
        for (application, asset), owner in tree.assets.items():
            for decision, nodes in owner.faults.items():
                fault = self._fault(application, asset, decision, nodes)
                await self._write(fault.values(nodes, 0))

    async def _secured(self) -> Server:
        """A server with certificate, users and endpoints, not yet listening."""
        settings = self._settings
        passwords = access.read_passwords(settings)
        if not passwords and not settings.allow_anonymous:
            logger.warning("nobody can log in: add [server.users.NAME] or allow_anonymous = true")
        host = urlsplit(settings.endpoint).hostname or ""
        files = settings.certificate, settings.private_key
        if await asyncio.to_thread(certificate.ensure, *files, APPLICATION_URI, host):
            logger.info("made the server certificate %s", settings.certificate)
        server = Server(access.Users(passwords, settings.allow_anonymous))
        server.name = "opcua-ai advisory server"
        server.manufacturer_name = "opcua-ai"
        server.product_uri = "urn:opcua-ai"
        server.application_type = ua.ApplicationType.Server
        await server.init()
        await server.set_application_uri(APPLICATION_URI)
        await server.set_build_info(
            server.product_uri, "opcua-ai", server.name, _version(), "", datetime.now(UTC)
        )
        try:
            await server.load_certificate(settings.certificate)
            await server.load_private_key(settings.private_key)
        except (OSError, ValueError, TypeError) as error:
            raise AccessError(
                f"server: cannot read {settings.certificate} or {settings.private_key}: {error}"
            ) from error
        self._limit(server)
        return server

    def _limit(self, server: Server) -> None:
        """Endpoints, identity tokens and sizes that the configuration allows."""
        settings = self._settings
        url = urlsplit(settings.endpoint)
        server.set_endpoint(_with_port(url, _port(url)))
        policies = [
            ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt,
            ua.SecurityPolicyType.Basic256Sha256_Sign,
        ]
        if settings.allow_none:
            policies.append(ua.SecurityPolicyType.NoSecurity)
        server.set_security_policy(policies, access.ReadOnly())  # type: ignore[arg-type]
        tokens: list[type] = [ua.UserNameIdentityToken]
        if settings.allow_anonymous:
            tokens.append(ua.AnonymousIdentityToken)
        server.set_identity_tokens(tokens)
        server.iserver.max_connections = settings.max_connections
        server.limits.max_message_size = settings.max_message_size
        server.limits.max_chunk_count = math.ceil(settings.max_message_size / _CHUNK)

    @staticmethod
    async def _load_types(server: Server) -> int:
        path = resources.nodesets_dir() / NODESET
        try:
            await server.import_xml(str(path), auto_load_definitions=False)
            return await server.get_namespace_index(NAMESPACE)
        except (OSError, UaError, ValueError) as error:
            raise NodeSetError(f"{path}: {error}") from error

    async def _probe(self) -> None:
        """Find out that the port is taken before the second that building takes is spent."""
        url = urlsplit(self._settings.endpoint)
        with self._address_errors():
            loop = asyncio.get_running_loop()
            probe = await loop.create_server(
                asyncio.Protocol, url.hostname, _port(url), start_serving=False
            )
        probe.close()

    @contextmanager
    def _address_errors(self) -> Iterator[None]:
        """Turn what the operating system says of the endpoint into one line."""
        endpoint = self._settings.endpoint
        try:
            yield
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise AddressInUseError(
                    f"server.endpoint = {endpoint}: the port is in use; "
                    "stop the other program or choose another port"
                ) from error
            raise ConfigError(
                f"server.endpoint = {endpoint}: cannot listen there: {error.strerror or error}"
            ) from error


def _port(url: SplitResult) -> int:
    return DEFAULT_PORT if url.port is None else url.port


def _with_port(url: SplitResult, port: int) -> str:
    host = f"[{url.hostname}]" if ":" in (url.hostname or "") else url.hostname
    return url._replace(netloc=f"{host}:{port}").geturl()


def _version() -> str:
    try:
        return version("opcua-ai")
    except PackageNotFoundError:
        return "unknown"
