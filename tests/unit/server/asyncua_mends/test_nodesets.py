"""Import of node sets, beside what plain asyncua makes of the same file."""

from __future__ import annotations

import logging

import asyncua
import pytest
from asyncua import ua

from opcua_ai.core.resources import nodesets_dir
from opcua_ai.server.asyncua_mends.nodesets import NodeSetImporter

DEVICES = nodesets_dir() / "Opc.Ua.Di.NodeSet2.xml"
UPDATE_BEHAVIOR = "ns=2;i=333"


@pytest.fixture
async def server() -> asyncua.Server:
    server = asyncua.Server()
    await server.init()
    return server


async def test_an_option_set_keeps_its_definition(
    server: asyncua.Server, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "asyncua"):
        await NodeSetImporter(server).import_xml(str(DEVICES))
    definition = await server.get_node(UPDATE_BEHAVIOR).read_data_type_definition()
    assert isinstance(definition, ua.EnumDefinition)
    assert [(f.Value, f.Name) for f in definition.Fields][1] == (1, "WillDisconnect")
    assert caplog.text == ""


async def test_plain_asyncua_warns_and_has_none(
    server: asyncua.Server, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "asyncua"):
        await server.import_xml(str(DEVICES), auto_load_definitions=False)
    assert "could not find out if this is a struct" in caplog.text
    assert await server.get_node(UPDATE_BEHAVIOR).read_data_type_definition() is None
