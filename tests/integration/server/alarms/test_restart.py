"""Alarm states survive the end of the process."""

from __future__ import annotations

import dataclasses
import json
import logging
import shutil
from pathlib import Path
from typing import Any

import pytest
from asyncua import Client, ua

from opcua_ai.core import status as codes
from opcua_ai.core.types import FaultVerdict

pytestmark = pytest.mark.asyncio(loop_scope="session")

CONDITION = "AIAdvisory/Applications/FaultPrediction/line1/PredictedFault"


@pytest.fixture
def opened_again(settings: Any, running: Any, tmp_path: Path) -> Any:
    """Start a server with the state of the one before; by default a copy of its folder, as a
    crash leaves it."""
    count = 0

    def start(folder: Path | None = None) -> Any:
        nonlocal count
        count += 1
        options = {"allow_none": True, "allow_anonymous": True, "anonymous_role": "Engineer"}
        return running(settings(state_dir=folder or tmp_path / "state", **options))

    return start


def waiting(fault: FaultVerdict) -> FaultVerdict:
    """What a policy says right after its start."""
    return dataclasses.replace(
        fault,
        active=False,
        label="",
        severity=100,
        status=codes.BAD_WAITING_FOR_INITIAL_DATA,
        source_time=0,
        settled=False,
    )


async def refreshed(hmi: Any) -> list[Any]:
    events = hmi.events()
    subscription = await events.subscribe()
    await hmi.client.get_node(ua.ObjectIds.ConditionType).call_method(
        ua.NodeId(ua.ObjectIds.ConditionType_ConditionRefresh),
        ua.Variant(subscription.subscription_id, ua.VariantType.UInt32),
    )
    found = [await events.next() for _ in range(3)]
    await subscription.delete()
    return found[1:-1]


async def test_state_survives_a_restart(opened_again: Any, look: Any, fault: FaultVerdict) -> None:
    async with opened_again() as server:
        await server.publish_decision("alarm", "FaultPrediction", fault)
        async with Client(server.endpoint, timeout=10) as client:
            hmi = await look(client)
            event_id = await hmi.value(f"{CONDITION}/EventId")
            node = hmi.node(CONDITION)
            comment = ua.Variant(ua.LocalizedText("hot"), ua.VariantType.LocalizedText)
            await node.call_method(
                ua.NodeId(ua.ObjectIds.ConditionType_AddComment),
                ua.Variant(event_id, ua.VariantType.ByteString),
                comment,
            )
            await node.call_method(
                ua.NodeId(ua.ObjectIds.ShelvedStateMachineType_TimedShelve),
                ua.Variant(3_600_000.0, ua.VariantType.Double),
            )
            newest = await hmi.value(f"{CONDITION}/EventId")
    async with opened_again() as server:
        await server.publish_decision("alarm", "FaultPrediction", waiting(fault))
        async with Client(server.endpoint, timeout=10) as client:
            hmi = await look(client)
            (event,) = await refreshed(hmi)
            assert event.EventId == newest
            assert event.Message.Text == "Fault 5 is coming"
            assert (event.Label, event.Severity, event.Comment.Text) == ("fault 5", 700, "hot")
            assert getattr(event, "ActiveState/Id") is True
            assert getattr(event, "AckedState/Id") is False
            assert event.SuppressedOrShelved is True
            left = await hmi.value(f"{CONDITION}/ShelvingState/UnshelveTime")
            assert 3_500_000 < left <= 3_600_000
            await hmi.node(CONDITION).call_method(
                ua.NodeId(ua.ObjectIds.AcknowledgeableConditionType_Acknowledge),
                ua.Variant(event_id, ua.VariantType.ByteString),
                ua.Variant(ua.LocalizedText(), ua.VariantType.LocalizedText),
            )
            assert await hmi.value(f"{CONDITION}/AckedState/Id") is True


async def test_the_file_is_there_at_once(
    opened_again: Any, look: Any, fault: FaultVerdict, tmp_path: Path
) -> None:
    """kill -9 loses no more than the write under way: nothing waits for the end of the process."""
    async with opened_again() as server:
        await server.publish_decision("alarm", "FaultPrediction", fault)
        file = tmp_path / "state" / "alarms.json"
        async with Client(server.endpoint, timeout=10) as client:
            hmi = await look(client)
            while not file.exists():
                await hmi.value("AIAdvisory/HeartbeatPeriod")
        saved = json.loads(file.read_text())["alarms"]["FaultPrediction/line1/alarm"]
        assert (saved["active"], saved["label"]) == (True, "fault 5")
        shutil.copytree(tmp_path / "state", tmp_path / "crashed")
    async with opened_again(tmp_path / "crashed") as server:
        await server.publish_decision("alarm", "FaultPrediction", waiting(fault))
        async with Client(server.endpoint, timeout=10) as client:
            hmi = await look(client)
            assert await hmi.value(f"{CONDITION}/ActiveState/Id") is True


async def test_a_broken_file_is_said_and_never_fatal(
    opened_again: Any, look: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "alarms.json").write_text("{")
    async with opened_again() as server, Client(server.endpoint, timeout=10) as client:
        hmi = await look(client)
        assert await hmi.value(f"{CONDITION}/ActiveState/Id") is False
    assert "all alarms begin anew" in caplog.text
    assert (tmp_path / "state" / "alarms.json.broken").read_text() == "{"


async def test_a_folder_that_cannot_be_written_is_said_once(
    opened_again: Any, fault: FaultVerdict, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "state").write_text("a file where the folder should be")
    async with opened_again() as server:
        for active in (True, False, True):
            verdict = dataclasses.replace(fault, active=active)
            await server.publish_decision("alarm", "FaultPrediction", verdict)
    errors = [r.message for r in caplog.records if r.levelno == logging.ERROR]
    assert len([line for line in errors if "cannot be written" in line]) == 1
