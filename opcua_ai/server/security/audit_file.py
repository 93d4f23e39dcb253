"""The audit file: one JSON object a line, each with the hash of the one before it.

``hash`` is the SHA-256 of the line without it (keys sorted, no spaces). A line that is changed,
taken out or put in breaks the chain, which ``opcua-ai audit verify`` finds. Lines cut off at the
end are found when the last hash is known from elsewhere.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from opcua_ai.core.errors import ConfigError, DataError

START = "0" * 64
"""What the first line has as its predecessor."""


def digest(record: Mapping[str, Any]) -> str:
    plain = {key: value for key, value in record.items() if key != "hash"}
    text = json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


class AuditFile:
    """Appends records. Every method blocks on the disk: call them in a thread."""

    def __init__(self, path: Path) -> None:
        """Go on after the last whole line; what a crash left of one is cut off. Raises
        ConfigError when the file cannot be used."""
        self._path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        except OSError as error:
            raise ConfigError(f"server.audit_file = {path}: {error.strerror}") from error
        try:
            self._number, self._last = self._resume()
        except BaseException:
            os.close(self._handle)
            raise

    def _resume(self) -> tuple[int, str]:
        size = os.fstat(self._handle).st_size
        tail = os.pread(self._handle, 2**16, max(0, size - 2**16))
        whole, _, torn = tail.rpartition(b"\n")
        if torn:
            os.ftruncate(self._handle, size - len(torn))
        if not whole:
            return 0, START
        try:
            record = json.loads(whole.rpartition(b"\n")[2])
            return int(record["n"]), str(record["hash"])
        except (ValueError, KeyError, TypeError) as error:
            raise ConfigError(
                f"server.audit_file = {self._path}: the last line is damaged; keep the file for "
                "'opcua-ai audit verify' and move it away"
            ) from error

    def append(self, records: Iterable[Mapping[str, Any]]) -> None:
        """Write the records and wait until they are on the disk. Raises OSError; then none of
        them is in the file."""
        number, last = self._number, self._last
        lines: list[bytes] = []
        for record in records:
            number += 1
            line = {**record, "n": number, "previous": last}
            line["hash"] = last = digest(line)
            lines.append(json.dumps(line, ensure_ascii=True).encode("ascii") + b"\n")
        content = b"".join(lines)
        size = os.fstat(self._handle).st_size
        try:
            written = os.write(self._handle, content)
            if written != len(content):
                raise OSError(28, "No space left on device")
            os.fsync(self._handle)
        except OSError:
            os.ftruncate(self._handle, size)
            raise
        self._number, self._last = number, last

    def close(self) -> None:
        os.close(self._handle)


@dataclass(frozen=True)
class Verified:
    records: int
    last: str


def verify(path: Path, known: str | None = None) -> Verified:
    """Check the whole chain. ``known``: a hash that must be in it. Raises DataError, naming the
    first line that is wrong."""
    last, number, seen = START, 0, known is None
    try:
        with path.open("rb") as file:
            for number, raw in enumerate(file, 1):
                last = _checked(path, number, raw, last)
                seen = seen or last == known
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}") from error
    if not seen:
        raise DataError(f"{path}: no line has the hash {known}: the end was cut off or rewritten")
    return Verified(number, last)


def _checked(path: Path, number: int, raw: bytes, last: str) -> str:
    try:
        record = json.loads(raw)
        found = record["hash"], record["previous"], record["n"]
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path}: line {number} is not a record of the audit file") from error
    if found != (digest(record), last, number):
        raise DataError(
            f"{path}: line {number} is not what was written, or lines before it are missing"
        )
    return found[0]
