"""The plants as machines of OPC 40001-1 (Machinery): who made them, and where to find them.

``nodesets/`` holds the OPC Foundation's files of Machinery and of DI, which it builds upon. asyncua
reads both in a fifth of a second.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from asyncua import Server, ua

from opcua_ai_simulator import __version__
from opcua_ai_simulator.instances import add_instance
from opcua_ai_simulator.plant import Identification

MANUFACTURER = "opcua-ai"
DI = "http://opcfoundation.org/UA/DI/"
MACHINERY = "http://opcfoundation.org/UA/Machinery/"
MACHINES, MACHINE_IDENTIFICATION_TYPE = 1001, 1012  # numeric NodeIds in Opc.Ua.Machinery

_NODESETS = Path(__file__).parent / "nodesets"
_make: Any = ua  # see nodes.py


async def load_nodesets(server: Server) -> None:
    """Once a server, before ``identify``."""
    for name in ("Opc.Ua.Di", "Opc.Ua.Machinery"):
        await server.import_xml(str(_NODESETS / f"{name}.NodeSet2.xml"))


async def identify(server: Server, plant: ua.NodeId, identification: Identification) -> None:
    """Put the plant's object into ``Objects/Machines`` and its ``Identification`` below it."""
    di = await server.get_namespace_index(DI)
    machinery = await server.get_namespace_index(MACHINERY)
    root = server.get_node(plant)
    machines = server.get_node(_make.NodeId(MACHINES, machinery))
    await machines.add_reference(root, ua.ObjectIds.Organizes)
    await add_instance(
        root,
        _make.NodeId(ua.ObjectIds.HasAddIn),
        _make.NodeId(f"{plant.Identifier}/Identification", plant.NamespaceIndex),
        _make.QualifiedName("Identification", di),
        server.get_node(_make.NodeId(MACHINE_IDENTIFICATION_TYPE, machinery)),
        _nameplate(str(plant.Identifier), identification),
        "Who made this simulated machine",
    )


def _nameplate(plant: str, machine: Identification) -> dict[str, ua.Variant]:
    return {
        "ProductInstanceUri": _text(f"urn:opcua-ai:simulator:{plant}:{machine.serial_number}"),
        "Manufacturer": _localized(MANUFACTURER),
        "Model": _localized(machine.model),
        "SerialNumber": _text(machine.serial_number),
        "DeviceClass": _text(machine.device_class),
        "SoftwareRevision": _text(__version__),
    }


def _text(value: str) -> ua.Variant:
    return ua.Variant(value, ua.VariantType.String)


def _localized(value: str) -> ua.Variant:
    return ua.Variant(_make.LocalizedText(value), ua.VariantType.LocalizedText)
