"""The OPC UA endpoint: opens, drops its connections on demand, closes within a second."""

from __future__ import annotations

import asyncio
import contextlib
import errno
from copy import copy
from datetime import UTC, datetime

from asyncua import Server, ua
from asyncua.server.address_space import AttributeService

from opcua_ai_simulator.errors import ConfigurationError, OutOfRangeError
from opcua_ai_simulator.events import Events
from opcua_ai_simulator.identification import identify, load_nodesets
from opcua_ai_simulator.nodes import NodeBuilder
from opcua_ai_simulator.plant import Identification

NAMESPACE = "urn:opcua-ai:simulator"
APPLICATION_URI = "urn:opcua-ai:simulator-server"
ANSWER = 0.05  # wall seconds before connections drop, so that the caller's answer leaves
STOP_TIMEOUT = 1.0  # wall seconds that closing the connections may take


class Endpoint:
    """An asyncua server without security: ``prepare``, ``open``, ``run``, ``close``."""

    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port
        self._server = Server()
        self._outages: asyncio.Queue[float] = asyncio.Queue()
        self._open = False

    @property
    def url(self) -> str:
        """With port 0 the port that the system chose, once open."""
        bound = self._server.bserver
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"opc.tcp://{host}:{bound.port if bound else self._port}/simulator"

    async def prepare(self) -> NodeBuilder:
        """Load the standard address space and hand out a builder for the plant's."""
        server = self._server
        server.set_server_name("opcua-ai simulator")
        server.product_uri = APPLICATION_URI
        server.manufacturer_name = "opcua-ai"
        server.application_type = ua.ApplicationType.Server
        server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
        server.set_identity_tokens([ua.AnonymousIdentityToken])
        server.allow_remote_admin(False)
        # asyncua's own clock makes stopping wait for up to a second.
        server.disable_clock()
        await server.init()
        await server.set_application_uri(APPLICATION_URI)
        server.set_endpoint(self.url)
        namespace = await server.register_namespace(NAMESPACE)
        await load_nodesets(server)
        self.events = Events(server)
        return NodeBuilder(server, namespace)

    async def identify(self, plant: ua.NodeId, identification: Identification) -> None:
        await identify(self._server, plant, identification)

    def route_writes(self, service: AttributeService) -> None:
        self._server.iserver.attribute_service = service

    async def write(self, node_id: ua.NodeId, value: ua.DataValue) -> None:
        await self._server.iserver.write_attribute_value(node_id, value)

    async def open(self) -> None:
        try:
            await self._server.start()
        except OSError as error:
            raise self._cannot_listen(error) from None
        self._open = True

    async def run(self) -> None:
        """Keep the server's time and carry out the drops, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._serve_outages())
            group.create_task(self._keep_server_time())

    async def close(self) -> None:
        """Close every connection and the port."""
        if not self._open:
            return
        self._open = False
        self._abort_connections()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STOP_TIMEOUT):
                await self._server.stop()

    def drop_connections(self, seconds: float) -> None:
        """Close every connection soon and refuse new ones for that many wall seconds."""
        if not 0 <= seconds < float("inf"):
            raise OutOfRangeError(f"{seconds:g} s is out of range: choose 0 or more")
        self._outages.put_nowait(seconds)

    async def _serve_outages(self) -> None:
        while True:
            seconds = await self._outages.get()
            await asyncio.sleep(ANSWER)
            self._abort_connections()
            if self._server.bserver is not None:
                await self._server.bserver.stop()
                await asyncio.sleep(seconds)
                try:
                    await self._server.bserver.start()
                except OSError as error:
                    raise self._cannot_listen(error) from None

    def _abort_connections(self) -> None:
        for transport in list(self._server.iserver.asyncio_transports):
            transport.abort()

    async def _keep_server_time(self) -> None:
        node = self._server.iserver.server_status_node
        while True:
            status = copy(await node.read_value())
            status.CurrentTime = datetime.now(UTC)
            await node.write_value(status)
            await self._server.iserver.current_time_node.write_value(status.CurrentTime)
            await asyncio.sleep(1)

    def _cannot_listen(self, error: OSError) -> ConfigurationError:
        if error.errno == errno.EADDRINUSE:
            return ConfigurationError(
                f"port {self._port} of {self._host} is in use: "
                "stop the program that has it or choose another with --port"
            )
        return ConfigurationError(
            f"cannot listen on port {self._port} of {self._host} ({error.strerror}): "
            "choose another with --port or --host"
        )
