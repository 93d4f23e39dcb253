"""A small plant as an asyncua server, for the tests of the OPC UA source and of its commands."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from asyncua import Server, ua
from asyncua.server.internal_session import InternalSession
from asyncua.server.user_managers import User, UserManager, UserRole

from opcua_ai.demo.processes import free_port

URI = "urn:test:plant"
OPERATIONS = ("ItemsToCreate", "NodesToRead", "MonitoredItemIds")
"""What a request asks for many times."""


class Plant:
    """Tags under Objects/Plant: Line1/{Level,Count,Running,Mode,...}; see ``start``."""

    def __init__(
        self,
        port: int,
        *,
        extra: int = 0,
        padding: int = 0,
        password: str = "",
        missing: str = "",
    ) -> None:
        self.port = port
        self.url = f"opc.tcp://127.0.0.1:{port}/plant"
        self.extra = extra
        self.padding = padding
        self.password = password
        self.missing = missing
        self.server: Server | None = None

    async def start(self) -> Plant:
        manager = _OneUser(self.password) if self.password else None
        self.server = server = Server(user_manager=manager)
        await server.init()
        server.set_endpoint(self.url)
        server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
        if self.password:
            server.set_identity_tokens([ua.UserNameIdentityToken])
        for number in range(self.padding):  # moves our namespace index
            await server.register_namespace(f"urn:test:padding{number}")
        self.index = await server.register_namespace(URI)
        await self._fill()
        if self.missing:
            await server.delete_nodes([server.get_node(self._id(self.missing))])
        await server.start()
        return self

    async def _fill(self) -> None:
        objects = self.server.nodes.objects
        plant = await objects.add_object(self._id("Plant"), self._name("Plant"))
        self.line = await plant.add_object(self._id("Line1"), self._name("Line1"))
        level = await self.add("Level", 1.5)
        await level.add_property(self._id("r"), ua.QualifiedName("EURange"), ua.Range(0.0, 100.0))
        unit = ua.EUInformation(UnitId=0, DisplayName=ua.LocalizedText("%"))
        await level.add_property(self._id("u"), ua.QualifiedName("EngineeringUnits"), unit)
        await self.add("Count", 7, ua.VariantType.UInt16)
        await self.add("Running", True)
        await self.add("Text", "hello")
        await self.add("Array", [1.0, 2.0])
        await self.add("a/b", 3.0)
        # a loop in the address space: the line organises its own parent
        await self.line.add_reference(plant, ua.ObjectIds.Organizes)
        folder = None
        for number in range(self.extra):
            if number % 250 == 0:
                folder = await plant.add_object(self._id(f"F{number}"), self._name(f"F{number}"))
            await folder.add_variable(self._id(f"x{number}"), self._name(f"x{number}"), 0.0)

    async def add(self, name: str, value: object, kind: ua.VariantType | None = None):
        return await self.line.add_variable(self._id(name), self._name(name), value, kind)

    async def write(self, name: str, value: object, kind: ua.VariantType | None = None) -> None:
        await self.write_data(name, ua.DataValue(ua.Variant(value, kind)))

    async def write_data(self, name: str, data: ua.DataValue) -> None:
        await self.server.write_attribute_value(self._id(name), data)

    async def stop(self) -> None:
        server, self.server = self.server, None
        if server is not None:
            await server.stop()

    def _id(self, name: str) -> ua.NodeId:
        return ua.NodeId(name, self.index)

    def _name(self, name: str) -> ua.QualifiedName:
        return ua.QualifiedName(name, self.index)


class _OneUser(UserManager):
    def __init__(self, password: str) -> None:
        self.password = password

    def get_user(self, iserver, username=None, password=None, certificate=None):
        if username == "reader" and password == self.password:
            return User(role=UserRole.User)
        return None


@asynccontextmanager
async def running(**options) -> AsyncIterator[Plant]:
    plant = Plant(free_port(0), **options)
    try:
        yield await plant.start()
    finally:
        await plant.stop()


@asynccontextmanager
async def limited(monkeypatch, method: str, limit: int) -> AsyncIterator[list[int]]:
    """Refuse requests with more than ``limit`` operations, as many PLCs do; yields their sizes."""
    sizes: list[int] = []
    inner = getattr(InternalSession, method)

    async def outer(self, params, *more):
        items = next(getattr(params, name) for name in OPERATIONS if hasattr(params, name))
        sizes.append(len(items))
        if len(items) > limit:
            raise ua.UaStatusCodeError(ua.StatusCodes.BadTooManyOperations)
        return await inner(self, params, *more)

    with monkeypatch.context() as patch:
        patch.setattr(InternalSession, method, outer)
        yield sizes
