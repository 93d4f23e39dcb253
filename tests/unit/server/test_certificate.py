"""The server's own certificate (Part 6, 6.2.2)."""

from __future__ import annotations

import errno
import stat
from pathlib import Path

import pytest
from cryptography import x509

from opcua_ai.core.errors import ConfigError
from opcua_ai.server.security import certificate as module
from opcua_ai.server.security.certificate import ensure

URI = "urn:test:application"


def test_made_once_and_kept(tmp_path: Path) -> None:
    certificate, key = tmp_path / "pki/own/a.der", tmp_path / "pki/own/a.pem"
    assert ensure(certificate, key, URI, "plc.example")
    made = certificate.read_bytes()
    assert not ensure(certificate, key, URI, "plc.example")
    assert certificate.read_bytes() == made

    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    names = x509.load_der_x509_certificate(made).extensions.get_extension_for_class(
        x509.SubjectAlternativeName
    )
    assert names.value.get_values_for_type(x509.UniformResourceIdentifier) == [URI]
    assert "plc.example" in names.value.get_values_for_type(x509.DNSName)


@pytest.mark.parametrize("present", ["a.der", "a.pem"])
def test_half_a_pair_is_a_mistake(tmp_path: Path, present: str) -> None:
    (tmp_path / present).write_text("x")
    with pytest.raises(ConfigError, match="is missing but its partner is there"):
        ensure(tmp_path / "a.der", tmp_path / "a.pem", URI, "")


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "pki").write_text("a file, not a folder")
    with pytest.raises(ConfigError, match="cannot write"):
        ensure(tmp_path / "pki/a.der", tmp_path / "pki/a.pem", URI, "")


def test_a_full_disk_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, _content: bytes, _mode: int) -> None:
        path.touch()
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(module, "_write", full)
    with pytest.raises(ConfigError, match=f"cannot write {tmp_path}: No space left"):
        ensure(tmp_path / "a.der", tmp_path / "a.pem", URI, "")
    assert not list(tmp_path.iterdir())
