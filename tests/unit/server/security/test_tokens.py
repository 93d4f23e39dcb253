"""What a client proves itself with."""

from __future__ import annotations

from pathlib import Path

import pytest
from asyncua import ua
from asyncua.crypto import uacrypto
from asyncua.ua.uaerrors import UaStatusCodeError
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from opcua_ai.server.security.certificate import ensure
from opcua_ai.server.security.tokens import ANONYMOUS, Challenge, credentials
from opcua_ai.server.security.trust import thumbprint

OAEP = "http://www.w3.org/2001/04/xmlenc#rsa-oaep"
SHA256 = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
NONCE = bytes(32)


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[x509.Certificate, object]:
    folder: Path = tmp_path_factory.mktemp("pki")
    ensure(folder / "a.der", folder / "a.pem", "urn:a", "")
    key = load_pem_private_key((folder / "a.pem").read_bytes(), None)
    return x509.load_der_x509_certificate((folder / "a.der").read_bytes()), key


def challenge(pair, encrypted: bool = True) -> Challenge:
    return Challenge(NONCE, b"server", pair[1], encrypted)


def shown(token, pair, signature=None, encrypted: bool = True):
    return credentials(token, signature or ua.SignatureData(), challenge(pair, encrypted))


def refused(token, pair, signature=None, encrypted: bool = True) -> str:
    with pytest.raises(UaStatusCodeError) as error:
        shown(token, pair, signature, encrypted)
    return type(error.value).__name__


def secret(pair, password: bytes, nonce: bytes = NONCE, encrypt=uacrypto.encrypt_rsa_oaep) -> bytes:
    plain = (len(password) + len(nonce)).to_bytes(4, "little") + password + nonce
    return encrypt(pair[0].public_key(), plain)


def user(password: bytes, algorithm: str = "") -> ua.UserNameIdentityToken:
    return ua.UserNameIdentityToken("", "op", password, algorithm)


def test_anonymous(pair) -> None:
    assert shown(None, pair) == ANONYMOUS
    assert shown(ua.AnonymousIdentityToken(), pair) == ANONYMOUS
    assert refused(ua.IssuedIdentityToken(), pair) == "BadIdentityTokenRejected"


def test_a_clear_password_needs_an_encrypted_channel(pair) -> None:
    assert shown(user(b"right"), pair).password == "right"
    assert refused(user(b"right"), pair, encrypted=False) == "BadIdentityTokenRejected"
    assert refused(user(b"\xff"), pair) == "BadIdentityTokenInvalid"


def test_an_encrypted_password_belongs_to_the_session(pair) -> None:
    right = user(secret(pair, b"right"), OAEP)
    assert shown(right, pair, encrypted=False).password == "right"
    replayed = user(secret(pair, b"right", nonce=b"\1" * 32), OAEP)
    assert refused(replayed, pair) == "BadIdentityTokenInvalid"
    assert refused(user(b"nonsense", OAEP), pair) == "BadIdentityTokenInvalid"


def test_the_old_encryption_is_refused(pair) -> None:
    old = "http://www.w3.org/2001/04/xmlenc#rsa-1_5"
    token = user(secret(pair, b"right", encrypt=uacrypto.encrypt_rsa15), old)
    assert refused(token, pair) == "BadIdentityTokenRejected"


def test_a_certificate_proves_its_key(pair) -> None:
    certificate, key = pair
    token = ua.X509IdentityToken("", uacrypto.der_from_x509(certificate))
    right = ua.SignatureData(SHA256, uacrypto.sign_sha256(key, b"server" + NONCE))
    assert shown(token, pair, right).thumbprint == thumbprint(certificate)
    wrong = ua.SignatureData(SHA256, uacrypto.sign_sha256(key, b"server" + b"\1" * 32))
    assert refused(token, pair, wrong) == "BadUserSignatureInvalid"
    sha1 = "http://www.w3.org/2000/09/xmldsig#rsa-sha1"
    weak = ua.SignatureData(sha1, uacrypto.sign_sha1(key, b"server" + NONCE))
    assert refused(token, pair, weak) == "BadIdentityTokenRejected"
