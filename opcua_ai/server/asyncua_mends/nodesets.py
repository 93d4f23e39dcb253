"""Option sets of unsigned integers keep their definition (Part 3, 8.50; DI: UpdateBehavior)."""

from __future__ import annotations

from typing import Any

from asyncua import ua
from asyncua.common.xmlimporter import XmlImporter
from asyncua.server.address_space import AttributeValue

from opcua_ai.server.values import extension, node_ids

_UNSIGNED = node_ids(
    ua.ObjectIds.Byte, ua.ObjectIds.UInt16, ua.ObjectIds.UInt32, ua.ObjectIds.UInt64
)


class NodeSetImporter(XmlImporter):
    """asyncua takes a definition below an integer for a mistake: it warns and leaves it out."""

    def __init__(self, server: Any) -> None:
        super().__init__(server, strict_mode=True, auto_load_definitions=False)
        self._aspace = server.iserver.aspace

    async def add_datatype(self, obj: Any, no_namespace_migration: bool = False) -> ua.NodeId:
        if obj.parent not in _UNSIGNED:
            return await super().add_datatype(obj, no_namespace_migration)
        definition, obj.definitions = self._get_edef(obj), []
        added = await super().add_datatype(obj, no_namespace_migration)
        if definition is not None:
            value = AttributeValue(ua.DataValue(extension(definition)))
            self._aspace[added].attributes[ua.AttributeIds.DataTypeDefinition] = value
        return added
