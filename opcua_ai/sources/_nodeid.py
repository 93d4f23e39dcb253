"""Node ids that outlive a server restart: namespace URI instead of index (Part 6, 5.3.1.10)."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import replace

from asyncua import ua

from opcua_ai.core import status
from opcua_ai.core.types import VACANT, Tag


def standard(number: int) -> ua.NodeId:
    """A node of the standard namespace, e.g. ``standard(ua.ObjectIds.Server)``."""
    return ua.NodeId(ua.Int32(number))


def four_bytes(number: int) -> bytes:
    """A node of the standard namespace as messages name their types (Part 6, 5.2.2.9)."""
    return b"\x01\x00" + struct.pack("<H", number)


def to_text(node_id: ua.NodeId, uris: Sequence[str]) -> str:
    """``nsu=<uri>;s=...``, namespace 0 without prefix; ``uris`` is the server's NamespaceArray."""
    index = int(node_id.NamespaceIndex)
    plain = ua.NodeId(node_id.Identifier, ua.Int16(0), node_id.NodeIdType).to_string()
    if index == 0:
        return plain
    if index >= len(uris):
        return f"ns={index};{plain}"
    uri = uris[index].replace("%", "%25").replace(";", "%3B")
    return f"nsu={uri};{plain}"


def from_text(text: str, uris: Sequence[str]) -> ua.NodeId | None:
    """The node id with the index that its namespace has in ``uris``; None when it is not there.

    Raises ValueError when the text is no node id.
    """
    if not text.startswith("nsu="):
        return _parse(text)
    uri, _, rest = text.removeprefix("nsu=").partition(";")
    uri = uri.replace("%3B", ";").replace("%25", "%")
    node_id = _parse(rest)
    if uri not in uris:
        return None
    # NodeIdType stays what it was parsed as (Numeric), which every namespace index fits
    return replace(node_id, NamespaceIndex=ua.Int16(uris.index(uri)))


def resolve(
    tags: Sequence[Tag], columns: Sequence[int], uris: Sequence[str]
) -> tuple[dict[int, int], dict[int, ua.NodeId]]:
    """Columns whose namespace the server does not have (any more), and the node ids of the rest;
    nothing of those that are VACANT."""
    unknown: dict[int, int] = {}
    known: dict[int, ua.NodeId] = {}
    for column in columns:
        if tags[column] is VACANT:
            continue
        node_id = from_text(tags[column].node_id, uris)
        if node_id is None:
            unknown[column] = status.BAD_NODE_ID_UNKNOWN
        else:
            known[column] = node_id
    return unknown, known


def _parse(text: str) -> ua.NodeId:
    try:
        return ua.NodeId.from_string(text)
    except (ua.UaError, ValueError) as error:
        raise ValueError(f"{text!r} is no node id such as nsu=urn:plant;s=Reactor.Level") from error
