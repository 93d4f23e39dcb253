"""What a client proves itself with in ActivateSession (Part 4, 7.40).

asyncua also takes passwords encrypted with PKCS #1 v1.5, SHA-1 signatures, clear passwords on open
channels, and secrets that were encrypted for another session.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from asyncua import ua
from asyncua.crypto import uacrypto
from asyncua.ua import uaerrors
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from opcua_ai.server.security import chain as chains
from opcua_ai.server.security.trust import thumbprint
from opcua_ai.server.security.users import Credentials
from opcua_ai.server.values import node_id

_DECRYPTORS: Mapping[str, Callable[[RSAPrivateKey, bytes], bytes]] = {
    "http://www.w3.org/2001/04/xmlenc#rsa-oaep": uacrypto.decrypt_rsa_oaep,
    "http://opcfoundation.org/UA/security/rsa-oaep-sha2-256": uacrypto.decrypt_rsa_oaep_sha256,
}
_VERIFIERS: Mapping[str, Callable[[x509.Certificate, bytes, bytes], None]] = {
    "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256": uacrypto.verify_sha256,
    "http://opcfoundation.org/UA/security/rsa-pss-sha2-256": uacrypto.verify_pss_sha256,
}
ANONYMOUS = Credentials()


@dataclass(frozen=True)
class Challenge:
    """What the answer of a client has to fit."""

    nonce: bytes
    server_certificate: bytes
    private_key: RSAPrivateKey
    encrypted: bool
    """The channel is: a password needs no encryption of its own."""


def credentials(token: Any, signature: ua.SignatureData, challenge: Challenge) -> Credentials:
    """What the token shows, after everything but the user list has been checked.

    Raises BadIdentityTokenInvalid or BadIdentityTokenRejected.
    """
    if token is None or isinstance(token, ua.AnonymousIdentityToken):
        return ANONYMOUS
    if isinstance(token, ua.ExtensionObject) and token.TypeId == node_id(ua.ObjectIds.Null):
        return ANONYMOUS  # Part 4, 5.7.3: a null token is an anonymous one
    if isinstance(token, ua.UserNameIdentityToken):
        return Credentials(name=token.UserName or "", password=_password(token, challenge))
    if isinstance(token, ua.X509IdentityToken):
        certificates = _certificates(token, signature, challenge)
        return Credentials(thumbprint=thumbprint(certificates[0]), certificates=certificates)
    raise uaerrors.BadIdentityTokenRejected


def _password(token: ua.UserNameIdentityToken, challenge: Challenge) -> str:
    secret = token.Password or b""
    if token.EncryptionAlgorithm:
        secret = _decrypted(token.EncryptionAlgorithm, secret, challenge)
    elif not challenge.encrypted:
        raise uaerrors.BadIdentityTokenRejected
    try:
        return secret.decode("utf-8")
    except UnicodeDecodeError as error:
        raise uaerrors.BadIdentityTokenInvalid from error


def _decrypted(algorithm: str, secret: bytes, challenge: Challenge) -> bytes:
    """The legacy secret format: length, password, nonce (Part 4, 7.40.2.2)."""
    decrypt = _DECRYPTORS.get(algorithm)
    if decrypt is None:
        raise uaerrors.BadIdentityTokenRejected
    size = challenge.private_key.key_size // 8
    try:
        blocks = [secret[i : i + size] for i in range(0, len(secret), size)]
        plain = b"".join(decrypt(challenge.private_key, block) for block in blocks)
    except Exception as error:
        raise uaerrors.BadIdentityTokenInvalid from error
    length, content = int.from_bytes(plain[:4], "little"), plain[4:]
    end = length - len(challenge.nonce)
    if end < 0 or length > len(content):
        raise uaerrors.BadIdentityTokenInvalid
    if not hmac.compare_digest(content[end:length], challenge.nonce):
        raise uaerrors.BadIdentityTokenInvalid
    return content[:end]


def _certificates(
    token: ua.X509IdentityToken, signature: ua.SignatureData, challenge: Challenge
) -> tuple[x509.Certificate, ...]:
    """That of the user first, after it has proved that it has the key."""
    verify = _VERIFIERS.get(signature.Algorithm or "")
    if verify is None:
        raise uaerrors.BadIdentityTokenRejected
    try:
        given = chains.split(token.CertificateData or b"")
        data = challenge.server_certificate + challenge.nonce
        verify(given[0], data, signature.Signature or b"")
    except Exception as error:
        raise uaerrors.BadUserSignatureInvalid from error
    return tuple(given)
