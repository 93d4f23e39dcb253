"""RunNow, Enable and Disable of a model, by whom, over real sockets."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from asyncua import ua
from asyncua.ua.uaerrors import UaStatusCodeError

from opcua_ai.core.config import User
from opcua_ai.server.advisory import AdvisoryServer

pytestmark = pytest.mark.asyncio(loop_scope="session")

MODEL = "AIAdvisory/Models/faults"
METHODS = ("RunNow", "Enable", "Disable")
ROLES = ("Observer", "Operator", "Engineer")


class Switch:
    """The models of a pipeline, without one."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.enabled = True

    def run_now(self, model: str) -> bool:
        self.calls.append(f"run {model}")
        return self.enabled

    async def enable(self, model: str) -> bool:
        self.calls.append(f"enable {model}")
        changed, self.enabled = not self.enabled, True
        return changed

    async def disable(self, model: str) -> bool:
        self.calls.append(f"disable {model}")
        changed, self.enabled = self.enabled, False
        return changed


class Controlled:
    """A server whose models can be controlled, and three users: one of each role."""

    def __init__(self, server: AdvisoryServer, switch: Switch, audit: Path) -> None:
        self.server, self.switch, self.audit = server, switch, audit


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def controlled(settings: Any, model: Any, pki: Path) -> AsyncIterator[Controlled]:
    users = {role: User(password_file=pki / "secret", role=role) for role in ROLES}
    options = settings(users=users)
    switch, server = Switch(), AdvisoryServer(options)
    await server.start([model()], ["plant"], control=switch)
    yield Controlled(server, switch, options.audit_file)
    await server.stop()


async def refusal(hmi: Any, name: str, *arguments: Any, target: str = MODEL) -> str:
    """What a call is refused with; empty when it is not."""
    methods = {
        (await found.read_browse_name()).Name: found
        for found in await hmi.node(MODEL).get_methods()
    }
    try:
        await hmi.node(target).call_method(methods[name].nodeid, *arguments)
    except UaStatusCodeError as error:
        return type(error).__name__
    return ""


@pytest.mark.parametrize(
    ("role", "allowed"),
    [("Observer", ()), ("Operator", ("RunNow",)), ("Engineer", METHODS)],
)
async def test_roles_decide_and_user_executable_says_so(
    controlled: Controlled, encrypted: Any, look: Any, role: str, allowed: tuple[str, ...]
) -> None:
    controlled.switch.enabled, controlled.switch.calls = False, []
    async with await encrypted(controlled.server, role, "right") as client:
        hmi = await look(client)
        for method in await hmi.node(MODEL).get_methods():
            name = (await method.read_browse_name()).Name
            may = await method.read_attribute(ua.AttributeIds.UserExecutable)
            assert may.Value is not None
            assert may.Value.Value is (name in allowed), name
        answers = {name: await refusal(hmi, name) for name in ("Enable", "RunNow", "Disable")}
    refused = {name for name, answer in answers.items() if answer == "BadUserAccessDenied"}
    assert refused == set(METHODS) - set(allowed)
    assert len(controlled.switch.calls) == len(allowed)


async def test_the_state_of_the_model_refuses(
    controlled: Controlled, encrypted: Any, look: Any
) -> None:
    controlled.switch.enabled, controlled.switch.calls = True, []
    async with await encrypted(controlled.server, "Engineer", "right") as client:
        hmi = await look(client)
        assert await refusal(hmi, "Enable") == "BadInvalidState"
        assert await refusal(hmi, "Disable") == ""
        assert await refusal(hmi, "RunNow") == "BadInvalidState"
        assert await refusal(hmi, "Enable") == ""
        assert await refusal(hmi, "RunNow") == ""
    assert controlled.switch.calls == [
        f"{what} faults" for what in ("enable", "disable", "run", "enable", "run")
    ]


async def test_what_is_no_model_and_what_is_no_argument(
    controlled: Controlled, encrypted: Any, look: Any
) -> None:
    controlled.switch.calls = []
    async with await encrypted(controlled.server, "Engineer", "right") as client:
        hmi = await look(client)
        assert await refusal(hmi, "RunNow", target="AIAdvisory") == "BadMethodInvalid"
        assert await refusal(hmi, "RunNow", 1) == "BadTooManyArguments"
    assert controlled.switch.calls == []


async def test_calls_are_audited(controlled: Controlled, encrypted: Any, look: Any) -> None:
    controlled.switch.enabled = True
    async with await encrypted(controlled.server, "Operator", "right") as client:
        assert await refusal(await look(client), "RunNow") == ""
        assert await refusal(await look(client), "Disable") == "BadUserAccessDenied"
    async with asyncio.timeout(5):  # it is written in the background
        while [line["good"] for line in audited(controlled)[-2:]] != [True, False]:
            await asyncio.sleep(0.02)


def audited(controlled: Controlled) -> list[dict[str, Any]]:
    """What the Operator called."""
    lines = [json.loads(line) for line in controlled.audit.read_text().splitlines()]
    return [line for line in lines if line["user"] == "Operator" and MODEL in line["text"]]


async def test_nothing_that_does_nothing_is_in_the_tree(
    controlled: Controlled, encrypted: Any, look: Any
) -> None:
    async with await encrypted(controlled.server, "Engineer", "right") as client:
        hmi = await look(client)
        names = {(await c.read_browse_name()).Name for c in await hmi.node(MODEL).get_children()}
    assert set(METHODS) < names
    assert not names & {"PromoteModel", "Rollback", "DriftScore", "OutOfDistribution"}


async def test_a_server_without_a_pipeline_has_no_such_methods(hmi: Any) -> None:
    assert await hmi.node(MODEL).get_methods() == []
