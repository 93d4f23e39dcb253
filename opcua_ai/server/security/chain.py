"""Chains of certificates: from that of a client up to a root (Part 4, 6.1.3; Part 6, 6.2.6).

``cryptography.x509.verification`` follows the rules of the web: it wants names of hosts, knows no
revocation lists and does not tell which check failed. Part 4 has a StatusCode for each.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from typing import TypeVar

from asyncua import ua
from asyncua.crypto import uacrypto
from asyncua.ua.uaerrors import UaStatusCodeError
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.x509.oid import ExtensionOID

MOST_LINKS = 10
"""Certificates in a chain; longer ones are refused."""
_LEAST_BITS = 2048
_WEAK = (hashes.MD5, hashes.SHA1)
_UNDERSTOOD = {
    ExtensionOID.BASIC_CONSTRAINTS,
    ExtensionOID.KEY_USAGE,
    ExtensionOID.EXTENDED_KEY_USAGE,
    ExtensionOID.SUBJECT_ALTERNATIVE_NAME,
    ExtensionOID.CERTIFICATE_POLICIES,
}
"""A critical extension that is not understood makes a certificate invalid (RFC 5280, 4.2)."""
_TOLD = {
    "BadCertificateTimeInvalid",
    "BadCertificateIssuerTimeInvalid",
    "BadCertificateUseNotAllowed",
    "BadCertificateIssuerUseNotAllowed",
}

Chain = Sequence[x509.Certificate]
"""At least one; each is issued by the next."""
_Extension = TypeVar("_Extension", bound=x509.ExtensionType)


class RefusedError(UaStatusCodeError):
    """``reason`` is what the log says; a stranger learns no more than BadSecurityChecksFailed."""

    def __new__(cls, status: str, text: str) -> RefusedError:
        return Exception.__new__(cls)

    def __init__(self, status: str, text: str) -> None:
        told = status if status in _TOLD else "BadSecurityChecksFailed"
        super().__init__(getattr(ua.StatusCodes, told))
        self.reason = f"{status}: {text}"


def subject(certificate: x509.Certificate) -> str:
    """For a log or a terminal, whatever a stranger has written into it."""
    text = certificate.subject.rfc4514_string()
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def extension(certificate: x509.Certificate, kind: type[_Extension]) -> _Extension | None:
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def split(content: bytes) -> Chain:
    """The certificates that a client has put into one ByteString, its own first.

    Raises RefusedError when there is none, or too many.
    """
    found: list[x509.Certificate] = []
    try:
        while content or not found:
            certificate = uacrypto.x509_from_der(content)
            if certificate is None:
                raise ValueError("there is none")
            _ = certificate.extensions  # raises when they are malformed
            found.append(certificate)
            content = content[len(uacrypto.der_from_x509(certificate)) :]
            if len(found) > MOST_LINKS:
                raise ValueError(f"more than {MOST_LINKS} certificates")
    except Exception as error:  # asyncua and cryptography have many for what is malformed
        raise RefusedError("BadCertificateInvalid", str(error)) from error
    return found


def build(given: Chain, known: Iterable[x509.Certificate]) -> Chain:
    """From the first of ``given`` up to a root, or as far as the issuers are there."""
    now = datetime.now(UTC)
    issuers = sorted((*known, *given[1:]), key=lambda c: not _in_time(c, now))
    chain = [given[0]]
    while not is_root(chain[-1]) and len(chain) <= MOST_LINKS:
        above = (c for c in issuers if c not in chain and _issued(c, chain[-1]))
        issuer = next(above, None)
        if issuer is None:
            break
        chain.append(issuer)
    return chain


def is_root(certificate: x509.Certificate) -> bool:
    return certificate.issuer == certificate.subject and _issued(certificate, certificate)


def _issued(issuer: x509.Certificate, certificate: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def check_links(chain: Chain) -> None:
    """What has to hold before a chain can be trusted. Raises RefusedError."""
    last = chain[-1]
    if len(chain) > MOST_LINKS:
        raise RefusedError("BadCertificateChainIncomplete", f"longer than {MOST_LINKS}")
    if not is_root(last):
        issuer = last.issuer.rfc4514_string()
        raise RefusedError("BadCertificateChainIncomplete", f"nobody knows its issuer {issuer!a}")
    for certificate in chain:
        if any(e.critical and e.oid not in _UNDERSTOOD for e in certificate.extensions):
            raise RefusedError("BadCertificateInvalid", f"extensions of {subject(certificate)}")
    for certificate in chain[1:]:
        key, algorithm = certificate.public_key(), certificate.signature_hash_algorithm
        short = isinstance(key, RSAPublicKey) and key.key_size < _LEAST_BITS
        if short or (isinstance(algorithm, _WEAK) and not is_root(certificate)):
            raise RefusedError("BadCertificatePolicyCheckFailed", f"weak: {subject(certificate)}")


def check_time(certificate: x509.Certificate, of_issuer: bool = False) -> None:
    """Raises RefusedError."""
    if not _in_time(certificate, datetime.now(UTC)):
        raise RefusedError(
            "BadCertificateIssuerTimeInvalid" if of_issuer else "BadCertificateTimeInvalid",
            f"{subject(certificate)}: valid from {certificate.not_valid_before_utc:%F} "
            f"until {certificate.not_valid_after_utc:%F}",
        )


def _in_time(certificate: x509.Certificate, now: datetime) -> bool:
    return certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc


def check_issuers(chain: Chain) -> None:
    """Are all of them authorities, today? Raises RefusedError."""
    for below, certificate in enumerate(chain[1:]):
        check_time(certificate, of_issuer=True)
        constraints = extension(certificate, x509.BasicConstraints)
        usage = extension(certificate, x509.KeyUsage)
        authority = constraints is not None and constraints.ca
        longest = constraints.path_length if constraints is not None else None
        if (
            not authority
            or (longest is not None and below > longest)
            or (usage is not None and not usage.key_cert_sign)
        ):
            raise RefusedError("BadCertificateIssuerUseNotAllowed", subject(certificate))


def check_revocation(chain: Chain, lists: Sequence[x509.CertificateRevocationList | None]) -> None:
    """Raises RefusedError. ``lists``: None for each that cannot be read; nobody knows whom it
    revokes. An authority without a list has revoked nobody."""
    for at, (certificate, issuer) in enumerate(pairwise(chain)):
        who = "Issuer" if at else ""
        for revoked in lists:
            if revoked is None:
                raise RefusedError(
                    f"BadCertificate{who}RevocationUnknown", "a revocation list cannot be read"
                )
            if (
                revoked.issuer == issuer.subject
                and revoked.is_signature_valid(issuer.public_key())  # type: ignore[arg-type]
                and revoked.get_revoked_certificate_by_serial_number(certificate.serial_number)
            ):
                raise RefusedError(f"BadCertificate{who}Revoked", subject(certificate))
