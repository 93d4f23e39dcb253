"""Authorities that issue certificates and revocation lists."""

from __future__ import annotations

import datetime
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

DAY = datetime.timedelta(days=1)
NOW = datetime.datetime.now(datetime.UTC)
PAST, FUTURE = (NOW - 3 * DAY, NOW - DAY), (NOW + DAY, NOW + 3 * DAY)
_USES = (
    "digital_signature", "content_commitment", "key_encipherment", "data_encipherment",
    "key_agreement", "key_cert_sign", "crl_sign", "encipher_only", "decipher_only",
)  # fmt: skip


Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


@cache
def key_of(name: str, client: bool = False) -> Key:
    """Made once for each name: RSA takes a while, and only clients need it."""
    if client:
        return rsa.generate_private_key(65537, 2048)
    return ec.generate_private_key(ec.SECP256R1())


def named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def der(*certificates: x509.Certificate) -> bytes:
    return b"".join(c.public_bytes(Encoding.DER) for c in certificates)


class Holder:
    """A certificate with its key: of an authority, or of anybody."""

    def __init__(
        self,
        name: str,
        issuer: Holder | None = None,
        *,
        ca: bool = True,
        path_length: int | None = None,
        uses: tuple[str, ...] = ("key_cert_sign", "crl_sign"),
        valid: tuple[datetime.datetime, datetime.datetime] = (NOW - DAY, NOW + DAY),
        more: x509.ExtensionType | None = None,
        key: Key | None = None,
    ) -> None:
        self.name, self.key = name, key or key_of(name, not ca)
        usage = x509.KeyUsage(**dict.fromkeys(_USES, False) | dict.fromkeys(uses, True))
        builder = (
            x509.CertificateBuilder()
            .subject_name(named(name))
            .issuer_name(named(issuer.name if issuer else name))
            .public_key(self.key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(valid[0])
            .not_valid_after(valid[1])
            .add_extension(x509.BasicConstraints(ca, path_length), critical=True)
            .add_extension(usage, critical=True)
        )
        if more is not None:
            builder = builder.add_extension(more, critical=True)
        signer = issuer.key if issuer else self.key
        self.certificate = builder.sign(signer, hashes.SHA256())

    def issue(self, name: str = "client", **options: Any) -> x509.Certificate:
        """A certificate that may sign, and issue nothing."""
        options = {"ca": False, "uses": ("digital_signature",)} | options
        return Holder(name, self, **options).certificate

    def revocation_list(self, *revoked: x509.Certificate) -> bytes:
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(named(self.name))
            .last_update(NOW)
            .next_update(NOW + DAY)
        )
        for certificate in revoked:
            entry = x509.RevokedCertificateBuilder(certificate.serial_number, NOW)
            builder = builder.add_revoked_certificate(entry.build())
        return builder.sign(self.key, hashes.SHA256()).public_bytes(Encoding.DER)
