"""One connection to one OPC UA server: secure channel, session, limits, errors in plain words."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING
from urllib.parse import urlparse

from asyncua import Client, ua
from asyncua.client.ua_session import UaSession
from asyncua.common.utils import Buffer
from asyncua.crypto import security_policies
from asyncua.crypto.uacrypto import CertProperties

from opcua_ai.core.config import Security
from opcua_ai.core.errors import AccessError, OpcuaAiError, SourceLostError
from opcua_ai.sources._chunks import Chunks
from opcua_ai.sources._nodeid import standard

if TYPE_CHECKING:
    from opcua_ai.sources.opcua import Options

_log = logging.getLogger("opcua_ai.sources")

SESSION_TIMEOUT_S = 30.0
"""How long a server keeps a session that the network cut off; small controllers have room for few,
so not long. At least three keep-alives."""
FAREWELL_S = 1.0
"""How long a server may take to answer the last request."""
NEVER_S = 1e7

_USER = {"BadUserAccessDenied", "BadIdentityTokenRejected", "BadIdentityTokenInvalid"}
_POLICY = {"BadSecurityPolicyRejected", "BadSecurityModeRejected", "BadSecurityModeInsufficient"}
_CERTIFICATE = {
    "BadSecurityChecksFailed",
    "BadApplicationSignatureInvalid",
    "BadUserSignatureInvalid",
    "BadNoValidCertificates",
}
_LIMITS = (
    ua.ObjectIds.Server_ServerCapabilities_OperationLimits_MaxNodesPerRead,
    ua.ObjectIds.Server_ServerCapabilities_OperationLimits_MaxNodesPerBrowse,
    ua.ObjectIds.Server_ServerCapabilities_OperationLimits_MaxMonitoredItemsPerCall,
)


class Session(UaSession):
    """asyncua's session without its publish loop: ``_subscription`` runs its own, which sees the
    errors and keeps more than one request at the server."""

    def ensure_publish_loop(self) -> None:
        """Nothing: see the class."""

    async def publish_raw(self, acks: list[ua.SubscriptionAcknowledgement]) -> Buffer:
        """One Publish (Part 4, 5.14.5); the answer is not decoded yet. Waits without limit."""
        request = ua.PublishRequest()
        request.Parameters.SubscriptionAcknowledgements = acks
        return await self._send_request(request, timeout=0)


class Link:
    """An open session. ``close`` it in every case; it is not used again after an error."""

    def __init__(
        self, client: Client, session: Session, endpoint: str, learned: dict[str, int]
    ) -> None:
        self._client = client
        self.session = session
        self.endpoint = endpoint
        self.namespaces: list[str] = []
        self._learned = learned
        self._limit(0, 0, 0)

    def _limit(self, read: int, browse: int, items: int) -> None:
        self.read_chunks = Chunks("read", read, 500, self._learned)
        self.browse_chunks = Chunks("browse", browse, 200, self._learned)
        self.item_chunks = Chunks("create monitored items", items, 1000, self._learned)

    @classmethod
    async def open(cls, options: Options, learned: dict[str, int]) -> Link:
        """Connect and read the server's limits; ``learned`` keeps request sizes (see ``Chunks``).

        Raises AccessError when user, certificate or policy are refused, else SourceLostError.
        """
        _hush()
        client = _client(options)
        session = Session(client.uaclient)
        client.uaclient.session = session
        link = cls(client, session, options.endpoint, learned)
        try:
            with plain_errors(options.endpoint):
                await _secure(client, options)
                await client.connect()
                await link._greet()
        except BaseException:
            await link.close(polite=False)
            raise
        return link

    async def _greet(self) -> None:
        """Read NamespaceArray and OperationLimits (Part 5, 6.3.11) in one request."""
        ids = [standard(ua.ObjectIds.Server_NamespaceArray), *(standard(i) for i in _LIMITS)]
        values = await self.session.read_attributes(ids, ua.AttributeIds.Value)
        found = [v.Value.Value if v.Value is not None else None for v in values]
        self.namespaces = list(found[0] or [])
        read, browse, items = (v if isinstance(v, int) else 0 for v in found[1:])
        self._limit(read, browse, items)

    async def close(self, polite: bool = True) -> None:
        """Close session, channel and socket; never raises. Impolite: the peer is not asked, because
        it is gone or silent."""
        protocol = self._client.uaclient.protocol
        transport = protocol.transport if protocol is not None else None
        if transport is not None and not polite:
            transport.abort()
            await asyncio.sleep(0)  # connection_lost runs now: asyncua then skips CloseSession
        with suppress(Exception):
            async with asyncio.timeout(FAREWELL_S):
                await self._client.disconnect()
        if transport is not None:
            transport.abort()


def _client(options: Options) -> Client:
    # asyncua's own watchdog reads a node every second and gives up after one slow answer;
    # the keep-alive of the subscription does that job here
    client = Client(options.endpoint, timeout=options.timeout_s, watchdog_intervall=NEVER_S)
    client.name = client.description = "opcua-ai"
    client.application_uri = f"urn:{socket.gethostname()}:opcua-ai"
    client.product_uri = "urn:opcua-ai"
    client.session_timeout = round(1e3 * max(SESSION_TIMEOUT_S, 3 * options.keep_alive_s))
    if options.user is not None:
        client.set_user(options.user)
        client.set_password(options.password(f"source {options.endpoint}") or "")
    return client


async def _secure(client: Client, options: Options) -> None:
    """Set the security policy; makes certificate and key on first use."""
    security = options.security
    if security is None or security.policy == "None":
        if options.user is not None:
            _log.warning("%s: policy None leaves the password open: set security", options.endpoint)
        return
    certificate, key = security.certificate, security.private_key
    if certificate is None or key is None:
        raise AccessError(f"policy {security.policy!r} needs certificate and private_key")
    if certificate.exists() != key.exists():
        missing = key if certificate.exists() else certificate
        raise AccessError(f"{missing} is missing but its partner exists: restore it or remove both")
    if not key.exists():
        try:
            await client.setup_self_signed_certificate(key, certificate)
            key.chmod(0o600)
        except OSError as error:
            raise AccessError(f"certificate or key cannot be made: {error}") from error
        _log.info("made the client certificate %s: let the server trust it", certificate)
    server = security.server_certificate
    trusted = str(server) if server else await _offered(client, security)
    try:
        await client.set_security(
            getattr(security_policies, f"SecurityPolicy{security.policy}"),
            certificate,
            key,
            server_certificate=trusted,
            mode=getattr(ua.MessageSecurityMode, security.mode),
        )
    except (OSError, ValueError) as error:
        raise AccessError(f"certificate or key cannot be used: {error}") from error


async def _offered(client: Client, security: Security) -> CertProperties:
    """The certificate of the endpoint with this policy. Raises AccessError naming the offers."""
    offers: set[str] = set()
    for endpoint in await client.connect_and_get_server_endpoints():
        policy = str(endpoint.SecurityPolicyUri).rpartition("#")[2]
        mode = ua.MessageSecurityMode(endpoint.SecurityMode)
        if (policy, mode.name) == (security.policy, security.mode) and endpoint.ServerCertificate:
            chain = endpoint.ServerCertificate
            return CertProperties(chain[: int.from_bytes(chain[2:4], "big") + 4], "der")
        offers.add("None" if policy == "None" else f"{policy}/{mode.name}")
    url = client.server_url.geturl()
    raise AccessError(
        f"{url} does not offer {security.policy}/{security.mode}; "
        f"it offers {', '.join(sorted(offers)) or 'nothing'}"
    )


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
