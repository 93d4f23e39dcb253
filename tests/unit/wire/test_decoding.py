"""Lengths that a message declares and does not keep."""

from __future__ import annotations

import struct

import pytest
from asyncua import ua
from asyncua.common.utils import Buffer
from asyncua.ua import ua_binary
from asyncua.ua.ua_binary import struct_from_binary, variant_from_binary
from asyncua.ua.uaerrors import BadDecodingError

from opcua_ai.wire import decoding

# FindServers: an empty URL, and 1000 locale ids, the first of which leads back to itself.
ENDLESS_STRINGS = struct.pack("<iii", -1, 1000, -4)
NULLS = bytes([0x80]) + struct.pack("<i", 100_000)
# An empty array of Int32 with 900 x 900 elements.
MATRIX = bytes([0xC6]) + struct.pack("<iiii", 0, 2, 900, 900)


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    decoding.mend()
    monkeypatch.setattr(Buffer, "read", decoding.plain_read)
    monkeypatch.setattr(ua_binary, "unpack_uatype_array", decoding.plain_unpack_array)
    monkeypatch.setattr(ua_binary, "_reshape", decoding.plain_reshape)


@pytest.fixture
def mended() -> None:
    decoding.mend()


def test_a_negative_length(mended: None) -> None:
    with pytest.raises(BadDecodingError):
        struct_from_binary(ua.FindServersParameters, Buffer(ENDLESS_STRINGS))


def test_an_array_of_nulls(mended: None) -> None:
    with pytest.raises(BadDecodingError):
        variant_from_binary(Buffer(NULLS))
    empty = variant_from_binary(Buffer(bytes([0x80]) + struct.pack("<i", 0)))
    assert empty.Value == []


def test_dimensions_that_are_not_those_of_the_array(mended: None) -> None:
    with pytest.raises(BadDecodingError):
        variant_from_binary(Buffer(MATRIX))


def test_a_real_matrix_is_read(mended: None) -> None:
    matrix = ua.Variant([[1, 2, 3], [4, 5, 6]], ua.VariantType.Int32)
    content = ua_binary.variant_to_binary(matrix)
    assert variant_from_binary(Buffer(content)).Value == [[1, 2, 3], [4, 5, 6]]


def test_plain_asyncua_believes_all_three(plain: None) -> None:
    params = struct_from_binary(ua.FindServersParameters, Buffer(ENDLESS_STRINGS))
    assert len(params.LocaleIds) == 1000
    assert len(variant_from_binary(Buffer(NULLS)).Value) == 100_000
    assert len(variant_from_binary(Buffer(MATRIX)).Value) == 900
