"""One connection to one OPC UA server: secure channel, session, limits, errors in plain words."""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import urlparse

from asyncua import ua
from asyncua.client.ua_session import UaSession
from asyncua.common.utils import Buffer

from opcua_ai.core.errors import AccessError, OpcuaAiError, SourceLostError
from opcua_ai.sources._chunks import Chunks
from opcua_ai.sources._client import PlantClient, client_of, secure
from opcua_ai.sources._nodeid import standard
from opcua_ai.sources._transport import Transport

if TYPE_CHECKING:
    from opcua_ai.sources.opcua import Options

_log = logging.getLogger("opcua_ai.sources")

FAREWELL_S = 1.0
"""How long a server may take to answer the last request."""

_USER = {"BadUserAccessDenied", "BadIdentityTokenRejected", "BadIdentityTokenInvalid"}
_POLICY = {"BadSecurityPolicyRejected", "BadSecurityModeRejected", "BadSecurityModeInsufficient"}
_CERTIFICATE = {
    "BadSecurityChecksFailed",
    "BadApplicationSignatureInvalid",
    "BadUserSignatureInvalid",
    "BadNoValidCertificates",
}
UNSUPPORTED = frozenset(
    {
        ua.StatusCodes.BadServiceUnsupported,
        ua.StatusCodes.BadNotImplemented,
        ua.StatusCodes.BadNotSupported,
    }
)
"""With these a server says that it does not have a service."""
_GREETING = tuple(
    standard(number)
    for number in (
        ua.ObjectIds.Server_NamespaceArray,
        ua.ObjectIds.Server_ServerStatus_StartTime,
        ua.ObjectIds.Server_ServiceLevel,
        ua.ObjectIds.Server_ServerCapabilities_OperationLimits_MaxNodesPerRead,
        ua.ObjectIds.Server_ServerCapabilities_OperationLimits_MaxNodesPerBrowse,
        ua.ObjectIds.Server_ServerCapabilities_OperationLimits_MaxMonitoredItemsPerCall,
        ua.ObjectIds.Server_ServerCapabilities_OperationLimits_MaxNodesPerHistoryReadData,
    )
)
BEST_SERVICE_LEVEL = 255
"""Also of a server that does not say (Part 4, 6.6.2.4.2)."""


class Session(UaSession):
    """asyncua's session without its publish loop: ``_publish`` runs its own, which sees the errors
    and keeps more than one request at the server."""

    def ensure_publish_loop(self) -> None:
        """Nothing: see the class."""

    async def publish_raw(self, acknowledgements: Sequence[tuple[int, int]]) -> Buffer:
        """One Publish (Part 4, 5.14.5) that acknowledges (subscription, sequence number); the
        answer is not decoded yet. Waits without limit."""
        transport = self._client.protocol
        if not isinstance(transport, Transport):
            raise ConnectionError("Connection is not open")
        body = await transport.publish(acknowledgements)
        transport.check_answer(body, " in response to Publish")
        return body

    async def read_raw(self, ids: Iterable[ua.NodeId]) -> Buffer:
        """Read the Value of nodes (Part 4, 5.11.2); the answer is not decoded yet."""
        request = ua.ReadRequest()
        request.Parameters.TimestampsToReturn = ua.TimestampsToReturn.Both
        request.Parameters.NodesToRead = [
            ua.ReadValueId(node_id, ua.UInt32(ua.AttributeIds.Value)) for node_id in ids
        ]
        return await self._send_request(request)

    async def republish_raw(self, subscription: int, number: int) -> Buffer:
        """One Republish (Part 4, 5.14.6); the answer is not decoded yet."""
        request = ua.RepublishRequest()
        request.Parameters.SubscriptionId = ua.IntegerId(subscription)
        request.Parameters.RetransmitSequenceNumber = ua.Counter(number)
        return await self._send_request(request)


