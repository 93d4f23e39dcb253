"""The NodeSet2 file is whole: every reference ends somewhere and ids are unique."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from xml.etree import ElementTree as Xml

import pytest

from opcua_ai.core.resources import nodesets_dir
from opcua_ai.server.advisory import NAMESPACE, NODESET

NS = {"u": "http://opcfoundation.org/UA/2011/03/UANodeSet.xsd"}


@pytest.fixture(scope="module")
def root() -> Xml.Element:
    return Xml.parse(nodesets_dir() / NODESET).getroot()


def nodes(root: Xml.Element) -> Iterator[Xml.Element]:
    return (element for element in root if "NodeId" in element.attrib)


def test_namespace_and_model(root: Xml.Element) -> None:
    assert [uri.text for uri in root.findall("u:NamespaceUris/u:Uri", NS)] == [NAMESPACE]
    model = root.find("u:Models/u:Model", NS)
    assert model is not None
    assert model.get("ModelUri") == NAMESPACE


def test_ids_are_unique(root: Xml.Element) -> None:
    counts = Counter(node.get("NodeId") for node in nodes(root))
    assert counts.most_common(1)[0][1] == 1


def test_own_references_end_at_a_node(root: Xml.Element) -> None:
    known = {node.get("NodeId") for node in nodes(root)}
    for node in nodes(root):
        targets = [r.text for r in node.findall("u:References/u:Reference", NS)]
        targets += [node.get("ParentNodeId"), node.get("DataType")]
        for target in targets:
            assert target is None or not target.startswith("ns=") or target in known, node.attrib


def test_types_and_their_members_are_described(root: Xml.Element) -> None:
    for node in nodes(root):
        name = node.get("BrowseName", "")
        if not name.startswith("1:") or name.startswith("1:<"):
            continue
        description = node.find("u:Description", NS)
        assert description is not None, name
        assert description.text, name


def test_every_variable_is_read_only(root: Xml.Element) -> None:
    for node in nodes(root):
        assert node.get("AccessLevel") in (None, "1")
