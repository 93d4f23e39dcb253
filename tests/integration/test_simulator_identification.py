"""A simulated plant as a machine of OPC 40001-1, seen by an asyncua and a node-opcua client."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from asyncua import Client, ua

from opcua_ai_simulator import __version__
from opcua_ai_simulator.server import SimulatorServer
from tests.integration import node_client
from tests.integration.simulated import serving
from tests.integration.tiny_plant import TinyPlant

SIMULATOR, DI, MACHINERY = 2, 3, 4
MACHINES = f"ns={MACHINERY};i=1001"
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def url() -> AsyncIterator[str]:
    server = SimulatorServer([TinyPlant("North"), TinyPlant("South")], port=0, speed=20)
    async with serving(server) as endpoint:
        yield endpoint


@pytest_asyncio.fixture(loop_scope="module")
async def client(url: str) -> AsyncIterator[Client]:
    async with Client(url) as connected:
        yield connected


async def test_the_standards_namespaces_come_after_the_plants(client: Client) -> None:
    namespaces = await client.get_namespace_array()
    assert namespaces[SIMULATOR:] == [
        "urn:opcua-ai:simulator",
        "http://opcfoundation.org/UA/DI/",
        "http://opcfoundation.org/UA/Machinery/",
    ]


async def test_every_plant_is_among_the_machines(client: Client) -> None:
    machines = client.get_node(MACHINES)
    assert await machines.get_parent() == client.nodes.objects
    found = await machines.get_children(refs=ua.ObjectIds.Organizes)
    assert [node.nodeid.Identifier for node in found] == ["North", "South"]


async def test_the_nameplate(client: Client) -> None:
    root = client.get_node(ua.NodeId("South", SIMULATOR))
    (addin,) = await root.get_children_descriptions(refs=ua.ObjectIds.HasAddIn)
    assert addin.BrowseName == ua.QualifiedName("Identification", DI)
    assert addin.NodeId == ua.NodeId("South/Identification", SIMULATOR)
    assert addin.TypeDefinition == ua.NodeId(1012, MACHINERY)
    shown = {}
    for node in await client.get_node(addin.NodeId).get_properties():
        name = await node.read_browse_name()
        assert name.NamespaceIndex == DI
        value = await node.read_value()
        shown[name.Name] = getattr(value, "Text", value)
    assert shown == {
        "ProductInstanceUri": "urn:opcua-ai:simulator:South:0001",
        "Manufacturer": "opcua-ai",
        "Model": "Tiny plant",
        "SerialNumber": "0001",
        "DeviceClass": "Simulated process plant",
        "SoftwareRevision": __version__,
    }


async def test_all_that_the_standard_makes_mandatory_is_there(client: Client) -> None:
    wanted = set()
    mandatory = ua.NodeId(ua.ObjectIds.ModellingRule_Mandatory)
    for kind in (1012, 1004):
        for member in await client.get_node(ua.NodeId(kind, MACHINERY)).get_properties():
            rules = await member.get_referenced_nodes(refs=ua.ObjectIds.HasModellingRule)
            if [rule.nodeid for rule in rules] == [mandatory]:
                wanted.add((await member.read_browse_name()).Name)
    there = await client.get_node(ua.NodeId("North/Identification", SIMULATOR)).get_properties()
    assert wanted
    assert wanted <= {(await node.read_browse_name()).Name for node in there}


@pytest.mark.node
@pytest.mark.skipif(shutil.which("node") is None, reason="node.js is not installed")
async def test_node_opcua_browses_the_machines_and_reads_the_manufacturer(
    url: str, tmp_path: Path
) -> None:
    reader = await node_client.start(tmp_path / "pki", url, "--tree", MACHINES)
    try:
        await reader.until("done")
    finally:
        await reader.close()
    seen = {line["path"].removeprefix(f"{MACHINES}/"): line for line in reader.all("node")}
    assert seen["North/Identification"]["type"] == "MachineIdentificationType"
    assert seen["North/Identification/Manufacturer"]["value"] == "opcua-ai"
    assert seen["South/Identification/Model"]["value"] == "Tiny plant"
