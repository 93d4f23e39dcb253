"""What nodes show already: a figure that stays the same is not written again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from asyncua import ua


class Shown:
    """Remembers value and status of each node; a new time alone is no change."""

    def __init__(self) -> None:
        self._shown: dict[ua.NodeId, tuple[object, object]] = {}

    def changes(
        self, values: Iterable[tuple[ua.NodeId, ua.DataValue]]
    ) -> Iterator[tuple[ua.NodeId, ua.DataValue]]:
        """Those of the values that their nodes do not show yet."""
        for node, value in values:
            new = value.Value, value.StatusCode
            if self._shown.get(node) != new:
                self._shown[node] = new
                yield node, value
