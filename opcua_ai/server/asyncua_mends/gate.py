"""Secure channels and sessions: who may open them, and which belongs to which.

asyncua accepts every client certificate, lets any channel use any session whose token it knows and
any token on a channel that has a session, keeps sessions that were never activated, and leaves a
client without an answer when a channel cannot be opened.
"""
# ruff: noqa: SLF001

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from asyncua import ua
from asyncua.common.utils import Buffer, ServiceError
from asyncua.crypto import uacrypto
from asyncua.crypto.security_policies import SecurityPolicyNone
from asyncua.server.uaprocessor import UaProcessor
from asyncua.ua import uaerrors
from asyncua.ua.ua_binary import struct_from_binary, uatcp_to_binary
from cryptography import x509

from opcua_ai.server.asyncua_mends.channels import Channel
from opcua_ai.server.asyncua_mends.permissions import PermittedSession
from opcua_ai.server.security.chain import split
from opcua_ai.server.security.roles import Member
from opcua_ai.server.security.tokens import Challenge
from opcua_ai.server.security.trust import application_uris
from opcua_ai.server.values import code, node_id, node_ids

if TYPE_CHECKING:
    from opcua_ai.server.asyncua_mends.services import InternalServer

logger = logging.getLogger(__name__)

MAX_STRANGER_MESSAGE = 64 * 1024
"""Bytes of a message before the session is activated."""
_LEAST_NONCE = 32

_CREATE = node_id(ua.ObjectIds.CreateSessionRequest_Encoding_DefaultBinary)
_ACTIVATE = node_id(ua.ObjectIds.ActivateSessionRequest_Encoding_DefaultBinary)
_CLOSE = node_id(ua.ObjectIds.CloseSessionRequest_Encoding_DefaultBinary)
DISCOVERY = node_ids(
    ua.ObjectIds.GetEndpointsRequest_Encoding_DefaultBinary,
    ua.ObjectIds.FindServersRequest_Encoding_DefaultBinary,
    ua.ObjectIds.CloseSecureChannelRequest_Encoding_DefaultBinary,
)
"""What a channel may be opened for on any policy."""
_REGISTERING = node_ids(
    ua.ObjectIds.RegisterServerRequest_Encoding_DefaultBinary,
    ua.ObjectIds.RegisterServer2Request_Encoding_DefaultBinary,
)
_SESSIONLESS = frozenset((_CREATE, _ACTIVATE)) | DISCOVERY | _REGISTERING


def error_message(status: int) -> bytes:
    """An Error message, after which the connection is closed (Part 6, 7.1.5)."""
    wrong = code(status)
    message = ua.ErrorMessage(wrong, wrong.name)  # type: ignore[arg-type]
    return uatcp_to_binary(ua.MessageType.Error, message)  # type: ignore[arg-type]


