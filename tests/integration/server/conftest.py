"""Running advisory servers and an HMI's eyes for them."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import asyncua
import numpy as np
import pytest
import pytest_asyncio
from asyncua import Client, Node, ua
from asyncua.crypto.security_policies import SecurityPolicyBasic256Sha256

from opcua_ai.core import status as codes
from opcua_ai.core.config import Server, User
from opcua_ai.core.types import (
    NS,
    Contribution,
    FaultVerdict,
    ModelInfo,
    ModelResult,
    OutputInfo,
    Prediction,
    Tag,
    Window,
)
from opcua_ai.server.advisory import NAMESPACE, AdvisoryServer
from opcua_ai.server.secured import APPLICATION_URI
from opcua_ai.server.security.certificate import ensure
from opcua_ai.server.security.roles import Role

LOOPBACK = "opc.tcp://127.0.0.1:0/opcua-ai"
PLANT_TIME = 1_700_000_000 * NS
TAGS = [Tag("Plant/T1", "nsu=urn:plant;s=T1", unit="degC", low=0.0, high=200.0)]
OUTPUTS = [
    OutputInfo("fault", "classes", labels=["normal", "fault 5"]),
    OutputInfo("load", "value", "Load of the line", "kW", 0.0, 10.0, horizon_s=60.0),
]

Settings = Callable[..., Server]
Running = Callable[..., AbstractAsyncContextManager[AdvisoryServer]]
Login = Callable[..., Awaitable[Client]]


class Events:
    """Subscribes to the predicted faults of a node and collects them."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._seen: asyncio.Queue[Any] = asyncio.Queue()

    def event_notification(self, event: Any) -> None:
        self._seen.put_nowait(event)

    async def subscribe(self, node: Any = ua.ObjectIds.Server, kind: Any = None) -> Any:
        index = await self._client.get_namespace_index(NAMESPACE)
        subscription = await self._client.create_subscription(20, self)
        kind = kind or self._client.get_node(f"ns={index};i=1007")
        await subscription.subscribe_events(node, kind)
        return subscription

    async def next(self) -> Any:
        return await asyncio.wait_for(self._seen.get(), 5)

    async def none(self) -> bool:
        await asyncio.sleep(0.1)
        return self._seen.empty()


class Hmi:
    """A connected client that addresses nodes by their path below Objects."""

    def __init__(self, client: Client, index: int) -> None:
        self.client = client
        self._index = index

    def node(self, path: str) -> Node:
        return self.client.get_node(path if "=" in path else f"ns={self._index};s={path}")

    async def read(self, path: str) -> ua.DataValue:
        return await self.node(path).read_data_value(raise_on_bad_status=False)

    async def value(self, path: str) -> Any:
        found = await self.read(path)
        assert found.StatusCode is not None
        assert found.StatusCode.is_good(), f"{path}: {found.StatusCode.name}"
        assert found.Value is not None
        return found.Value.Value

    async def type_name(self, path: str) -> str | None:
        kind = self.client.get_node(await self.node(path).read_type_definition())
        return (await kind.read_browse_name()).Name

    async def below(self, path: str) -> AsyncIterator[tuple[str, Node]]:
        """All nodes below a path, found by browsing."""
        for child in await self.node(path).get_children():
            found = f"{path}/{(await child.read_browse_name()).Name}"
            if child == self.node(found):  # HasNotifier leads to the assets a second time
                yield found, child
                async for deeper in self.below(found):
                    yield deeper

    def events(self) -> Events:
        return Events(self.client)


def make_model(assets: int = 2, more: int = 0) -> ModelInfo:
    return ModelInfo(
        name="faults",
        bundle="tep_faults",
        version="1.0.0",
        digest="0" * 64,
        framework="keras",
        task="classification",
        application="FaultPrediction",
        schedule="every 1 s",
        trained_on="simulated",
        metrics="{}",
        accelerator="CPU",
        inputs=TAGS,
        outputs=[*OUTPUTS, *(OutputInfo(f"extra{i}", "score") for i in range(more))],
        assets=[f"line{i + 1}" for i in range(assets)],
        simulated=["line2"],
    )


@pytest.fixture(scope="session")
def model() -> Callable[..., ModelInfo]:
    return make_model


@pytest.fixture(scope="session")
def result() -> Callable[..., ModelResult]:
    def make(*predictions: Prediction) -> ModelResult:
        window = Window(np.zeros((1, 1)), np.zeros((1, 1), np.uint32), PLANT_TIME, PLANT_TIME)
        bundle = "tep_faults 1.0.0 (000000)"
        until = PLANT_TIME + 10 * NS
        return ModelResult("faults", "line1", bundle, predictions, window, TAGS, until)

    return make


