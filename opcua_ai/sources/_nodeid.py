"""Node ids that outlive a server restart: namespace URI instead of index (Part 6, 5.3.1.10)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from asyncua import ua


def standard(number: int) -> ua.NodeId:
    """A node of the standard namespace, e.g. ``standard(ua.ObjectIds.Server)``."""
    return ua.NodeId(ua.Int32(number))


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


def _parse(text: str) -> ua.NodeId:
    try:
        return ua.NodeId.from_string(text)
    except (ua.UaError, ValueError) as error:
        raise ValueError(f"{text!r} is no node id such as nsu=urn:plant;s=Reactor.Level") from error