class Link:
    """A session with one endpoint. ``close`` it in every case; after an error only ``resume``."""

    def __init__(
        self, client: PlantClient, session: Session, endpoint: str, learned: dict[str, int]
    ) -> None:
        self._client = client
        self.session = session
        self.endpoint = endpoint
        self.namespaces: list[str] = []
        self.started: datetime | None = None
        """Since when the server has been running; its sessions and subscriptions are not older."""
        self.service_level = BEST_SERVICE_LEVEL
        """How well it can serve, 0 to 255; from 200 on nothing is wanting (Part 4, 6.6.2.4.2)."""
        self.connected = True
        self.resumed = False
        """Whether the session is an old one, on a new connection."""
        self._forgotten_at = 0.0
        self._learned = learned
        self._limit(0, 0, 0, 0)

    def _limit(self, read: int, browse: int, items: int, history: int) -> None:
        self.read_chunks = Chunks("read", read, 500, self._learned)
        self.browse_chunks = Chunks("browse", browse, 200, self._learned)
        self.item_chunks = Chunks("create monitored items", items, 1000, self._learned)
        self.history_chunks = Chunks("read history", history, 20, self._learned)

    @classmethod
    async def open(
        cls, options: Options, learned: dict[str, int], endpoint: str | None = None
    ) -> Link:
        """Connect, to another ``endpoint`` than that of the options if one is named, and read the
        server's limits; ``learned`` keeps request sizes (see ``Chunks``).

        Raises AccessError when user, certificate or policy are refused, else SourceLostError.
        """
        _hush()
        endpoint = endpoint or options.endpoint
        client = client_of(options, endpoint)
        session = Session(client.uaclient)
        client.uaclient.session = session
        link = cls(client, session, endpoint, learned)
        try:
            with plain_errors(endpoint):
                await secure(client, options)
                await client.open()
                await link.greet()
        except BaseException:
            await link.close(polite=False)
            raise
        return link

    async def greet(self) -> None:
        """Read in one request what may have changed with a restart: NamespaceArray, ServiceLevel,
        OperationLimits (Part 5, 6.3.11)."""
        values = await self.read_chunks.gather(
            _GREETING, lambda ids: self.session.read_attributes([*ids], ua.AttributeIds.Value)
        )
        names, started, level, *limits = (v.Value.Value if v.Value else None for v in values)
        self.namespaces = list(names or [])
        self.started = started
        self.service_level = level if isinstance(level, int) else BEST_SERVICE_LEVEL
        self._limit(*(limit if isinstance(limit, int) else 0 for limit in limits))

    @property
    def session_timeout_s(self) -> float:
        """As the server has revised it."""
        return self._client.session_timeout / 1e3

    @property
    def resumable(self) -> bool:
        """Whether the server may still have the session of a lost connection."""
        return time.monotonic() < self._forgotten_at and self._client.uaclient.has_session

    async def lose(self) -> None:
        """The connection is gone or silent: drop it, but remember the session."""
        if self.connected:
            self.connected = False
            self._forgotten_at = time.monotonic() + self.session_timeout_s
            await self._client.lose()

    async def resume(self) -> None:
        """Connect again: with the old session if the server still has it (Part 4, 6.7), else with a
        new one. Raises as ``open``."""
        before = self.started
        try:
            with plain_errors(self.endpoint):
                self.resumed = await self._client.resume()
                await self.greet()
            if self.resumed and self.started != before:
                # after a restart a server may give our old, guessable token to somebody else
                self._forgotten_at = 0.0
                raise SourceLostError(f"{self.endpoint}: the server has been restarted")
        except BaseException:
            await self._client.lose()
            raise
        self.connected = True

    async def close(self, polite: bool = True) -> None:
        """Close session, channel and socket; never raises. Impolite: the peer is not asked, because
        it is gone or silent."""
        protocol = self._client.uaclient.protocol
        transport = protocol.transport if protocol is not None else None
        if transport is not None and not (polite and self.connected):
            transport.abort()
            await asyncio.sleep(0)  # connection_lost runs now: asyncua then skips CloseSession
        self.connected = False
        with suppress(Exception):
            async with asyncio.timeout(FAREWELL_S):
                await self._client.disconnect()
        if transport is not None:
            transport.abort()


@contextmanager
def plain_errors(endpoint: str) -> Iterator[None]:
    """Every error of asyncua or of the network becomes AccessError or SourceLostError."""
    try:
        yield
    except OpcuaAiError:
        raise
    except Exception as error:
        _log.debug("%s: %r", endpoint, error, exc_info=True)
        raise explain(error, endpoint) from error


def explain(error: Exception, endpoint: str) -> AccessError | SourceLostError:
    """One line that names the endpoint, what happened and what to do."""
    name = type(error).__name__
    if name in _USER:
        return AccessError(
            f"{endpoint} refused the user or password ({name}): "
            "check user and password_env or password_file"
        )
    if name in _POLICY or "No matching endpoints" in str(error):
        return AccessError(
            f"{endpoint} refused the security policy: set security.policy and security.mode "
            "to ones that the server offers"
        )
    if name in _CERTIFICATE or name.startswith("BadCertificate"):
        return AccessError(
            f"{endpoint} refused the certificate ({name}): let the server trust our certificate, "
            "and check security.policy and the server's certificate"
        )
    return SourceLostError(f"{endpoint}: {_network(error, endpoint)}")


def _network(error: Exception, endpoint: str) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, ConnectionRefusedError):
        return "connection refused: is the server running, and is the port right?"
    if isinstance(error, socket.gaierror):
        return f"host name {urlparse(endpoint).hostname!r} is not known"
    if isinstance(error, ua.UaStatusCodeError):
        return f"the server answered {type(error).__name__}"
    if isinstance(error, ConnectionError):
        return "the connection was closed"
    return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else 'no details'}"


def _hush() -> None:
    """asyncua logs tracebacks of every lost connection; ``explain`` says the same in one line.
    A level that somebody has set stays."""
    if logging.getLogger("asyncua").isEnabledFor(logging.DEBUG):
        return
    levels = {"client": logging.CRITICAL + 1, "crypto": logging.ERROR, "uaprotocol": logging.ERROR}
    for name, level in levels.items():
        logger = logging.getLogger(f"asyncua.{name}")
        if logger.level == logging.NOTSET:
            logger.setLevel(level)
