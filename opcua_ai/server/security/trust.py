"""Which client certificates are accepted (Part 4, 6.1.3; the folders as in Part 12, 7.8).

``trusted`` holds certificates that are accepted as they are, ``ca`` those of authorities whose
certificates are accepted, ``issuers`` those of authorities that only complete a chain,
``rejected`` the ones that were refused, until somebody trusts them. Revocation lists (``*.crl``)
stand beside the authorities. Files are DER or PEM.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding

from opcua_ai.core.errors import ConfigError
from opcua_ai.server.security import chain as chains
from opcua_ai.server.security.chain import Chain, RefusedError

MOST_REJECTED = 100
"""Files; the oldest goes first."""
_KEY_BITS = range(2048, 4097)
"""Of all three security policies (Part 7)."""
_WEAK = (hashes.MD5, hashes.SHA1)
_AUTHORITIES = "ca", "issuers"


def thumbprint(certificate: x509.Certificate) -> str:
    """SHA-256 of the DER form in hexadecimal."""
    return certificate.fingerprint(hashes.SHA256()).hex()


def parse(content: bytes) -> x509.Certificate:
    """A certificate from DER or PEM. Raises ValueError."""
    if _is_pem(content):
        return x509.load_pem_x509_certificate(content)
    return x509.load_der_x509_certificate(content)


def _is_pem(content: bytes) -> bool:
    return content.lstrip().startswith(b"-----BEGIN")


def application_uris(certificate: x509.Certificate) -> list[str]:
    """Empty when the certificate names none."""
    names = chains.extension(certificate, x509.SubjectAlternativeName)
    return names.get_values_for_type(x509.UniformResourceIdentifier) if names is not None else []


@dataclass(frozen=True)
class Entry:
    """One file of the trust list."""

    path: Path
    certificate: x509.Certificate

    @property
    def state(self) -> str:
        """``trusted``, ``ca``, ``issuers`` or ``rejected``."""
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

    def check(self, content: bytes) -> x509.Certificate:
        """The certificate of a client, which may be the first of a chain, when it is accepted.

        Raises RefusedError. A stranger is not told why: what follows trust is told.
        """
        given = chains.split(content)
        client = given[0]
        _check_policy(client)
        chain = self._chain(given)
        vouched = not self._trust_all and not self._is_trusted(client)
        if vouched:
            self._check_vouched(chain)
        chains.check_time(client)
        if not _may_sign(client):
            raise RefusedError("BadCertificateUseNotAllowed", "KeyUsage")
        if vouched:
            chains.check_issuers(chain)
        self._check_revocation(chain)
        return client

    def accepts(self, certificate: x509.Certificate) -> bool:
        """Would a client with this certificate be let in?"""
        try:
            self.check(certificate.public_bytes(Encoding.DER))
        except RefusedError:
            return False
        return True

    def check_user(self, given: Chain) -> None:
        """The certificate of a user, whose thumbprint makes it known (Part 4, 7.40.5): is it in
        time, and not revoked? Raises RefusedError."""
        chain = self._chain(given)
        chains.check_time(chain[0])
        self._check_revocation(chain)

    def _chain(self, given: Chain) -> Chain:
        known = (e.certificate for folder in _AUTHORITIES for e in self.entries(folder))
        return chains.build(given, known)

    def _is_trusted(self, certificate: x509.Certificate) -> bool:
        return any(entry.certificate == certificate for entry in self.entries("trusted"))

    def _check_vouched(self, chain: Chain) -> None:
        """Is an authority in the chain trusted? Raises RefusedError."""
        client, trusted = chain[0], [entry.certificate for entry in self.entries("ca")]
        try:
            if not any(certificate in trusted for certificate in chain[1:]):
                raise RefusedError(
                    "BadCertificateUntrusted",
                    f"{chains.subject(client)}; to let it in: "
                    f"opcua-ai certs trust CONFIG {thumbprint(client)[:16]}",
                )
            chains.check_links(chain)
        except RefusedError:
            self._keep_rejected(client)
            raise

    def _check_revocation(self, chain: Chain) -> None:
        chains.check_revocation(chain, self._lists() if len(chain) > 1 else ())

    def _lists(self) -> list[x509.CertificateRevocationList | None]:
        """Of all authorities; None for each that cannot be read."""
        paths = [p for folder in _AUTHORITIES for p in self.folder.joinpath(folder).glob("*.crl")]
        return [_revocation_list(path) for path in sorted(paths)]

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


def _revocation_list(path: Path) -> x509.CertificateRevocationList | None:
    try:
        content = path.read_bytes()
        load = x509.load_pem_x509_crl if _is_pem(content) else x509.load_der_x509_crl
        return load(content)
    except (OSError, ValueError):
        return None


def _check_policy(certificate: x509.Certificate) -> None:
    """What all three security policies ask for (Part 7). Raises RefusedError."""
    try:
        key, algorithm = certificate.public_key(), certificate.signature_hash_algorithm
    except Exception as error:  # an algorithm that cryptography does not know
        raise RefusedError("BadCertificateInvalid", str(error)) from error
    if not isinstance(key, RSAPublicKey) or key.key_size not in _KEY_BITS:
        raise RefusedError("BadCertificatePolicyCheckFailed", "not RSA of 2048 to 4096 bits")
    if algorithm is None or isinstance(algorithm, _WEAK):
        raise RefusedError("BadCertificatePolicyCheckFailed", "weak signature")


def _may_sign(certificate: x509.Certificate) -> bool:
    usage = chains.extension(certificate, x509.KeyUsage)
    return usage is None or usage.digital_signature
