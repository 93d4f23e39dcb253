"""Lengths that a message declares and does not keep (Part 6, 5.2).

asyncua's decoder is made of functions, so these three are replaced, not subclassed:

* a string of length -4 moves the read position back to its own length, so a list of two thousand
  million strings fits into eight bytes;
* an array of Nulls has any length and no content;
* ArrayDimensions that promise more than the array has are filled up with empty lists.

Each lets a few bytes take all memory: of a server, before any login, and of a client.
"""

from __future__ import annotations

from typing import Any

from asyncua import ua
from asyncua.common.utils import Buffer
from asyncua.ua import ua_binary, uaerrors

plain_read = Buffer.read
plain_unpack_array = ua_binary.unpack_uatype_array
plain_reshape = ua_binary._reshape  # noqa: SLF001


def mend() -> None:
    """Replace the three in this process; harmless when done again."""
    Buffer.read = _read  # type: ignore[method-assign]
    ua_binary.unpack_uatype_array = _unpack_array
    ua_binary._reshape = _reshape  # noqa: SLF001


def _read(buffer: Buffer, size: int) -> bytes:
    if size < 0:
        raise uaerrors.BadDecodingError
    return plain_read(buffer, size)


def _unpack_array(kind: ua.VariantType, data: Any) -> list[Any] | None:
    if kind != ua.VariantType.Null:
        return plain_unpack_array(kind, data)
    if ua_binary.Primitives.Int32.unpack(data) > 0:
        raise uaerrors.BadDecodingError
    return []


def _reshape(flat: list[Any], dimensions: list[int] | None) -> list[Any]:
    """Inconsistent dimensions are an error (Part 6, 5.2.2.16)."""
    size = 1
    for length in dimensions or ():
        size *= max(length, 0)
    if not dimensions or size != len(flat):
        raise uaerrors.BadDecodingError
    return plain_reshape(flat, dimensions) if size else flat
