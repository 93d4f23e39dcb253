"""Outages between the source and our own server, which is strict about who may go on with what."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest

from opcua_ai.core import status as codes
from opcua_ai.core.config import History, User
from opcua_ai.core.ports import SourceState
from opcua_ai.core.types import ModelHealth, ModelResult, Prediction, Window
from opcua_ai.server.advisory import AdvisoryServer
from tests.integration.proxy import between
from tests.integration.server.bare_server import open_settings
from tests.integration.server.conftest import TAGS, make_model
from tests.integration.watched import (
    Seen,
    delivering,
    further,
    lost_and_back,
    source,
    until,
    upwards,
    without_repeats,
)


@asynccontextmanager
async def advisory(folder: Path, history: History | None = None):
    """A server that counts a model's runs, and one of its predictions, upwards, one every few
    milliseconds."""
    (folder / "secret").write_text("right\n")
    users = {"op": User(password_file=folder / "secret")}
    server = AdvisoryServer(open_settings(folder, trust_all_clients=True, users=users), history)
    await server.start([make_model()], ["plant"])
    window = Window(np.zeros((1, 1)), np.zeros((1, 1), np.uint32), 0, 0)

    async def count() -> None:
        health = ModelHealth()
        while True:
            health.runs += 1
            await server.publish_health("faults", health)
            now = time.time_ns()
            prediction = Prediction("load", float(health.runs), codes.GOOD, now)
            await server.publish(
                ModelResult("faults", "line1", "tep_faults", [prediction], window, TAGS, now)
            )
            await asyncio.sleep(0.01)

    task = asyncio.create_task(count())
    try:
        yield server
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await server.stop()


@pytest.mark.parametrize("encrypted", [True, False], ids=["same session", "transferred"])
async def test_what_proves_to_be_ours_goes_on(tmp_path, encrypted):
    """By the certificate the whole session, on policy None the same user's subscription."""
    security = {
        "policy": "Basic256Sha256",
        "certificate": tmp_path / "source.der",
        "private_key": tmp_path / "source.pem",
    }
    async with advisory(tmp_path) as server:
        async with between(urlsplit(server.endpoint).port) as proxy:
            login = {"user": "op", "password_file": tmp_path / "secret"}
            options = {"security": security} if encrypted else {}
            options |= {"browse_root": "Objects", "include": ["*/Runs"]}
            src, sink = source(proxy.url("opcua-ai"), **login, **options), Seen()
            async with delivering(src, sink):
                await until(lambda: sink.last > 5)
                await lost_and_back(src, proxy, proxy.cut)
                assert src._link.resumed == encrypted
                await further(sink, 30)
                assert src.state is SourceState.RUNNING
    values = sink.values()
    assert without_repeats(values) == upwards(values[0], values[-1])
    assert (src.stats.gaps, src.stats.lost_messages) == (0, 0)


async def test_a_gap_is_filled_from_our_own_history(tmp_path):
    """An anonymous client's session ends with its connection, so a new subscription is made."""
    async with (
        advisory(tmp_path, History(folder=tmp_path / "history")) as server,
        between(urlsplit(server.endpoint).port) as proxy,
    ):
        include = ["*/line1/*/faults_load/Value"]
        src, sink = source(proxy.url("opcua-ai"), browse_root="Objects", include=include), Seen()
        async with delivering(src, sink):
            assert [tag.name for tag in src.tags] == ["Value"]
            await until(lambda: sink.last > 5)
            await lost_and_back(src, proxy, proxy.cut)
            await until(lambda: src.stats.filled > 20)
            await further(sink, 5)
    rows = sorted({(row[3] // 1000, row[1]) for row in [*sink.live, *sink.filled]})
    values = [value for _, value in rows]
    assert values == upwards(values[0], values[-1])
    assert src.stats.gaps == 1
    assert len(sink.filled) == src.stats.filled + 1, "and the one that was in force"
