"""Builds a plant's address space in an asyncua server.

Every node has its browse path from Objects as string NodeId, so that a client can be configured
by name. asyncua's ``add_variable`` sets neither description nor type definition, hence the
AddNodes items here.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Literal

from asyncua import Server, ua
from asyncua.crypto.permission_rules import User, UserRole
from asyncua.server.address_space import AddressSpace, AttributeService

from opcua_ai_simulator.plant import Argument, Scalar, ScalarType, Tag, Unit

UNECE_URI = "http://www.opcfoundation.org/UA/units/un/cefact"  # Part 8, 5.6.4.3
MethodCallback = Callable[..., Awaitable[Any]]
Writer = Callable[[object], Awaitable[ua.StatusCode]]

# asyncua's annotations ask for its own integer and time classes where plain ones are meant.
_make: Any = ua

_READ = ua.AccessLevel.CurrentRead.mask
_READ_WRITE = ua.AccessLevel.CurrentRead.mask | ua.AccessLevel.CurrentWrite.mask


class ClientWrites(AttributeService):
    """Routes a client's write to the function that owns the node; nothing else is writable.

    asyncua would store a written value at once; here the plant decides. ``writers`` maps a node
    to a coroutine that gets the written value and returns the operation's status.
    """

    def __init__(self, aspace: AddressSpace) -> None:
        super().__init__(aspace)
        self._nodes = aspace
        self.writers: dict[ua.NodeId, Writer] = {}

    async def write(
        self, params: ua.WriteParameters, user: User | None = None
    ) -> list[ua.StatusCode]:
        if user is None or user.role is UserRole.Admin:  # the server itself
            return await super().write(params)
        return [await self._write_one(item) for item in params.NodesToWrite]

    async def _write_one(self, item: ua.WriteValue) -> ua.StatusCode:
        writer = self.writers.get(item.NodeId)
        if item.NodeId not in self._nodes:
            return status_code(ua.StatusCodes.BadNodeIdUnknown)
        if writer is None or item.AttributeId != ua.AttributeIds.Value:
            return status_code(ua.StatusCodes.BadNotWritable)
        value = item.Value.Value
        return await writer(None if value is None else value.Value)


class NodeBuilder:
    """Adds objects, variables and methods below Objects in one namespace."""

    def __init__(self, server: Server, namespace: int) -> None:
        self._session = server.iserver.isession
        self._space = server.iserver.aspace
        self._namespace = namespace

    def client_writes(self) -> ClientWrites:
        return ClientWrites(self._space)

    def node_id(self, path: str) -> ua.NodeId:
        return _make.NodeId(path, self._namespace)

    async def object(self, path: str, description: str = "") -> None:
        attributes = _make.ObjectAttributes()
        attributes.EventNotifier = 0
        await self._add(
            path, ua.NodeClass.Object, attributes, ua.ObjectIds.BaseObjectType, None, description
        )

    async def tag(self, root: str, tag: Tag) -> ua.NodeId:
        """An AnalogUnitRangeType variable with EURange and EngineeringUnits (Part 8, 5.3.2.5)."""
        path = f"{root}/{tag.path}"
        node_id = await self.variable(
            path,
            ua.Variant(0.0, ua.VariantType.Double),
            tag.description,
            writable=tag.writable,
            display_name=tag.display_name,
            name=tag.name,
            type_definition=ua.ObjectIds.AnalogUnitRangeType,
        )
        limits = _make.Range(Low=tag.low, High=tag.high)
        await self._property(path, "EURange", limits, ua.ObjectIds.Range)
        unit = _unit_information(tag.unit)
        await self._property(path, "EngineeringUnits", unit, ua.ObjectIds.EUInformation)
        return node_id

    async def variable(
        self,
        path: str,
        value: ua.Variant,
        description: str,
        *,
        writable: bool = False,
        display_name: str | None = None,
        name: str | None = None,
        type_definition: int = ua.ObjectIds.BaseDataVariableType,
    ) -> ua.NodeId:
        access = _READ_WRITE if writable else _READ
        attributes = _variable_attributes(value, _make.NodeId(value.VariantType.value), access)
        return await self._add(
            path,
            ua.NodeClass.Variable,
            attributes,
            type_definition,
            display_name,
            description,
            name=name,
        )

    async def method(
        self, path: str, description: str, arguments: Sequence[Argument], call: MethodCallback
    ) -> None:
        attributes = _make.MethodAttributes()
        attributes.Executable = attributes.UserExecutable = True
        node_id = await self._add(path, ua.NodeClass.Method, attributes, None, None, description)
        if arguments:
            inputs = [_argument(argument) for argument in arguments]
            await self._property(path, "InputArguments", inputs, ua.ObjectIds.Argument)
        self._session.add_method_callback(node_id, call)

    async def _property(self, path: str, name: str, value: Any, data_type: int) -> None:
        variant = ua.Variant(value, ua.VariantType.ExtensionObject)
        attributes = _variable_attributes(variant, _make.NodeId(data_type), _READ)
        await self._add(
            f"{path}/{name}",
            ua.NodeClass.Variable,
            attributes,
            ua.ObjectIds.PropertyType,
            name,
            "",
            parent=path,
            reference=ua.ObjectIds.HasProperty,
            browse_name=_make.QualifiedName(name, 0),
        )

    async def _add(
        self,
        path: str,
        node_class: ua.NodeClass,
        attributes: Any,
        type_definition: int | None,
        display_name: str | None,
        description: str,
        *,
        name: str | None = None,
        parent: str | None = None,
        reference: int = ua.ObjectIds.HasComponent,
        browse_name: ua.QualifiedName | None = None,
    ) -> ua.NodeId:
        # A file's column name may hold a slash, so a tag brings its name along.
        name = name or path.rpartition("/")[2]
        parent = path[: -len(name)].rstrip("/") if parent is None else parent
        item = _make.AddNodesItem()
        item.RequestedNewNodeId = self.node_id(path)
        item.BrowseName = browse_name or _make.QualifiedName(name, self._namespace)
        item.NodeClass = node_class
        item.ParentNodeId = (
            self.node_id(parent) if parent else _make.NodeId(ua.ObjectIds.ObjectsFolder)
        )
        item.ReferenceTypeId = _make.NodeId(reference if parent else ua.ObjectIds.Organizes)
        if type_definition is not None:
            item.TypeDefinition = _make.NodeId(type_definition)
        attributes.DisplayName = _make.LocalizedText(display_name or name)
        attributes.Description = _make.LocalizedText(description)
        attributes.WriteMask = attributes.UserWriteMask = 0
        item.NodeAttributes = attributes
        (result,) = await self._session.add_nodes([item])
        result.StatusCode.check()
        return result.AddedNodeId


def _variable_attributes(
    value: ua.Variant, data_type: ua.NodeId, access: int
) -> ua.VariableAttributes:
    attributes = _make.VariableAttributes()
    attributes.Value = value
    attributes.DataType = data_type
    array = isinstance(value.Value, list)
    attributes.ValueRank = ua.ValueRank.OneDimension if array else ua.ValueRank.Scalar
    attributes.AccessLevel = attributes.UserAccessLevel = access
    attributes.Historizing = False
    return attributes


def _unit_information(unit: Unit) -> ua.EUInformation:
    return _make.EUInformation(
        NamespaceUri=UNECE_URI if unit.code else "",
        UnitId=unit.unit_id,
        DisplayName=_make.LocalizedText(unit.symbol),
        Description=_make.LocalizedText(unit.name),
    )


def _argument(argument: Argument) -> ua.Argument:
    return _make.Argument(
        Name=argument.name,
        DataType=_make.NodeId(ua.VariantType[argument.type].value),
        ValueRank=ua.ValueRank.Scalar,
        ArrayDimensions=[],
        Description=_make.LocalizedText(argument.description),
    )


def status_code(code: int) -> ua.StatusCode:
    return _make.StatusCode(code)


def variant(value: Scalar | datetime, wanted: ScalarType | Literal["DateTime"]) -> ua.Variant:
    return ua.Variant(value, ua.VariantType[wanted])


def data_value(value: ua.Variant | None, source: datetime, status: int = 0) -> ua.DataValue:
    """A value (None goes with a Bad status) with its source time; the server time is now."""
    return _make.DataValue(
        Value=ua.Variant(None) if value is None else value,
        StatusCode=status_code(status),
        SourceTimestamp=source,
        ServerTimestamp=datetime.now(UTC),
    )
