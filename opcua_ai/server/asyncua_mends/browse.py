"""Browse, BrowseNext and TranslateBrowsePathsToNodeIds (Part 4, 5.9).

asyncua has no limits and no BrowseNext, ignores the result mask, answers an unknown node with the
wrong code, and searches all subtypes of the reference type again for each reference.
"""

from __future__ import annotations

import dataclasses
import secrets
from collections.abc import Iterable
from typing import Any

from asyncua import ua
from asyncua.server.address_space import ViewService
from asyncua.ua import uaerrors

from opcua_ai.server.asyncua_mends.operation_limits import (
    MAX_BROWSE_CONTINUATION_POINTS,
    MAX_REFERENCES,
)
from opcua_ai.server.values import code, node_id

_HAS_SUBTYPE = node_id(ua.ObjectIds.HasSubtype)
_NULL = ua.NodeId()
_ALL = 0x3F
_FIELDS = (
    "ReferenceTypeId",
    "IsForward",
    "NodeClass",
    "BrowseName",
    "DisplayName",
    "TypeDefinition",
)
"""In the order of the bits of the result mask (Part 4, 5.9.2.2)."""

References = list[ua.ReferenceDescription]


class Views(ViewService):
    """Finds references; what does not fit into an answer is the :class:`Browser`'s to keep."""

    def references(self, wanted: ua.BrowseDescription) -> References:
        """All references that fit. Raises the operation's status code when the question is bad."""
        node = self._aspace.get(wanted.NodeId)
        if node is None:
            raise uaerrors.BadNodeIdUnknown
        if wanted.BrowseDirection == ua.BrowseDirection.Invalid:
            raise uaerrors.BadBrowseDirectionInvalid
        kinds = self._kinds(wanted)
        found = [
            r
            for r in node.references
            if self._suitable_direction(wanted.BrowseDirection, r.IsForward)
            and (kinds is None or r.ReferenceTypeId in kinds)
            and (not wanted.NodeClassMask or wanted.NodeClassMask & r.NodeClass)
        ]
        if wanted.ResultMask & _ALL == _ALL:
            return found
        return [_masked(r, wanted.ResultMask) for r in found]

    def _kinds(self, wanted: ua.BrowseDescription) -> set[ua.NodeId] | None:
        """The reference types that fit; None for all."""
        if wanted.ReferenceTypeId == _NULL:
            return None
        top = self._aspace.get(wanted.ReferenceTypeId)
        if top is None or top.attributes[ua.AttributeIds.NodeClass].value is None:
            raise uaerrors.BadReferenceTypeIdInvalid
        node_class: Any = top.attributes[ua.AttributeIds.NodeClass].value
        if node_class.Value.Value != ua.NodeClass.ReferenceType:
            raise uaerrors.BadReferenceTypeIdInvalid
        below = self._get_sub_ref(wanted.ReferenceTypeId) if wanted.IncludeSubtypes else ()
        return {wanted.ReferenceTypeId, *below}

    def _translate_browsepath_to_nodeid(self, path: ua.BrowsePath) -> ua.BrowsePathResult:
        status = None
        if path.StartingNode not in self._aspace:
            status = ua.StatusCodes.BadNodeIdUnknown
        elif not path.RelativePath.Elements:
            status = ua.StatusCodes.BadNothingToDo
        elif not path.RelativePath.Elements[-1].TargetName.Name:
            status = ua.StatusCodes.BadBrowseNameInvalid
        if status is None:
            return super()._translate_browsepath_to_nodeid(path)
        return ua.BrowsePathResult(StatusCode=code(status))


def _masked(reference: ua.ReferenceDescription, mask: int) -> ua.ReferenceDescription:
    """Only the fields that the client asked for; the others are null."""
    wanted = {n: getattr(reference, n) for bit, n in enumerate(_FIELDS) if mask & 1 << bit}
    empty = ua.ReferenceDescription(NodeId=reference.NodeId)
    return dataclasses.replace(empty, **wanted)


@dataclasses.dataclass
class _Rest:
    """References that wait for BrowseNext."""

    references: References
    at_once: int


class Browser:
    """Browse and BrowseNext of one session, which owns its continuation points (Part 4, 7.9)."""

    def __init__(self, views: Views) -> None:
        self._views = views
        self._rests: dict[bytes, _Rest] = {}

    def browse(self, wanted: Iterable[ua.BrowseDescription], at_once: int) -> list[ua.BrowseResult]:
        """``at_once`` references at most for each node, 0: as many as fit into the answer."""
        room = MAX_REFERENCES
        results: list[ua.BrowseResult] = []
        for description in wanted:
            try:
                references = self._views.references(description)
            except uaerrors.UaStatusCodeError as error:
                results.append(ua.BrowseResult(StatusCode=code(error.code)))
                continue
            result = self._answer(_Rest(references, at_once), room)
            room -= len(result.References)
            results.append(result)
        return results

    def next(self, points: Iterable[bytes], release: bool) -> list[ua.BrowseResult]:
        """Go on at continuation points, each of which serves once; or give them up."""
        room = MAX_REFERENCES
        results: list[ua.BrowseResult] = []
        for point in points:
            rest = self._rests.pop(point, None)
            if rest is None:
                invalid = code(ua.StatusCodes.BadContinuationPointInvalid)
                results.append(ua.BrowseResult(StatusCode=invalid))
            elif release:
                results.append(ua.BrowseResult())
            else:
                results.append(self._answer(rest, room))
                room -= len(results[-1].References)
        return results

    def _answer(self, rest: _Rest, room: int) -> ua.BrowseResult:
        count = min(rest.at_once or room, room)
        now, later = rest.references[:count], rest.references[count:]
        if not later:
            return ua.BrowseResult(References=now)
        if len(self._rests) >= MAX_BROWSE_CONTINUATION_POINTS:
            return ua.BrowseResult(StatusCode=code(ua.StatusCodes.BadNoContinuationPoints))
        point = secrets.token_bytes(8)
        self._rests[point] = _Rest(later, rest.at_once)
        return ua.BrowseResult(ContinuationPoint=point, References=now)  # type: ignore[arg-type]
