"""asyncua's client as a source needs it: own session, security, and the old session after a cut."""

from __future__ import annotations

import asyncio
import logging
import socket
from typing import TYPE_CHECKING

from asyncua import Client, ua
from asyncua.crypto import security_policies
from asyncua.crypto.uacrypto import CertProperties

from opcua_ai.core.config import Security
from opcua_ai.core.errors import AccessError
from opcua_ai.sources._transport import TransportClient
from opcua_ai.wire import decoding

if TYPE_CHECKING:
    from opcua_ai.sources.opcua import Options

_log = logging.getLogger("opcua_ai.sources")

SESSION_TIMEOUT_S = 30.0
"""How long a server keeps a session that the network cut off, at least; small controllers have room
for few, so not long beyond the outage and three keep-alives."""


class PlantClient(Client):
    """Without asyncua's watchdogs: one reads a node every second and gives up after one slow
    answer; the keep-alive of the subscription does that job here."""

    def __init__(self, url: str, timeout: float) -> None:
        super().__init__(url, timeout)
        self.uaclient = TransportClient(timeout)
        self.uaclient.pre_request_hook = self._wait_until_ready

    async def open(self) -> None:
        """Socket, secure channel, new session."""
        await self._connect_sequence()

    async def resume(self) -> bool:
        """A new secure channel, and on it the old session (Part 4, 6.7), which the server keeps for
        its timeout; False: it does not any more, and the session is a new one."""
        await self.lose()
        await self.connect_socket()
        await self.send_hello()
        await self.open_secure_channel()
        same = await self._activate_the_old_session()
        if not same:
            await self._create_and_activate_session()
        self._start_renew_loop()
        return same

    async def _activate_the_old_session(self) -> bool:
        session = self.uaclient.session
        session.rebind_authentication_token()
        try:
            await self._activate_with_credentials()
        except BaseException as error:
            # a server may break off instead of refusing: the next try is with a new session
            session.reset_authentication_token()
            if isinstance(error, ua.UaStatusCodeError):
                return False
            raise
        return True

    async def lose(self) -> None:
        """Let go of the connection; the server is told nothing and keeps the session."""
        protocol = self.uaclient.protocol
        if protocol is not None and protocol.transport is not None:
            protocol.transport.abort()
            await asyncio.sleep(0)  # connection_lost runs now: requests fail, nothing is flushed
        await self._teardown_transport_only()


def client_of(options: Options, endpoint: str) -> PlantClient:
    """Not connected yet. Raises ConfigError when the password is missing."""
    decoding.mend()
    client = PlantClient(endpoint, timeout=options.timeout_s)
    client.name = client.description = "opcua-ai"
    client.application_uri = f"urn:{socket.gethostname()}:opcua-ai"
    client.product_uri = "urn:opcua-ai"
    timeout_s = max(SESSION_TIMEOUT_S, 3 * options.keep_alive_s, options.outage_s)
    client.session_timeout = round(1e3 * timeout_s)
    if options.user is not None:
        client.set_user(options.user)
        client.set_password(options.password(f"source {endpoint}") or "")
    return client


async def secure(client: Client, options: Options) -> None:
    """Set the security policy; makes certificate and key on first use. Raises AccessError."""
    security = options.security
    url = client.server_url.geturl()
    if security is None or security.policy == "None":
        if options.user is not None:
            _log.warning("%s: policy None leaves the password open: set security", url)
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
