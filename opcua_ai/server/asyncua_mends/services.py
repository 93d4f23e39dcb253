"""Sessions, start and stop."""
# ruff: noqa: SLF001

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from copy import copy
from datetime import UTC, datetime
from typing import Any

import asyncua
from asyncua import ua
from asyncua.common.utils import ServiceError
from asyncua.crypto import uacrypto
from asyncua.crypto.permission_rules import User, UserRole
from asyncua.server.binary_server_asyncio import BinaryServer, OPCUAProtocol
from asyncua.server.internal_server import InternalServer as AsyncuaInternalServer
from asyncua.server.internal_session import InternalSession
from asyncua.server.user_managers import UserManager

from opcua_ai.server import methods
from opcua_ai.server.asyncua_mends import server_methods
from opcua_ai.server.asyncua_mends.attributes import Attributes
from opcua_ai.server.asyncua_mends.browse import Views
from opcua_ai.server.asyncua_mends.diagnostics import Diagnostics
from opcua_ai.server.asyncua_mends.diagnostics_arrays import DiagnosticsArrays
from opcua_ai.server.asyncua_mends.history import HistoryReads
from opcua_ai.server.asyncua_mends.operation_limits import advertised
from opcua_ai.server.asyncua_mends.permissions import PermittedSession
from opcua_ai.server.asyncua_mends.subscriptions import Subscriptions
from opcua_ai.server.asyncua_mends.transport import BoundedServer
from opcua_ai.server.security.gatekeeper import Gatekeeper
from opcua_ai.server.values import VT, node_id
from opcua_ai.wire import decoding

_NOBODY = User(role=UserRole.Anonymous)
_MAX_UNACKNOWLEDGED = 100
"""Messages that a subscription keeps for Republish (Part 4, 5.14.1.1)."""
_LONGEST_LOGIN = 10.0
"""Seconds that a connection may take to activate a session."""
_CLOSING_TIME = 0.5
"""Seconds that open connections get to flush before they are cut."""


class InternalServer(AsyncuaInternalServer):
    """asyncua's services with the mended subscriptions and sessions."""

    def __init__(self, gatekeeper: Gatekeeper) -> None:
        # Who logs in is the gatekeeper's to decide: asyncua asks its user manager no more.
        super().__init__(UserManager())
        self.gatekeeper = gatekeeper
        self.allow_remote_admin = False
        self.max_connections = gatekeeper.settings.max_connections
        self.max_subscriptions = gatekeeper.settings.max_subscriptions
        self.max_pending_activation_seconds = _LONGEST_LOGIN
        self.max_unacked_messages_per_subscription = _MAX_UNACKNOWLEDGED
        self.diagnostics = Diagnostics()
        self.arrays = DiagnosticsArrays(self)
        self.attribute_service = Attributes(self.aspace)
        self.view_service: Views = Views(self.aspace)
        self.history = HistoryReads()
        self.events = Subscriptions(self.aspace, self)
        self.subscription_service = self.events
        self.isession.subscription_service = self.events

    async def init(self, shelffile: Any = None) -> None:
        await super().init(shelffile)
        await self._advertise()
        for method, arguments in (
            (ua.ObjectIds.ConditionType_ConditionRefresh, (VT.UInt32,)),
            (ua.ObjectIds.ConditionType_ConditionRefresh2, (VT.UInt32, VT.UInt32)),
        ):
            refresh = methods.checked(arguments, self.events.refresh)
            self.isession.add_method_callback(node_id(method), refresh)
        server_methods.offer(self)

    async def _advertise(self) -> None:
        await self.diagnostics.enable(self.aspace)
        self.arrays.enable()
        for node, value in advertised(self.gatekeeper.settings):
            await self.write_attribute_value(node, ua.DataValue(value))

    async def _set_current_time_loop(self) -> None:
        """The clock and the counters, once a second."""
        while not self._time_task_stop:
            status = copy(await self.server_status_node.read_value())
            status.CurrentTime = datetime.now(UTC)
            await self.server_status_node.write_value(status)
            await self.current_time_node.write_value(status.CurrentTime)
            await self._show_diagnostics()
            await asyncio.sleep(1)

    async def _show_diagnostics(self) -> None:
        sessions = sum(s.is_activated() for s in self._external_sessions.values())
        intervals = [s.data.RevisedPublishingInterval for s in self.events.subscriptions.values()]
        await self.diagnostics.show(self.aspace, sessions, intervals)
        await self.arrays.notify()

    def create_session(
        self, name: str, user: User = _NOBODY, external: bool = False
    ) -> InternalSession:
        return PermittedSession(
            self, self.aspace, self.subscription_service, name, user=user, external=external
        )

    def session_of(self, number: ua.NodeId) -> PermittedSession | None:
        """The open session of a client with this SessionId."""
        sessions: dict[ua.NodeId, Any] = self._external_sessions
        return next((s for s in sessions.values() if s.session_id == number), None)

    def register_server(self, server: Any, conf: Any = None) -> None:
        """Refused: asyncua lets clients without a session enter themselves into FindServers."""
        raise ServiceError(ua.StatusCodes.BadServiceUnsupported)


class Server(asyncua.Server):
    """asyncua's server with a quiet start and a clean stop."""

    def __init__(self, gatekeeper: Gatekeeper) -> None:
        decoding.mend()
        self.services = InternalServer(gatekeeper)
        super().__init__(iserver=self.services)

    async def start(self) -> None:
        """Listen, then run. Raises OSError, without a traceback in the log, when it cannot."""
        if self.iserver.certificate is not None:
            uacrypto.check_certificate(self.iserver.certificate, self.get_application_uri())
        await self._setup_server_nodes()
        host, port = self._get_bind_socket_info()
        self.bserver = BoundedServer(self.iserver, host or "", port or 0, self.limits)
        self.bserver.set_policies(self._policies)
        self.services.gatekeeper.rules.learn(self.services.aspace)
        await self.bserver.start()
        await self.iserver.start()
        self.services.gatekeeper.auditor.start(self.services.events.emit)

    async def stop(self) -> None:
        """Close connections, sessions and tasks. asyncua leaves the sessions that have
        subscriptions, their timers and the tasks of open connections behind."""
        tasks = [self.iserver.time_task]
        self.iserver.time_task = None
        connections: list[OPCUAProtocol] = []
        if self.bserver is not None:
            connections = list(self.bserver.clients)
            await self._hang_up(self.bserver)
        for session in list(self.iserver._external_sessions.values()):
            tasks.append(session._timeout_task)
            await session.close_session(True)
        await self.services.gatekeeper.auditor.stop()
        for connection in connections:
            tasks += [connection._task, connection._activation_watchdog_task]
        await super().stop()
        await _cancel(tasks)

    @staticmethod
    async def _hang_up(listener: BinaryServer) -> None:
        if listener._server is not None:
            listener._server.close()
        for connection in list(listener.clients):
            if connection.transport is not None:
                connection.transport.close()
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _CLOSING_TIME
        while listener.clients and loop.time() < deadline:
            await asyncio.sleep(0.005)
        for connection in list(listener.clients):
            if connection.transport is not None:
                connection.transport.abort()
        await asyncio.sleep(0)


async def _cancel(tasks: Iterable[asyncio.Task[Any] | None]) -> None:
    alive = [task for task in tasks if task is not None and not task.done()]
    for task in alive:
        task.cancel()
    await asyncio.gather(*alive, return_exceptions=True)