class Gate(UaProcessor):
    """One connection: its secure channel and the session that is bound to it."""

    iserver: InternalServer  # type: ignore[assignment]
    session: PermittedSession | None  # type: ignore[assignment]
    lost = False
    """The connection has ended."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._connection = Channel(SecurityPolicyNone(), self._limits)

    @property
    def host(self) -> str:
        """Address of the client."""
        return str(self.name[0]) if self.name else ""

    @property
    def certificate(self) -> bytes | None:
        """The client's, with whose key the channel was opened; None on policy None."""
        policy = self._connection.security_policy
        return None if policy.Mode == ua.MessageSecurityMode.None_ else policy.peer_certificate

    async def process(self, header: Any, body: Buffer) -> bool:
        """One chunk. What is wrong below the services ends the connection with an Error."""
        try:
            if header.MessageType == ua.MessageType.SecureOpen:
                await self._admit(header, body)
            elif self._is_too_long_for_a_stranger(header):
                raise uaerrors.BadTcpMessageTooLarge
            return bool(await super().process(header, body))
        except Exception as error:
            status = getattr(error, "code", ua.StatusCodes.BadSecurityChecksFailed)
            logger.info("cut the connection from %s: %s", self.name, error or type(error).__name__)
            self._transport.write(error_message(status))
            return False

    async def _admit(self, header: Any, body: Buffer) -> None:
        """Check the certificate before anything is done with it (Part 4, 6.1.3)."""
        if self._connection.is_open():
            return
        security = struct_from_binary(ua.AsymmetricAlgorithmHeader, body.copy(header.body_size))
        if security.SecurityPolicyURI != SecurityPolicyNone.URI:
            await self.iserver.gatekeeper.admit(security.SenderCertificate, self.host)

    def _is_too_long_for_a_stranger(self, header: Any) -> bool:
        if self.session is not None and self.session.is_activated():
            return False
        return self._connection._incoming_size + header.body_size > MAX_STRANGER_MESSAGE

    async def _process_message(self, typeid: Any, requesthdr: Any, seqhdr: Any, body: Any) -> bool:
        if typeid == _ACTIVATE:
            return await self._activate(requesthdr, seqhdr, body)
        if typeid == _CREATE:
            return await self._create(typeid, requesthdr, seqhdr, body)
        if typeid == _CLOSE and self.session is not None:
            self.session.says_goodbye = True
        goes_on = await super()._process_message(typeid, requesthdr, seqhdr, body)
        if typeid == _CLOSE:
            self.session = None  # type: ignore[assignment]
        return goes_on

    def check_session(self, service: ua.NodeId, token: ua.NodeId) -> None:
        """A channel speaks for its own session and no other (Part 4, 5.7.2)."""
        if service in _SESSIONLESS:
            return
        if self.session is None or self.session.auth_token != token:
            raise ServiceError(ua.StatusCodes.BadSessionIdInvalid)

    async def _create(self, typeid: Any, requesthdr: Any, seqhdr: Any, body: Any) -> bool:
        await self._make_room()
        params = struct_from_binary(ua.CreateSessionParameters, body.copy())
        self._check_client(params)
        goes_on = await super()._process_message(typeid, requesthdr, seqhdr, body)
        session = self.session
        if session is not None:
            session.bind(self, self.certificate)
            event = ua.ObjectIds.AuditCreateSessionEventType
            name = params.ClientDescription.ApplicationUri or ""
            self.iserver.gatekeeper.auditor.record(
                event, f"session of {name}", client=self.host, session=session.session_id
            )
        return goes_on

    async def _make_room(self) -> None:
        """One session for each channel, as asyncua has it, and not too many in all. A session
        whose client is gone gives way to one whose client is there."""
        sessions: dict[ua.NodeId, Any] = self.iserver._external_sessions
        if self.session is not None and not self.session.is_closed():
            raise ServiceError(ua.StatusCodes.BadTooManySessions)
        if len(sessions) < self.iserver.gatekeeper.settings.max_sessions:
            return
        lost = next((s for s in sessions.values() if s.channel is None or s.channel.lost), None)
        if lost is None:
            raise ServiceError(ua.StatusCodes.BadTooManySessions)
        await lost.close_session(True)

    def _check_client(self, params: ua.CreateSessionParameters) -> None:
        """Nonce, certificate and URI belong to the channel (Part 4, 5.7.2)."""
        if self.certificate is None:
            return
        if len(params.ClientNonce or b"") < _LEAST_NONCE:
            raise ServiceError(ua.StatusCodes.BadNonceInvalid)
        certificate = x509.load_der_x509_certificate(self.certificate)
        if split(params.ClientCertificate or b"")[0] != certificate:
            raise ServiceError(ua.StatusCodes.BadSecurityChecksFailed)
        if params.ClientDescription.ApplicationUri not in application_uris(certificate):
            raise ServiceError(ua.StatusCodes.BadCertificateUriInvalid)

    async def _activate(self, requesthdr: Any, seqhdr: Any, body: Any) -> bool:
        """ActivateSession (Part 4, 5.7.3)."""
        params = struct_from_binary(ua.ActivateSessionParameters, body)
        session = self._find(requesthdr.AuthenticationToken)
        challenge = self._challenge(session)
        self._check_signature(challenge, params.ClientSignature)
        gatekeeper = self.iserver.gatekeeper
        user = await gatekeeper.login(
            params.UserIdentityToken, params.UserTokenSignature, challenge, self.host
        )
        if session.channel is not self:
            self._take_over(session, user)
        response = ua.ActivateSessionResponse()
        response.Parameters.ServerNonce = session.activate(user)
        session.diagnostics.activated(user.name or "", params)
        response.Parameters.Results = [ua.StatusCode() for _ in params.ClientSoftwareCertificates]
        event, text = ua.ObjectIds.AuditActivateSessionEventType, f"logged in as {user.rank.name}"
        gatekeeper.auditor.record(
            event, text, user=user.name or "", client=self.host, session=session.session_id
        )
        self.send_response(requesthdr.RequestHandle, seqhdr, response)
        return True

    def _find(self, token: ua.NodeId) -> PermittedSession:
        session = self.iserver.lookup_external_session(token)
        if not isinstance(session, PermittedSession) or session.is_closed():
            raise ServiceError(ua.StatusCodes.BadSessionIdInvalid)
        if session.channel is not self and not self._may_take_over(session):
            logger.warning("refused %s the session of another channel", self.name)
            event = ua.ObjectIds.AuditActivateSessionEventType
            text = "refused the session of another channel"
            self.iserver.gatekeeper.auditor.record(event, text, good=False, client=self.host)
            raise ServiceError(ua.StatusCodes.BadSessionIdInvalid)
        return session

    def _may_take_over(self, session: PermittedSession) -> bool:
        """After a lost connection: by the same client, which its certificate proves. On policy
        None nothing proves it, so that client begins a new session."""
        same = self.certificate is not None and self.certificate == session.certificate
        return same and session.is_activated() and self.session is None

    def _challenge(self, session: PermittedSession) -> Challenge:
        policy = self._connection.security_policy
        return Challenge(
            nonce=session.nonce or b"",
            server_certificate=uacrypto.der_from_x509(self.iserver.certificate),
            private_key=self.iserver.private_key,
            encrypted=policy.Mode == ua.MessageSecurityMode.SignAndEncrypt,
        )

    def _check_signature(self, challenge: Challenge, signature: ua.SignatureData) -> None:
        data = challenge.server_certificate + challenge.nonce
        crypto = self._connection.security_policy.asymmetric_cryptography
        try:
            crypto.verify(data, signature.Signature or b"")
        except uacrypto.InvalidSignature as error:
            raise ServiceError(ua.StatusCodes.BadApplicationSignatureInvalid) from error

    def _take_over(self, session: PermittedSession, user: Member) -> None:
        """Bind the session of a lost connection to this one; the old channel has none any more."""
        if session.user.name != user.name:
            raise ServiceError(ua.StatusCodes.BadIdentityTokenRejected)
        if session.channel is not None:
            session.channel.session = None  # type: ignore[assignment]
        self.session = session  # type: ignore[assignment]
        session.bind(self, self.certificate)
        for subscription in self.iserver.events.of_session(session.session_id):
            subscription.attach(session.session_id, self)

    async def _session_watchdog_loop(self) -> None:
        """Nothing: a session watches its own time. asyncua also does it here, and is earlier."""

    async def close(self) -> None:
        self.lost = True
        await super().close()

    def _should_close_session_on_transport_loss(self) -> bool:
        """At once when nobody could prove to be its owner (see :meth:`_may_take_over`)."""
        session = self.session
        if session is not None and session.certificate is None and session.user.name is None:
            return True
        return super()._should_close_session_on_transport_loss()
