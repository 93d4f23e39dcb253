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

from opcua_ai_simulator.plant import Argument, Control, Scalar, ScalarType, Tag, Unit

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
    """Adds objects, variables and methods below Objects in one namespace.

    A variable with a ``writer`` is writable; ``writes`` routes what clients write.
    """

    def __init__(self, server: Server, namespace: int) -> None:
        self._session = server.iserver.isession
        self._namespace = namespace
        self.writes = ClientWrites(server.iserver.aspace)

    def node_id(self, path: str) -> ua.NodeId:
        return _make.NodeId(path, self._namespace)

    async def object(self, path: str, description: str = "") -> None:
        attributes = _make.ObjectAttributes()
        attributes.EventNotifier = 0
        await self._add(
            path, ua.NodeClass.Object, attributes, ua.ObjectIds.BaseObjectType, None, description
        )

    async def tag(self, root: str, tag: Tag, writer: Writer | None = None) -> ua.NodeId:
        """An AnalogUnitRangeType variable with EURange and EngineeringUnits (Part 8, 5.3.2.5)."""
        path = f"{root}/{tag.path}"
        node_id = await self.variable(
            path,
            ua.Variant(0.0, ua.VariantType.Double),
            tag.description,
            writer=writer,
            display_name=tag.display_name,
            name=tag.name,
            type_definition=ua.ObjectIds.AnalogUnitRangeType,
        )
        limits = _structure(_make.Range(Low=tag.low, High=tag.high))
        await self._property(path, "EURange", limits, ua.ObjectIds.Range)
        unit = _structure(_unit_information(tag.unit))
        await self._property(path, "EngineeringUnits", unit, ua.ObjectIds.EUInformation)
        return node_id

    async def control(self, root: str, control: Control, writer: Writer | None = None) -> ua.NodeId:
        """A variable; where its values have names a MultiStateDiscreteType (Part 8, 5.3.3.3)."""
        path = f"{root}/{control.path}"
        states = ua.ObjectIds.MultiStateDiscreteType
        node_id = await self.variable(
            path,
            variant(control.read(), control.type),
            control.description,
            writer=writer,
            name=control.name,
            type_definition=states if control.states else ua.ObjectIds.BaseDataVariableType,
        )
        if control.states:
            names = [_make.LocalizedText(state) for state in control.states]
            texts = ua.Variant(names, ua.VariantType.LocalizedText)
            await self._property(path, "EnumStrings", texts, ua.ObjectIds.LocalizedText)
        return node_id

    async def variable(
        self,
        path: str,
        value: ua.Variant,
        description: str,
        *,
        writer: Writer | None = None,
        display_name: str | None = None,
        name: str | None = None,
        type_definition: int = ua.ObjectIds.BaseDataVariableType,
    ) -> ua.NodeId:
        access = _READ_WRITE if writer else _READ
        attributes = _variable_attributes(value, _make.NodeId(value.VariantType.value), access)
        node_id = await self._add(
            path,
            ua.NodeClass.Variable,
            attributes,
            type_definition,
            display_name,
            description,
            name=name,
        )
        if writer:
            self.writes.writers[node_id] = writer
        return node_id

    async def method(
        self, path: str, description: str, arguments: Sequence[Argument], call: MethodCallback
    ) -> None:
        attributes = _make.MethodAttributes()
        attributes.Executable = attributes.UserExecutable = True
        node_id = await self._add(path, ua.NodeClass.Method, attributes, None, None, description)
        if arguments:
            inputs = [_argument(argument) for argument in arguments]
            await self._property(path, "InputArguments", _structure(inputs), ua.ObjectIds.Argument)
        self._session.add_method_callback(node_id, call)

    async def _property(self, path: str, name: str, value: ua.Variant, data_type: int) -> None:
        attributes = _variable_attributes(value, _make.NodeId(data_type), _READ)
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


def _structure(value: Any) -> ua.Variant:
    return ua.Variant(value, ua.VariantType.ExtensionObject)


def status_code(code: int) -> ua.StatusCode:
    return _make.StatusCode(code)


def variant(value: Scalar | datetime, wanted: ScalarType | Literal["DateTime"]) -> ua.Variant:
    return ua.Variant(value, ua.VariantType[wanted])


class FixedValue(ua.DataValue):
    """A DataValue that nobody changes.

    asyncua copies a value deeply for each subscription, which takes five times as long as all
    the rest of showing it.
    """

    __slots__ = ()

    def __deepcopy__(self, _memo: object) -> FixedValue:
        return self


_fixed_value: Any = FixedValue
_GOOD = status_code(ua.StatusCodes.Good)


def data_value(
    value: ua.Variant | None, source: datetime, status: int = 0, now: datetime | None = None
) -> ua.DataValue:
    """A value (None goes with a Bad status) with its source time; ``now`` is the server time."""
    return _fixed_value(
        Value=ua.Variant(None) if value is None else value,
        StatusCode=status_code(status) if status else _GOOD,
        SourceTimestamp=source,
        ServerTimestamp=now or datetime.now(UTC),
    )