@pytest.fixture(scope="session")
def fault() -> FaultVerdict:
    return FaultVerdict(
        asset="line1",
        active=True,
        label="fault 5",
        severity=700,
        message="Fault 5 is coming",
        status=codes.GOOD,
        source_time=PLANT_TIME,
        confidence=0.9,
        contributions=[Contribution("T1", 0.6, "rises")],
        changed=True,
    )


@pytest.fixture(scope="session")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One certificate for all servers here: making a key takes a while."""
    folder = tmp_path_factory.mktemp("pki")
    ensure(folder / "server.der", folder / "server.pem", APPLICATION_URI, "127.0.0.1")
    ensure(folder / "client.der", folder / "client.pem", "urn:test:client", "127.0.0.1")
    (folder / "secret").write_text("right\n")
    (folder / "store" / "trusted").mkdir(parents=True)
    shutil.copy(folder / "client.der", folder / "store" / "trusted")
    return folder


@pytest.fixture(scope="session")
def settings(pki: Path, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    def make(**options: Any) -> Server:
        files = {"certificate": pki / "server.der", "private_key": pki / "server.pem"}
        state = tmp_path_factory.mktemp("state")
        files |= {"state_dir": state, "audit_file": state / "audit.jsonl"}
        files |= {"pki": pki / "store", "users_file": state / "users.json"}
        return Server(**({"endpoint": LOOPBACK} | files | options))

    return make


@pytest.fixture(scope="session")
def running() -> Running:
    @asynccontextmanager
    async def run(settings: Server, model: ModelInfo | None = None) -> Any:
        server = AdvisoryServer(settings)
        await server.start([model or make_model()], {"plant": "opc.tcp://plant:4840"})
        try:
            yield server
        finally:
            await server.stop()

    return run


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def opened(settings: Settings, running: Running) -> AsyncIterator[AdvisoryServer]:
    """A server as the demo has it: everybody may read and operate alarms."""
    everybody = settings(allow_none=True, allow_anonymous=True, anonymous_role="Engineer")
    async with running(everybody) as server:
        yield server


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def locked(settings: Settings, running: Running, pki: Path) -> AsyncIterator[AdvisoryServer]:
    """A server with the default security and one user: op, right."""
    users = {"op": User(password_file=pki / "secret")}
    async with running(settings(users=users)) as server:
        yield server


@pytest.fixture(scope="session")
def one_of_each(pki: Path) -> dict[str, User]:
    """A user of each role; password: right."""
    return {role.name.lower(): User(password_file=pki / "secret", role=role.name) for role in Role}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def manned(
    settings: Settings, running: Running, one_of_each: dict[str, User]
) -> AsyncIterator[AdvisoryServer]:
    """A server with the default security and a user of each role."""
    async with running(settings(users=one_of_each)) as server:
        yield server


@pytest.fixture
def login(manned: AdvisoryServer, encrypted: Any) -> Login:
    async def make(user: str) -> Client:
        return await encrypted(manned, user, "right")

    return make


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def plain() -> AsyncIterator[str]:
    """The endpoint of asyncua's own server."""
    server = asyncua.Server()
    await server.init()
    server.set_endpoint("opc.tcp://127.0.0.1:0/plain")
    server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
    async with server:
        assert server.bserver is not None
        yield f"opc.tcp://127.0.0.1:{server.bserver.port}/plain"


@pytest.fixture
def endpoints(opened: AdvisoryServer, plain: str) -> dict[str, str]:
    return {"ours": opened.endpoint, "plain": plain}


@pytest.fixture(scope="session")
def look() -> Callable[[Client], Awaitable[Hmi]]:
    async def make(client: Client) -> Hmi:
        return Hmi(client, await client.get_namespace_index(NAMESPACE))

    return make


@pytest_asyncio.fixture(loop_scope="session")
async def hmi(opened: AdvisoryServer, look: Any) -> AsyncIterator[Hmi]:
    async with Client(opened.endpoint, timeout=10) as client:
        yield await look(client)


@pytest.fixture
def encrypted(pki: Path) -> Callable[..., Awaitable[Client]]:
    """A client with Basic256Sha256, SignAndEncrypt; not yet connected."""

    async def make(server: AdvisoryServer, user: str = "", password: str = "") -> Client:
        client = Client(server.endpoint, timeout=10)
        client.application_uri = "urn:test:client"
        files = pki / "client.der", pki / "client.pem"
        await client.set_security(SecurityPolicyBasic256Sha256, *files)
        if user:
            client.set_user(user)
            client.set_password(password)
        return client

    return make
