"""The NodeSet2 files keep the schema, are whole, and load into a plain asyncua server."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as Xml

import asyncua
import pytest
import pytest_asyncio
from lxml import etree

from opcua_ai.core.resources import nodesets_dir
from opcua_ai.server.advisory import NAMESPACE, NODESETS

DI = "http://opcfoundation.org/UA/DI/"
ROOT = Path(__file__).parents[3]
SCHEMA = ROOT / "tests/data/UANodeSet.xsd"
TYPES = {f"ns=1;i={number}" for number in (*range(1001, 1010), 2001, 6150)}
NS = {"u": "http://opcfoundation.org/UA/2011/03/UANodeSet.xsd"}


@pytest.fixture(scope="module")
def root() -> Xml.Element:
    return Xml.parse(nodesets_dir() / NODESETS[-1]).getroot()


def nodes(root: Xml.Element) -> Iterator[Xml.Element]:
    return (element for element in root if "NodeId" in element.attrib)


def test_namespace_and_model(root: Xml.Element) -> None:
    uris = [uri.text for uri in root.findall("u:NamespaceUris/u:Uri", NS)]
    assert uris == [NAMESPACE, DI]
    model = root.find("u:Models/u:Model", NS)
    assert model is not None
    assert model.get("ModelUri") == NAMESPACE
    required = [needed.get("ModelUri") for needed in model.findall("u:RequiredModel", NS)]
    assert required == ["http://opcfoundation.org/UA/", DI]


def test_the_metadata_of_the_namespace_are_those_of_the_model(root: Xml.Element) -> None:
    """Part 5, 6.3.13: clients read them below Server/Namespaces."""
    model = root.find("u:Models/u:Model", NS)
    assert model is not None
    values = {
        node.get("BrowseName"): "".join(value.itertext()).strip()
        for node in root.findall("u:UAVariable[@ParentNodeId='ns=1;i=5001']", NS)
        if (value := node.find("u:Value", NS)) is not None
    }
    assert values["NamespaceUri"] == NAMESPACE
    assert values["NamespaceVersion"] == model.get("Version")
    assert values["NamespacePublicationDate"] == model.get("PublicationDate")
    low, high = map(int, values["StaticNumericNodeIdRange"].split(":"))
    own = [int(node.get("NodeId", "").removeprefix("ns=1;i=")) for node in nodes(root)]
    assert low <= min(own) and max(own) <= high


def test_it_keeps_the_schema() -> None:
    schema = etree.XMLSchema(etree.parse(SCHEMA))
    schema.assertValid(etree.parse(nodesets_dir() / NODESETS[-1]))


def test_the_schema_refuses_what_is_wrong() -> None:
    text = (nodesets_dir() / NODESETS[-1]).read_bytes()
    wrong = etree.fromstring(text.replace(b"<DisplayName>", b"<Name>").replace(b"/Display", b"/"))
    assert not etree.XMLSchema(etree.parse(SCHEMA)).validate(wrong)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def types() -> asyncua.Server:
    """Both node sets in a plain asyncua server, which does not listen."""
    server = asyncua.Server()
    await server.init()
    for name in NODESETS:
        await server.import_xml(nodesets_dir() / name, strict_mode=True)
    return server


@pytest.mark.asyncio(loop_scope="module")
async def test_plain_asyncua_loads_both_and_makes_instances(types: asyncua.Server) -> None:
    server = types
    index = await server.get_namespace_index(NAMESPACE)
    for kind, member in ((1001, "DeviceHealth"), (1003, "RunNow"), (1005, "ValidUntil")):
        made = await server.nodes.objects.add_object(index, f"made{kind}", f"ns={index};i={kind}")
        names = [(await child.read_browse_name()).Name for child in await made.get_children()]
        assert member in names, kind
    mode = server.get_node(f"ns={index};i=3001")
    assert [f.Name for f in (await mode.read_data_type_definition()).Fields][2] == "Advisory"


def test_ids_are_unique(root: Xml.Element) -> None:
    counts = Counter(node.get("NodeId") for node in nodes(root))
    assert counts.most_common(1)[0][1] == 1


def test_own_references_end_at_a_node(root: Xml.Element) -> None:
    known = {node.get("NodeId") for node in nodes(root)}
    devices = Xml.parse(nodesets_dir() / NODESETS[0]).getroot()
    known |= {node.get("NodeId", "").replace("ns=1", "ns=2") for node in nodes(devices)}
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


def rule(root: Xml.Element, parent: int, name: str) -> str | None:
    """Modelling rule of a member."""
    (member,) = (
        node
        for node in nodes(root)
        if node.get("ParentNodeId") == f"ns=1;i={parent}" and node.get("BrowseName") == f"1:{name}"
    )
    return member.findtext("u:References/u:Reference[@ReferenceType='HasModellingRule']", None, NS)


@pytest.mark.parametrize(
    ("parent", "names"),
    [
        (1003, ("PromoteModel", "Rollback", "DriftScore", "OutOfDistribution")),
        (1006, ("Accept", "Reject", "Apply", "Rollback")),
    ],
)
def test_what_this_version_never_makes_is_optional(
    root: Xml.Element, parent: int, names: tuple[str, ...]
) -> None:
    page = (ROOT / "docs/reference/information-model.md").read_text("utf-8")
    section = page.partition("### What this version never makes")[2].partition("\n#")[0]
    for name in names:
        assert rule(root, parent, name) == "i=80", name
        assert name in section, name


def test_gates_are_for_later(root: Xml.Element) -> None:
    assert rule(root, 1004, "<Gate>") == "i=11508", "OptionalPlaceholder"


@pytest.mark.parametrize(
    ("method", "arguments"), [(6120, ["Version"]), (6126, ["Comment"]), (6128, ["Reason"])]
)
@pytest.mark.asyncio(loop_scope="module")
async def test_methods_have_their_arguments(
    types: asyncua.Server, method: int, arguments: list[str]
) -> None:
    index = await types.get_namespace_index(NAMESPACE)
    node = types.get_node(f"ns={index};i={method}")
    found = await (await node.get_child("0:InputArguments")).read_value()
    assert [argument.Name for argument in found] == arguments
    assert all(argument.Description.Text for argument in found)


def test_the_reference_names_every_member(root: Xml.Element) -> None:
    page = (ROOT / "docs/reference/information-model.md").read_text("utf-8")
    words = set(re.findall(r"[A-Za-z]+", page))
    for node in nodes(root):
        name = node.get("BrowseName", "").rpartition(":")[2]
        if node.get("ParentNodeId") in TYPES and not name.startswith("<"):
            assert name in words, name


def test_every_variable_is_read_only(root: Xml.Element) -> None:
    for node in nodes(root):
        assert node.get("AccessLevel") in (None, "1")
