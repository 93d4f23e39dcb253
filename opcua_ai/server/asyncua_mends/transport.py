"""Connections and secure channels."""
# ruff: noqa: SLF001

from __future__ import annotations

import asyncio
import logging
from typing import Any

from asyncua import ua
from asyncua.common.utils import ServiceError
from asyncua.server.binary_server_asyncio import BinaryServer, OPCUAProtocol
from asyncua.server.uaprocessor import UaProcessor

from opcua_ai.server.values import node_id

logger = logging.getLogger(__name__)

_DISCOVERY = frozenset(
    node_id(service)
    for service in (
        ua.ObjectIds.GetEndpointsRequest_Encoding_DefaultBinary,
        ua.ObjectIds.FindServersRequest_Encoding_DefaultBinary,
        ua.ObjectIds.CloseSecureChannelRequest_Encoding_DefaultBinary,
    )
)


class Processor(UaProcessor):
    """Answers nothing but discovery on a channel whose security policy is not offered.

    Every server has to open such a channel for GetEndpoints (Part 4, 5.4.4); asyncua lets clients
    log in on it, unencrypted and past the permission rules.
    """

    async def _process_message(self, typeid: Any, requesthdr: Any, seqhdr: Any, body: Any) -> bool:
        # Only the policies that the server offers carry permission rules.
        if self._connection.security_policy.permissions is None and typeid not in _DISCOVERY:
            raise ServiceError(ua.StatusCodes.BadSecurityPolicyRejected)
        return await super()._process_message(typeid, requesthdr, seqhdr, body)


class BoundedProtocol(OPCUAProtocol):
    """Cuts a connection that sends a chunk longer than the Acknowledge allowed (Part 6, 7.1.2)."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        if self.processor is not None:
            self.processor = Processor(self.iserver, transport, self.limits)
            self.processor.set_policies(self.policies)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if len(self._buffer) > self.limits.max_recv_buffer and self.transport is not None:
            logger.warning("cut the connection from %s: message chunk too long", self.peer_name)
            self._buffer = b""
            self.transport.abort()


class BoundedServer(BinaryServer):
    def _make_protocol(self) -> OPCUAProtocol:
        return BoundedProtocol(
            iserver=self.iserver,
            policies=self._policies,
            clients=self.clients,
            closing_tasks=self.closing_tasks,
            limits=self.limits,
        )
