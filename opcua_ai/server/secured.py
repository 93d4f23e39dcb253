"""An OPC UA server with the certificate, users, policies and limits of the configuration."""

from __future__ import annotations

import asyncio
import logging
import math
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from urllib.parse import SplitResult, urlsplit

from asyncua import ua
from cryptography import x509

from opcua_ai.core.config import DEFAULT_PORT
from opcua_ai.core.config import Server as Settings
from opcua_ai.core.errors import AccessError
from opcua_ai.server.asyncua_mends import Server
from opcua_ai.server.security import certificate, gatekeeper
from opcua_ai.server.security.services import Offered

logger = logging.getLogger(__name__)

APPLICATION_URI = "urn:opcua-ai:advisory:server"
_CHUNK = 65535
_POLICIES = (
    ua.SecurityPolicyType.Aes256Sha256RsaPss_SignAndEncrypt,
    ua.SecurityPolicyType.Aes128Sha256RsaOaep_SignAndEncrypt,
    ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt,
    ua.SecurityPolicyType.Aes256Sha256RsaPss_Sign,
    ua.SecurityPolicyType.Aes128Sha256RsaOaep_Sign,
    ua.SecurityPolicyType.Basic256Sha256_Sign,
)


async def make(settings: Settings) -> tuple[Server, str]:
    """A server that does not listen yet, and what is to be warned of.

    Raises ConfigError (secrets, users file, audit file, certificate files) or AccessError.
    """
    host = urlsplit(settings.endpoint).hostname or ""
    files = settings.certificate, settings.private_key
    if await asyncio.to_thread(certificate.ensure, *files, APPLICATION_URI, host):
        logger.info("made the server certificate %s", settings.certificate)
    gate = await asyncio.to_thread(gatekeeper.Gatekeeper, settings)
    try:
        if not gate.users and not settings.allow_anonymous:
            logger.warning(
                "nobody can log in: 'opcua-ai users add', or [server.users.NAME] in the "
                "configuration, or allow_anonymous = true"
            )
        server = Server(gate)
        await _describe(server)
        await _load_certificate(server, settings)
        _limit(server, settings)
    except BaseException:
        await gate.auditor.stop()
        raise
    own: x509.Certificate = server.iserver.certificate
    warnings = gatekeeper.warning(settings), certificate.warning(own, settings.certificate)
    return server, " ".join(filter(None, warnings))


async def _describe(server: Server) -> None:
    server.name = "opcua-ai advisory server"
    server.manufacturer_name = "opcua-ai"
    server.product_uri = "urn:opcua-ai"
    server.application_type = ua.ApplicationType.Server
    await server.init()
    await server.set_application_uri(APPLICATION_URI)
    await server.set_build_info(
        server.product_uri, "opcua-ai", server.name, _version(), "", datetime.now(UTC)
    )
    yes = ua.DataValue(ua.Variant(True, ua.VariantType.Boolean))
    auditing = server.get_node(ua.ObjectIds.Server_Auditing)
    await server.write_attribute_value(auditing.nodeid, yes)


async def _load_certificate(server: Server, settings: Settings) -> None:
    try:
        await server.load_certificate(settings.certificate)
        await server.load_private_key(settings.private_key)
    except (OSError, ValueError, TypeError) as error:
        raise AccessError(
            f"server: cannot read {settings.certificate} or {settings.private_key}: {error}"
        ) from error


def _limit(server: Server, settings: Settings) -> None:
    """Endpoints, identity tokens and sizes."""
    url = urlsplit(settings.endpoint)
    server.set_endpoint(with_port(url, port(url)))
    policies = [*_POLICIES]
    if settings.allow_none:
        policies.append(ua.SecurityPolicyType.NoSecurity)
    server.set_security_policy(policies, Offered())  # type: ignore[arg-type]
    tokens: list[type] = [ua.UserNameIdentityToken, ua.X509IdentityToken]
    if settings.allow_anonymous:
        tokens.append(ua.AnonymousIdentityToken)
    server.set_identity_tokens(tokens)
    server.limits.max_message_size = settings.max_message_size
    server.limits.max_chunk_count = math.ceil(settings.max_message_size / _CHUNK)


def port(url: SplitResult) -> int:
    return DEFAULT_PORT if url.port is None else url.port


def with_port(url: SplitResult, number: int) -> str:
    host = f"[{url.hostname}]" if ":" in (url.hostname or "") else url.hostname
    return url._replace(netloc=f"{host}:{number}").geturl()


def _version() -> str:
    try:
        return version("opcua-ai")
    except PackageNotFoundError:
        return "unknown"
