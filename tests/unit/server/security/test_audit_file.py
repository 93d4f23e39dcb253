"""The chain of the audit file."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from opcua_ai.core.errors import ConfigError, DataError
from opcua_ai.server.security.audit_file import AuditFile, verify


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "log" / "audit.jsonl"
    file = AuditFile(path)
    file.append([{"text": f"record {i}"} for i in range(5)])
    file.close()
    return path


def lines(path: Path) -> list[bytes]:
    return path.read_bytes().splitlines(keepends=True)


def test_the_chain_goes_on_after_a_restart(path: Path) -> None:
    before = verify(path)
    file = AuditFile(path)
    file.append([{"text": "one more"}])
    file.close()
    after = verify(path, known=before.last)
    assert (before.records, after.records) == (5, 6)


def change(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b"record 2", b"record 9"))


def remove(path: Path) -> None:
    path.write_bytes(b"".join(lines(path)[:2] + lines(path)[3:]))


def swap(path: Path) -> None:
    a, b, c, d, e = lines(path)
    path.write_bytes(a + b + d + c + e)


def insert(path: Path) -> None:
    path.write_bytes(b"".join(lines(path)[:2]) + b'{"text": "x"}\n' + b"".join(lines(path)[2:]))


@pytest.mark.parametrize("tamper", [change, remove, swap, insert])
def test_tampering_is_found_and_located(path: Path, tamper: Callable[[Path], None]) -> None:
    tamper(path)
    with pytest.raises(DataError, match="line 3 is not"):
        verify(path)


def test_a_cut_end_is_found_when_its_hash_is_known(path: Path) -> None:
    last = verify(path).last
    path.write_bytes(b"".join(lines(path)[:4]))
    assert verify(path).records == 4
    with pytest.raises(DataError, match="the end was cut off"):
        verify(path, known=last)


def test_a_line_that_a_crash_left_half_is_cut_off(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b'{"text": "half')
    again = AuditFile(path)
    again.append([{"text": "whole"}])
    again.close()
    assert verify(path).records == 6
    assert json.loads(lines(path)[-1])["text"] == "whole"


def test_a_damaged_last_line_stops_the_start(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"nonsense\n")
    with pytest.raises(ConfigError, match=r"audit_file.*the last line is damaged"):
        AuditFile(path)


def test_a_full_disk_leaves_the_chain_whole(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = AuditFile(path)
    write = os.write

    def full(handle: int, content: bytes) -> int:
        write(handle, content[:10])
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        with pytest.raises(OSError, match="No space"):
            file.append([{"text": "lost"}])
    file.append([{"text": "kept"}])
    file.close()
    assert verify(path).records == 6
