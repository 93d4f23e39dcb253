"""Browse with limits, BrowseNext, result masks and the right codes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from asyncua import ua
from asyncua.server.address_space import AddressSpace, AttributeValue, NodeData, ViewService
from asyncua.server.internal_server import InternalServer

from opcua_ai.server.asyncua_mends.browse import Browser, Views
from opcua_ai.server.asyncua_mends.operation_limits import (
    MAX_BROWSE_CONTINUATION_POINTS,
    MAX_REFERENCES,
)
from opcua_ai.server.values import node_id

ROOT = node_id("root", 2)
ORGANIZES, COMPONENT = node_id(ua.ObjectIds.Organizes), node_id(ua.ObjectIds.HasComponent)
HIERARCHICAL = node_id(ua.ObjectIds.HierarchicalReferences)
CODES = ua.StatusCodes
Space = Callable[[int], AddressSpace]


def reference(kind: ua.NodeId, target: ua.NodeId, forward: bool = True) -> ua.ReferenceDescription:
    return ua.ReferenceDescription(
        kind, forward, target, ua.QualifiedName("n", 2), ua.LocalizedText("n"), ua.NodeClass.Object
    )


@pytest.fixture
def space() -> Space:
    """A root that organizes some nodes and has one component."""

    def make(children: int) -> AddressSpace:
        aspace = AddressSpace()
        for node in (ROOT, ORGANIZES, COMPONENT, HIERARCHICAL):
            kind = ua.NodeClass.Object if node == ROOT else ua.NodeClass.ReferenceType
            value = ua.DataValue(ua.Variant(kind, ua.VariantType.Int32))
            aspace[node] = NodeData(node)
            aspace[node].attributes[ua.AttributeIds.NodeClass] = AttributeValue(value)
        subtype = node_id(ua.ObjectIds.HasSubtype)
        aspace[HIERARCHICAL].references = [
            reference(subtype, ORGANIZES),
            reference(subtype, COMPONENT),
        ]
        aspace[ROOT].references = [
            reference(ORGANIZES, node_id(f"c{i}", 2)) for i in range(children)
        ]
        aspace[ROOT].references.append(reference(COMPONENT, node_id("part", 2)))
        return aspace

    return make


def description(node: ua.NodeId = ROOT, **options: Any) -> ua.BrowseDescription:
    defaults = {"ReferenceTypeId": ua.NodeId(), "ResultMask": 63}
    return ua.BrowseDescription(NodeId=node, **(defaults | options))


def names(result: ua.BrowseResult) -> list[Any]:
    return [r.NodeId.Identifier for r in result.References]


def test_browse_goes_on_with_browse_next(space: Space) -> None:
    browser = Browser(Views(space(4)))
    (first,) = browser.browse([description()], 2)
    assert names(first) == ["c0", "c1"]
    (second,) = browser.next([first.ContinuationPoint], release=False)
    assert names(second) == ["c2", "c3"]
    (last,) = browser.next([second.ContinuationPoint], release=False)
    assert names(last) == ["part"]
    assert not last.ContinuationPoint
    (again,) = browser.next([first.ContinuationPoint], release=False)
    assert again.StatusCode.value == CODES.BadContinuationPointInvalid

    wanted = ua.BrowseParameters(RequestedMaxReferencesPerNode=2, NodesToBrowse=[description()])
    (plain,) = ViewService(space(4)).browse(wanted)
    assert len(plain.References) == 5


async def test_plain_has_no_browse_next() -> None:
    server = InternalServer()
    with pytest.raises(NotImplementedError):
        await server.isession.browse_next(ua.BrowseNextParameters())
    server.method_service.stop()


def test_a_continuation_point_can_be_given_up(space: Space) -> None:
    browser = Browser(Views(space(4)))
    (first,) = browser.browse([description()], 2)
    (gone,) = browser.next([first.ContinuationPoint], release=True)
    assert gone.StatusCode.is_good()
    assert not gone.References
    (again,) = browser.next([first.ContinuationPoint], release=False)
    assert again.StatusCode.value == CODES.BadContinuationPointInvalid


def test_continuation_points_are_limited_and_belong_to_their_session(space: Space) -> None:
    views = Views(space(2))
    browser, other = Browser(views), Browser(views)
    wanted = [description()] * (MAX_BROWSE_CONTINUATION_POINTS + 1)
    *good, refused = browser.browse(wanted, 1)
    assert all(result.StatusCode.is_good() for result in good)
    assert refused.StatusCode.value == CODES.BadNoContinuationPoints
    assert not refused.References
    (foreign,) = other.next([good[0].ContinuationPoint], release=False)
    assert foreign.StatusCode.value == CODES.BadContinuationPointInvalid
    browser.next([good[0].ContinuationPoint], release=True)
    (result,) = browser.browse([description()], 1)
    assert result.StatusCode.is_good()


def test_one_answer_is_limited(space: Space) -> None:
    browser = Browser(Views(space(MAX_REFERENCES)))
    first, second = browser.browse([description()] * 2, 0)
    assert len(first.References) == MAX_REFERENCES
    assert not second.References
    (rest,) = browser.next([first.ContinuationPoint], release=False)
    assert names(rest) == ["part"]


@pytest.mark.parametrize(
    ("kind", "subtypes", "found"),
    [
        (ua.NodeId(), False, ["c0", "part"]),
        (HIERARCHICAL, True, ["c0", "part"]),
        (HIERARCHICAL, False, []),
        (COMPONENT, True, ["part"]),
    ],
)
def test_reference_types(space: Space, kind: ua.NodeId, subtypes: bool, found: list[str]) -> None:
    wanted = description(ReferenceTypeId=kind, IncludeSubtypes=subtypes)
    (result,) = Browser(Views(space(1))).browse([wanted], 0)
    assert names(result) == found


def test_a_result_mask_leaves_fields_out(space: Space) -> None:
    mask = ua.BrowseResultMask.BrowseName.value
    (result,) = Browser(Views(space(0))).browse([description(ResultMask=mask)], 0)
    (only,) = result.References
    assert only.BrowseName == ua.QualifiedName("n", 2)
    assert only.NodeId == node_id("part", 2)
    assert only.DisplayName == ua.LocalizedText()
    assert only.ReferenceTypeId == ua.NodeId()
    (plain,) = ViewService(space(0))._browse(description(ResultMask=mask)).References
    assert plain.DisplayName == ua.LocalizedText("n")


@pytest.mark.parametrize(
    ("wanted", "status"),
    [
        (description(node_id("gone", 2)), CODES.BadNodeIdUnknown),
        (description(BrowseDirection=ua.BrowseDirection.Invalid), CODES.BadBrowseDirectionInvalid),
        (description(ReferenceTypeId=node_id("gone", 2)), CODES.BadReferenceTypeIdInvalid),
        (description(ReferenceTypeId=ROOT), CODES.BadReferenceTypeIdInvalid),
    ],
)
def test_a_bad_question(space: Space, wanted: ua.BrowseDescription, status: int) -> None:
    (result,) = Browser(Views(space(0))).browse([wanted], 0)
    assert result.StatusCode.value == status
    assert ViewService(space(0))._browse(wanted).StatusCode.value != status


def test_a_path_that_leads_nowhere(space: Space) -> None:
    views = Views(space(0))
    empty = ua.BrowsePath(ROOT)
    unknown = ua.BrowsePath(node_id("gone", 2))
    results = views.translate_browsepaths_to_nodeids([empty, unknown])
    assert [r.StatusCode.value for r in results] == [
        CODES.BadNothingToDo,
        CODES.BadNodeIdUnknown,
    ]
    with pytest.raises(IndexError):
        ViewService(space(0)).translate_browsepaths_to_nodeids([empty])
