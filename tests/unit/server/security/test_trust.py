"""Which client certificates are accepted, and what is said of the others."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from pathlib import Path

import pytest
from asyncua import ua
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from opcua_ai.core.errors import ConfigError
from opcua_ai.server.security.certificate import warning
from opcua_ai.server.security.trust import MOST_REJECTED, RefusedError, TrustList, thumbprint

DAY = datetime.timedelta(days=1)
NOW = datetime.datetime.now(datetime.UTC)
KEY = rsa.generate_private_key(65537, 2048)
AUTHORITY = rsa.generate_private_key(65537, 2048)

Make = Callable[..., x509.Certificate]


def name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def make(
    subject: str = "client",
    issuer: str | None = None,
    ca: bool = False,
    start: datetime.datetime = NOW - DAY,
    end: datetime.datetime = NOW + DAY,
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey = KEY,
    signs: bool = True,
) -> x509.Certificate:
    own = AUTHORITY if ca else key
    builder = (
        x509.CertificateBuilder()
        .subject_name(name(subject))
        .issuer_name(name(issuer or subject))
        .public_key(own.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
    )
    if not signs:
        flags = ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
                 "key_cert_sign", "crl_sign", "encipher_only", "decipher_only")  # fmt: skip
        usage = dict.fromkeys(flags, False) | {"key_encipherment": True}
        builder = builder.add_extension(
            x509.KeyUsage(digital_signature=False, **usage), critical=True
        )
    return builder.sign(AUTHORITY if issuer or ca else own, hashes.SHA256())


def der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.DER)


def status(trust: TrustList, content: bytes) -> int:
    try:
        trust.check(content)
    except RefusedError as error:
        return error.code
    return 0


@pytest.fixture
def trust(tmp_path: Path) -> TrustList:
    return TrustList(tmp_path / "pki")


def test_a_stranger_is_refused_kept_and_let_in(trust: TrustList) -> None:
    client = make()
    with pytest.raises(RefusedError) as refused:
        trust.check(der(client))
    assert refused.value.code == ua.StatusCodes.BadSecurityChecksFailed
    assert "BadCertificateUntrusted" in refused.value.reason
    assert thumbprint(client)[:16] in refused.value.reason
    assert [entry.certificate for entry in trust.entries("rejected")] == [client]

    trust.move(thumbprint(client)[:8], "trusted")
    assert trust.check(der(client)) == client
    assert not list(trust.entries("rejected"))

    trust.move(thumbprint(client)[:8], "rejected")
    assert status(trust, der(client)) == ua.StatusCodes.BadSecurityChecksFailed


def test_pem_files_are_read(trust: TrustList) -> None:
    client = make()
    folder = trust.folder / "trusted"
    folder.mkdir(parents=True)
    (folder / "client.pem").write_bytes(client.public_bytes(Encoding.PEM))
    (folder / "notes.txt").write_text("not a certificate")
    assert trust.check(der(client)) == client


@pytest.mark.parametrize(
    ("start", "end"), [(NOW - 3 * DAY, NOW - DAY), (NOW + DAY, NOW + 3 * DAY)], ids=["old", "early"]
)
def test_an_expired_certificate_is_refused_though_trusted(
    trust: TrustList, start: datetime.datetime, end: datetime.datetime
) -> None:
    client = make(start=start, end=end)
    # whether a stranger's certificate has expired is nobody's business
    assert status(trust, der(client)) == ua.StatusCodes.BadSecurityChecksFailed
    trust.add(client, "trusted")
    assert status(trust, der(client)) == ua.StatusCodes.BadCertificateTimeInvalid
    assert status(TrustList(trust.folder, trust_all=True), der(client)) == (
        ua.StatusCodes.BadCertificateTimeInvalid
    )


def test_a_certificate_that_may_not_sign(trust: TrustList) -> None:
    client = make(signs=False)
    trust.add(client, "trusted")
    assert status(trust, der(client)) == ua.StatusCodes.BadCertificateUseNotAllowed


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"nonsense",
        der(make(key=rsa.generate_private_key(65537, 1024))),
        der(make(key=ec.generate_private_key(ec.SECP256R1()))),
    ],
    ids=["none", "nonsense", "short key", "no RSA"],
)
def test_what_no_policy_allows_is_refused_from_all(tmp_path: Path, content: bytes) -> None:
    everybody = TrustList(tmp_path / "pki", trust_all=True)
    assert status(everybody, content) == ua.StatusCodes.BadSecurityChecksFailed
    assert status(everybody, der(make())) == 0


def test_an_authority_vouches_until_it_revokes(trust: TrustList) -> None:
    authority, client = make("authority", ca=True), make(issuer="authority")
    trust.add(authority, "trusted")  # trusted itself, but it does not vouch
    assert status(trust, der(client)) == ua.StatusCodes.BadSecurityChecksFailed
    trust.add(authority, "ca")
    assert status(trust, der(client)) == 0
    assert status(trust, der(make("fake"))) == ua.StatusCodes.BadSecurityChecksFailed

    revoked = (
        x509.RevokedCertificateBuilder()
        .serial_number(client.serial_number)
        .revocation_date(NOW)
        .build()
    )
    crl = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(name("authority"))
        .last_update(NOW)
        .next_update(NOW + DAY)
        .add_revoked_certificate(revoked)
        .sign(AUTHORITY, hashes.SHA256())
    )
    path = trust.folder / "ca" / "authority.crl"
    path.write_bytes(crl.public_bytes(Encoding.DER))
    assert status(trust, der(client)) == ua.StatusCodes.BadSecurityChecksFailed
    assert status(trust, der(make(issuer="authority"))) == 0
    path.write_text("damaged")  # nobody knows any more whom it revoked
    assert status(trust, der(make(issuer="authority"))) == ua.StatusCodes.BadSecurityChecksFailed


def test_an_expired_authority_does_not_vouch(trust: TrustList) -> None:
    trust.add(make("authority", ca=True, start=NOW - 3 * DAY, end=NOW - DAY), "ca")
    expected = ua.StatusCodes.BadCertificateIssuerTimeInvalid
    assert status(trust, der(make(issuer="authority"))) == expected


def test_the_rejected_folder_is_bounded(trust: TrustList) -> None:
    folder = trust.folder / "rejected"
    folder.mkdir(parents=True)
    for number in range(MOST_REJECTED + 20):
        (folder / f"{number}.der").write_bytes(b"x")
    client = make()
    status(trust, der(client))
    assert len(list(folder.iterdir())) == MOST_REJECTED
    assert (folder / f"{thumbprint(client)}.der").exists()


def test_an_unknown_thumbprint_is_a_mistake(trust: TrustList) -> None:
    with pytest.raises(ConfigError, match="no certificate with a thumbprint abc"):
        trust.move("abc", "trusted")


def test_the_server_tells_of_its_own_certificate(tmp_path: Path) -> None:
    path = tmp_path / "own.der"
    assert warning(make(end=NOW + 40 * DAY), path) == ""
    assert "own.der expires on" in warning(make(end=NOW + 5 * DAY), path)
    assert "own.der expired on" in warning(make(start=NOW - 3 * DAY, end=NOW - DAY), path)
