"""A model of the whole product, run by hand by node-opcua: nothing is replaced by a stand-in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest
from asyncua import Client, ua

from opcua_ai import app
from opcua_ai.core import status as codes
from opcua_ai.core.config import Config
from opcua_ai.demo.processes import free_port
from tests.integration.node_client import needs_node, start

VALUE = "AIAdvisory/Applications/ProductionOptimisation/line1/Predictions/cost_cost/Value"
INPUTS = ("XMV(5)", "XMV(6)", "XMV(9)")
Serving = Callable[[], AbstractAsyncContextManager[str]]


@pytest.fixture
def serving(tmp_path: Path) -> Serving:
    """The product on a recording of the three inputs of ``tep_cost``, in this process."""
    rows = "".join(f"{180 * k},22,40,47\n" for k in range(400))
    (tmp_path / "line.csv").write_text(f"time,{','.join(INPUTS)}\n{rows}")
    endpoint = f"opc.tcp://127.0.0.1:{free_port(0)}/opcua-ai"
    source = {"kind": "recording", "file": "line.csv", "speed": 9000.0, "repeat": True}
    model = {
        "bundle": "tep_cost",
        "schedule": {"interval_s": 0.2},
        "application": "ProductionOptimisation",
        "assets": {"line1": {"source": "plant"}},
    }
    advice = {"policy": "setpoint", "model": "cost", "tag": "XMV(6)", "valid_s": 1.0}
    doors = {"allow_none": True, "allow_anonymous": True, "anonymous_role": "Engineer"}
    table = {
        "sources": {"plant": source},
        "models": {"cost": model},
        "decisions": {"save": advice | {"low": 20.0, "high": 60.0, "max_step": 2.0}},
        "server": {"endpoint": endpoint, **doors},
    }
    config = Config.model_validate(table, context={"folder": tmp_path})
    models = app.load_models(config)

    @asynccontextmanager
    async def serve() -> AsyncIterator[str]:
        stop, built = asyncio.Event(), asyncio.Event()
        running = asyncio.create_task(app.serve(config, models, stop, built.set))
        try:
            async with asyncio.timeout(20):
                await built.wait()
            yield endpoint
        finally:
            stop.set()
            await running

    return serve


@needs_node[0]
@needs_node[1]
async def test_run_disable_enable_and_a_restart(
    serving: Serving, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving() as endpoint:
        arguments = ("--model", "cost", "--watch", VALUE)
        client = await start(tmp_path / "pki", endpoint, *arguments, script="models.js")
        try:
            await client.until("done")
        finally:
            await client.close()
    assert {line["name"]: line["status"] for line in client.all("step")} == {
        "RunNow": "Good",
        "Enable while enabled": "BadInvalidState",
        "Disable": "Good",
        "Disable again": "BadInvalidState",
        "RunNow while disabled": "BadInvalidState",
        "Enable": "Good",
        "Disable before the restart": "Good",
    }
    assert all(line["may"] for line in client.all("executable"))
    out = {"state": "Disabled", "value": "BadOutOfService", "nextRun": "BadOutOfService"}
    assert client.all("disabled") == [{"kind": "disabled", **out}]
    expired, proposed = client.all("event")
    assert (expired["State"], proposed["State"]) == (6, 0)
    assert expired["SourceName"] == "line1"
    assert expired["Message"].startswith("Expired: lower XMV(6) by 2")
    assert expired["ClampedValue"] == pytest.approx(38.0)
    assert expired["ExpiresAt"] < proposed["ExpiresAt"]
    caplog.clear()
    async with serving() as endpoint, Client(endpoint) as again:
        index = await again.get_namespace_index("urn:opcua-ai:advisory")
        node = again.get_node(f"ns={index};s={VALUE}")
        async with asyncio.timeout(10):
            found = await node.read_data_value(raise_on_bad_status=False)
            while found.StatusCode != ua.StatusCode(codes.BAD_OUT_OF_SERVICE):
                await asyncio.sleep(0.1)
                found = await node.read_data_value(raise_on_bad_status=False)
        state = again.get_node(f"ns={index};s=AIAdvisory/Models/cost/State")
        assert await state.read_value() == "Disabled"
    assert "model cost is disabled since an earlier run" in caplog.text
