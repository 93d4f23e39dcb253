"""The server's own certificate: made on first start, replaced by ``opcua-ai certs renew`` only
(Part 6, 6.2.2)."""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from asyncua.crypto.cert_gen import (
    dump_private_key_as_pem,
    generate_private_key,
    generate_self_signed_app_certificate,
)
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from opcua_ai.core.errors import ConfigError

VALID_DAYS = 3650
_SOON = timedelta(days=30)


def ensure(certificate: Path, private_key: Path, application_uri: str, host: str) -> bool:
    """Make a self-signed certificate and its key when both files are missing; True if it did.

    Blocking (RSA key generation): call it in a thread. Raises ConfigError when only one of the two
    files is there or the folder cannot be written.
    """
    have = certificate.is_file(), private_key.is_file()
    if all(have):
        return False
    if any(have):
        missing = private_key if have[0] else certificate
        raise ConfigError(
            f"server: {missing} is missing but its partner is there: "
            "restore it, or delete the partner to have both made anew"
        )
    key = generate_private_key()
    made = generate_self_signed_app_certificate(
        key,
        "opcua-ai",
        {"organizationName": "opcua-ai"},
        [x509.UniformResourceIdentifier(application_uri), *_names(host)],
        [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH],
        VALID_DAYS,
    )
    try:
        _write(private_key, dump_private_key_as_pem(key), 0o600)
        _write(certificate, made.public_bytes(Encoding.DER), 0o644)
    except OSError as error:
        # half of a pair would be an error at the next start
        with suppress(OSError):
            private_key.unlink(missing_ok=True)
            certificate.unlink(missing_ok=True)
        where = error.filename or private_key.parent  # a full disk names no file
        raise ConfigError(
            f"server: cannot write {where}: {error.strerror}; "
            "set server.certificate and server.private_key to a folder that can be written"
        ) from error
    return True


def renew(certificate: Path, private_key: Path, application_uri: str, host: str) -> list[Path]:
    """Make a new pair; the old files get the date in their names, and are returned. Blocking.

    Raises ConfigError; then the old pair is in its place.
    """
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    kept: list[tuple[Path, Path]] = []
    try:
        for path in (certificate, private_key):
            if path.is_file():
                old = path.with_name(f"{path.stem}-{stamp}{path.suffix}")
                path.rename(old)
                kept.append((old, path))
        ensure(certificate, private_key, application_uri, host)
    except (OSError, ConfigError) as error:
        for old, path in kept:
            old.rename(path)
        if isinstance(error, ConfigError):
            raise
        raise ConfigError(f"server: cannot rename {error.filename}: {error.strerror}") from error
    return [old for old, _ in kept]


def warning(certificate: x509.Certificate, path: Path) -> str:
    """What is to be said of how long it is valid; empty when nothing."""
    end = certificate.not_valid_after_utc
    left = end - datetime.now(UTC)
    if left > _SOON:
        return ""
    verb = "expires" if left > timedelta() else "expired"
    return f"The server certificate {path.name} {verb} on {end:%F}: opcua-ai certs renew."


def _names(host: str) -> list[x509.GeneralName]:
    """The names under which clients reach this machine."""
    dns = {socket.gethostname(), "localhost"}
    addresses = {"127.0.0.1"}
    try:
        if not ip_address(host).is_unspecified:
            addresses.add(host)
    except ValueError:
        dns.add(host)
    names: list[x509.GeneralName] = [x509.DNSName(name) for name in sorted(dns)]
    return names + [x509.IPAddress(ip_address(address)) for address in sorted(addresses)]


def _write(path: Path, content: bytes, mode: int) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
