"""The walk through an address space, against a server that hands out one reference at a time.

asyncua's server knows no BrowseNext, so these tests play the server themselves.
"""

from __future__ import annotations

import pytest
from asyncua import ua

from opcua_ai.core.types import escape_name
from opcua_ai.sources._browse import (
    BAD_NO_CONTINUATION_POINTS,
    OBJECTS,
    Node,
    find_root,
    split,
    walk,
)
from opcua_ai.sources._chunks import Chunks

ROOT = Node("", OBJECTS, "Objects", False, 0)


class Stingy:
    """Answers Browse with one reference per node and keeps at most ``points`` of them open."""

    def __init__(self, tree: dict[str, list[str]], points: int = 1000, broken: bool = False):
        self.tree = tree
        self.points = points
        self.broken = broken
        self.open: dict[bytes, list[ua.ReferenceDescription]] = {}
        self.requests: list[int] = []
        self.released = 0

    async def browse(self, parameters: ua.BrowseParameters) -> list[ua.BrowseResult]:
        self.requests.append(len(parameters.NodesToBrowse))
        return [self._answer(d.NodeId) for d in parameters.NodesToBrowse]

    async def browse_next(self, parameters: ua.BrowseNextParameters) -> list[ua.BrowseResult]:
        if parameters.ReleaseContinuationPoints:
            for point in parameters.ContinuationPoints:
                del self.open[point]
                self.released += 1
            return [ua.BrowseResult() for _ in parameters.ContinuationPoints]
        if self.broken:
            raise ConnectionError("gone")
        return [self._give(self.open.pop(point)) for point in parameters.ContinuationPoints]

    def _answer(self, node_id: ua.NodeId) -> ua.BrowseResult:
        name = "Objects" if node_id == OBJECTS else str(node_id.Identifier)
        children = [self._reference(child) for child in self.tree.get(name, [])]
        if len(children) > 1 and len(self.open) >= self.points:
            status = ua.StatusCode(ua.UInt32(BAD_NO_CONTINUATION_POINTS))
            return ua.BrowseResult(StatusCode=status)
        return self._give(children)

    def _give(self, references: list[ua.ReferenceDescription]) -> ua.BrowseResult:
        result = ua.BrowseResult(References=references[:1])
        if references[1:]:
            result.ContinuationPoint = str(len(self.requests) + len(self.open)).encode() + b"!"
            while result.ContinuationPoint in self.open:
                result.ContinuationPoint += b"!"
            self.open[result.ContinuationPoint] = references[1:]
        return result

    def _reference(self, name: str) -> ua.ReferenceDescription:
        reference = ua.ReferenceDescription()
        reference.NodeId = ua.ExpandedNodeId(name.strip("."), ua.Int16(2))
        reference.BrowseName = ua.QualifiedName(name.strip("."), 2)
        reference.DisplayName = ua.LocalizedText(name.strip("."))
        variable = name.startswith(".")
        reference.NodeClass = ua.NodeClass.Variable if variable else ua.NodeClass.Object
        prop = variable and name.endswith(".")
        kind = ua.ObjectIds.HasProperty if prop else ua.ObjectIds.Organizes
        reference.ReferenceTypeId = ua.NodeId(kind)
        return reference


TREE = {
    "Objects": ["A", "B", "Server"],
    "A": [".a1", ".a2", ".a3", "A"],
    "B": [".b1", "A", "Objects", "C"],
    "C": [".c1", "B"],
    "a1": [".EURange."],
    "Server": [".hidden"],
}


def paths(nodes) -> list[str]:
    return [node.path for node in nodes if node.variable]


async def run(server: Stingy, chunk: int = 100, depth: int = 12, nodes: int = 1000):
    return await walk(server, Chunks("browse", chunk, 1000, {}), ROOT, depth, nodes)


async def test_continuation_points_are_followed_to_the_end():
    server = Stingy({"Objects": [f".v{n}" for n in range(50)]})
    result = await run(server)
    assert len(paths(result.nodes)) == 50
    assert not server.open


async def test_loops_end_and_properties_are_no_tags():
    result = await run(Stingy(TREE))
    assert "Server" in {n.path for n in result.nodes}  # this one is not ns=0;i=2253
    found = {p for p in paths(result.nodes) if not p.startswith("Server")}
    assert found == {"A/a1", "A/a2", "A/a3", "B/b1", "B/C/c1"}
    a1 = next(n for n in result.nodes if n.path == "A/a1")
    assert a1.properties["EURange"].Identifier == "EURange"
    assert result.limit == ""


async def test_requests_stay_within_the_limit():
    server = Stingy({"Objects": [f"o{n}" for n in range(40)]})
    await run(server, chunk=7)
    assert max(server.requests) <= 7


async def test_a_server_with_few_continuation_points():
    tree = {"Objects": ["P", "Q", "R"], **{p: [f".{p}1", f".{p}2", f".{p}3"] for p in "PQR"}}
    server = Stingy(tree, points=1)
    result = await run(server)
    assert len(paths(result.nodes)) == 9
    assert result.refused == []


async def test_continuation_points_are_released_on_an_error():
    server = Stingy({"Objects": [".a", ".b", ".c"]}, broken=True)
    with pytest.raises(ConnectionError):
        await run(server)
    assert server.released == 1
    assert not server.open


@pytest.mark.parametrize(
    ("limits", "said"), [({"nodes": 4}, "max_nodes"), ({"depth": 1}, "max_depth")]
)
async def test_limits_are_reported(limits, said):
    assert (await run(Stingy(TREE), **limits)).limit.startswith(said)


async def test_a_depth_limit_that_hides_nothing_is_not_reported():
    assert (await run(Stingy({"Objects": [".v"]}), depth=1)).limit == ""


async def test_find_root_does_not_lead_back_up():
    server = Stingy(TREE)
    chunks = Chunks("browse", 0, 100, {})
    root = await find_root(server, chunks, "B/C")
    assert root.path == "B/C"
    assert paths((await walk(server, chunks, root, 12, 100)).nodes) == ["B/C/c1"]


@pytest.mark.parametrize("name", ["a/b", "50 %", "%2F", "a%2Fb/c", "plain", "%25"])
def test_names_survive_the_path(name):
    assert split(f"Objects/{escape_name(name)}") == ["Objects", name]
    assert "/" not in escape_name(name)
