"""Which client certificates are accepted (Part 4, 6.1.3; the folders as in Part 12, 7.8).

``trusted`` holds certificates that are accepted as they are, ``ca`` those of authorities whose
certificates are accepted, with their revocation lists (``*.crl``), ``rejected`` the ones that were
refused, until somebody trusts them. Files are DER or PEM.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from asyncua import ua
from asyncua.ua.uaerrors import UaStatusCodeError
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding

from opcua_ai.core.errors import ConfigError

MOST_REJECTED = 100
"""Files; the oldest goes first."""
_KEY_BITS = range(2048, 4097)
"""Of all three security policies (Part 7)."""
_WEAK = (hashes.MD5, hashes.SHA1)


def thumbprint(certificate: x509.Certificate) -> str:
    """SHA-256 of the DER form in hexadecimal."""
    return certificate.fingerprint(hashes.SHA256()).hex()


def parse(content: bytes) -> x509.Certificate:
    """A certificate from DER or PEM. Raises ValueError."""
    if content.lstrip().startswith(b"-----BEGIN"):
        return x509.load_pem_x509_certificate(content)
    return x509.load_der_x509_certificate(content)


def application_uris(certificate: x509.Certificate) -> list[str]:
    """Empty when the certificate names none."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return []
    return names.value.get_values_for_type(x509.UniformResourceIdentifier)


class RefusedError(UaStatusCodeError):
    """``reason`` is what the log says; the client learns less (Part 4, 6.1.3)."""

    def __new__(cls, status: int, reason: str) -> RefusedError:
        return Exception.__new__(cls)

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(status)
        self.reason = reason


@dataclass(frozen=True)
class Entry:
    """One file of the trust list."""

    path: Path
    certificate: x509.Certificate

    @property
    def state(self) -> str:
        """``trusted``, ``rejected`` or ``ca``."""
        return self.path.parent.name


class TrustList:
    """The folder. Every method blocks on the disk: call them in a thread."""

    def __init__(self, folder: Path, trust_all: bool = False) -> None:
        self.folder = folder
        self._trust_all = trust_all

    def entries(self, state: str) -> Iterator[Entry]:
        """The certificates of one folder; files that are none are passed over."""
        for path in sorted(self.folder.joinpath(state).glob("*")):
            if path.suffix != ".crl" and path.is_file():
                with contextlib.suppress(OSError, ValueError):
                    yield Entry(path, parse(path.read_bytes()))

    def check(self, der: bytes) -> x509.Certificate:
        """The certificate behind the bytes of a client, when it is accepted. Raises RefusedError.

        A stranger is not told why: any reason but the time is BadSecurityChecksFailed.
        """
        failed = ua.StatusCodes.BadSecurityChecksFailed
        try:
            certificate = x509.load_der_x509_certificate(der)
            key = certificate.public_key()
            hash_name = certificate.signature_hash_algorithm
        except Exception as error:
            raise RefusedError(failed, f"BadCertificateInvalid: {error}") from error
        if not isinstance(key, RSAPublicKey) or key.key_size not in _KEY_BITS:
            raise RefusedError(
                failed, "BadCertificatePolicyCheckFailed: not RSA of 2048 to 4096 bits"
            )
        if hash_name is None or isinstance(hash_name, _WEAK):
            raise RefusedError(failed, "BadCertificatePolicyCheckFailed: weak signature")
        if not self._trust_all and not self._is_trusted(certificate):
            self._keep_rejected(certificate)
            raise RefusedError(
                failed,
                f"BadCertificateUntrusted: {certificate.subject.rfc4514_string()}; to let it in: "
                f"opcua-ai certs trust CONFIG {thumbprint(certificate)[:16]}",
            )
        now = datetime.now(UTC)
        if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
            raise RefusedError(
                ua.StatusCodes.BadCertificateTimeInvalid,
                f"BadCertificateTimeInvalid: valid until {certificate.not_valid_after_utc:%F}",
            )
        if not _may_sign(certificate):
            raise RefusedError(
                ua.StatusCodes.BadCertificateUseNotAllowed, "BadCertificateUseNotAllowed: KeyUsage"
            )
        return certificate

    def _is_trusted(self, certificate: x509.Certificate) -> bool:
        if any(entry.certificate == certificate for entry in self.entries("trusted")):
            return True
        return any(
            _issued(entry.certificate, certificate) and not self._revoked(entry, certificate)
            for entry in self.entries("ca")
        )

    def _revoked(self, authority: Entry, certificate: x509.Certificate) -> bool:
        """By any list that the authority signed. A list that cannot be read revokes everything."""
        for path in sorted(authority.path.parent.glob("*.crl")):
            try:
                content = path.read_bytes()
                pem = content.lstrip().startswith(b"-----BEGIN")
                load = x509.load_pem_x509_crl if pem else x509.load_der_x509_crl
                revoked = load(content)
            except (OSError, ValueError):
                return True
            if (
                revoked.issuer == authority.certificate.subject
                and revoked.is_signature_valid(authority.certificate.public_key())  # type: ignore[arg-type]
                and revoked.get_revoked_certificate_by_serial_number(certificate.serial_number)
            ):
                return True
        return False

    def _keep_rejected(self, certificate: x509.Certificate) -> None:
        """Nothing depends on it: a full disk does not matter."""
        folder = self.folder / "rejected"
        with contextlib.suppress(OSError):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            path = folder / f"{thumbprint(certificate)}.der"
            if path.exists():
                return
            kept = sorted(folder.glob("*"), key=lambda file: file.stat().st_mtime)
            for oldest in kept[: max(0, len(kept) - MOST_REJECTED + 1)]:
                oldest.unlink(missing_ok=True)
            path.write_bytes(certificate.public_bytes(Encoding.DER))

    def move(self, beginning: str, state: str) -> Entry:
        """Put the certificate whose thumbprint begins so into ``trusted`` or ``rejected``."""
        found = [
            entry
            for folder in ("trusted", "rejected")
            for entry in self.entries(folder)
            if thumbprint(entry.certificate).startswith(beginning.lower())
        ]
        if len({thumbprint(entry.certificate) for entry in found}) != 1:
            what = "no certificate" if not found else "several certificates"
            raise ConfigError(
                f"{self.folder}: {what} with a thumbprint {beginning}...; see 'opcua-ai certs list'"
            )
        made = self.add(found[0].certificate, state)
        for entry in found:
            if entry.path != made.path:
                entry.path.unlink(missing_ok=True)
        return made

    def add(self, certificate: x509.Certificate, state: str) -> Entry:
        """Write a certificate into a folder. Raises ConfigError."""
        path = self.folder / state / f"{thumbprint(certificate)}.der"
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            part = path.with_suffix(".part")
            part.write_bytes(certificate.public_bytes(Encoding.DER))
            os.replace(part, path)
        except OSError as error:
            raise ConfigError(f"{path}: cannot write: {error.strerror}") from error
        return Entry(path, certificate)


def _issued(authority: x509.Certificate, certificate: x509.Certificate) -> bool:
    now = datetime.now(UTC)
    try:
        constraints = authority.extensions.get_extension_for_class(x509.BasicConstraints)
        certificate.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound):
        return False
    alive = authority.not_valid_before_utc <= now <= authority.not_valid_after_utc
    return constraints.value.ca and alive


def _may_sign(certificate: x509.Certificate) -> bool:
    try:
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage)
    except x509.ExtensionNotFound:
        return True
    return usage.value.digital_signature
