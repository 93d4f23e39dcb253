"""Collector processes that are killed, hang or do not start."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import psutil
import pytest

from opcua_ai.collector import CollectedSource, CollectorProcess, process
from opcua_ai.core import status as codes
from opcua_ai.core.errors import SourceLostError
from opcua_ai.core.ports import SourceState
from opcua_ai.sources import opcua
from tests.integration.collector.rig import ROWS, Rig, table, thousands, until
from tests.integration.plant_server import running
from tests.integration.watched import FAST, counting, upwards, write

NO_COMMUNICATION = codes.BAD_NO_COMMUNICATION


async def test_a_killed_process_is_lost_at_once_and_comes_back_with_its_columns(
    rig, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    table(tmp_path, "a b")
    shared = CollectorProcess("one")
    plant, other = rig("plant", shared), rig("other", shared)
    await plant.start()
    await other.start()
    await until(lambda: plant.store.filled == other.store.filled == ROWS)
    await until(lambda: plant.source.stats.values and plant.got)
    values, version = plant.source.stats.values, plant.store.version
    table(tmp_path, "c b", start=600)
    states: list[object] = []
    lose = plant.source.ended

    def ended(why: str) -> None:
        lose(why)
        states.append(plant.source.state)
        states.append(plant.store.window(plant.columns, ROWS).status[-1].tolist())
        states.append(plant.got[-1])

    plant.source.ended = ended
    os.kill(shared.pid or 0, signal.SIGKILL)
    await until(lambda: states)
    lost = codes.BAD_NO_COMMUNICATION
    assert states[:2] == [SourceState.LOST, [lost, lost]]
    assert (states[2].column.tolist(), states[2].status.tolist()) == ([0], [lost])
    assert states[2].time.tolist() == plant.got[-2].time.tolist()
    assert plant.store.version > version
    await until(lambda: plant.store.window(plant.columns, 1).status[0, 1] == codes.GOOD)
    assert thousands(plant) == [[1, 2]], "b keeps its column, a is gone, c is not known"
    assert plant.store.window(plant.columns, 1).status[0, 0] == lost
    assert plant.source.stats.reconnects == plant.source.stats.gaps == 1
    await until(lambda: plant.source.stats.values > values)
    await until(lambda: other.source.state is SourceState.RUNNING)
    assert caplog.text.count("collector process one ended (signal SIGKILL)") == 1
    assert "lost until then: plant, other" in caplog.text
    assert "source plant: other tags than before: 1 are new" in caplog.text
    assert "1 are gone: a" in caplog.text
    record = next(r for r in caplog.records if "other tags than before" in r.message)
    assert (record.name, record.levelno) == ("opcua_ai.collector.delivery", logging.WARNING)
    assert record.process != os.getpid(), "the child's own log line"


async def test_signals_of_a_terminal_or_service_manager_do_not_end_the_child(
    rig, tmp_path: Path
) -> None:
    table(tmp_path, "a")
    shared = CollectorProcess("one")
    plant = rig("plant", shared)
    await plant.start()
    await until(lambda: plant.store.filled)
    pid = shared.pid or 0
    for number in (signal.SIGINT, signal.SIGTERM):
        os.kill(pid, number)
    version = plant.store.version
    await until(lambda: plant.store.version > version + 3)
    assert shared.pid == pid
    assert os.getpgid(pid) != os.getpgid(0)


async def test_a_child_that_hangs_is_killed_at_the_stop(
    rig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "GRACE_S", 0.1)
    table(tmp_path, "a")
    plant = rig("plant", CollectorProcess("one"))
    await plant.start()
    child = psutil.Process(plant.source._process.pid)
    child.suspend()
    await plant.stop()
    assert not child.is_running()


async def test_a_child_that_hangs_is_replaced(
    rig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(process, "SILENCE_S", 3.0)
    table(tmp_path, "a")
    shared = CollectorProcess("one")
    plant = rig("plant", shared)
    await plant.start()
    await until(lambda: plant.store.filled)
    pid = shared.pid
    psutil.Process(pid).suspend()
    await until(lambda: shared.pid not in (pid, None))
    await until(lambda: plant.source.state is SourceState.RUNNING)
    assert "collector process one is silent for 3 s: ended" in caplog.text


async def test_a_process_that_cannot_start_is_tried_again_ever_more_slowly(
    rig, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(process, "WORKER", "opcua_ai.no_such_module")
    monkeypatch.setattr(process, "FIRST_WAIT_S", 0.01)
    shared = CollectorProcess("one")
    plant = rig("plant", shared)
    waits = []
    for _ in range(3):
        with pytest.raises(SourceLostError, match=r"collector process one ended \(exit code 1\)"):
            await plant.source.connect()
        waits.append(shared._wait_s)
    assert waits == [0.01, 0.02, 0.04]
    shared._wait_s = 30.0
    connecting = asyncio.create_task(plant.source.connect())
    await asyncio.sleep(0.05)
    await asyncio.wait_for(plant.source.close(), 5)  # not before 30 s else
    connecting.cancel()
    await asyncio.gather(connecting, return_exceptions=True)
    assert "no_such_module" in capfd.readouterr().err


async def test_what_a_killed_process_misses_is_read_from_the_history_of_the_server(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(process, "FIRST_WAIT_S", 0.3)
    async with running() as server:
        await write(server, "Level", 0)
        level = server.server.get_node(server._id("Level"))
        await server.server.historize_node_data_change(level, None, 0)
        options = opcua.Options.model_validate({**FAST, "endpoint": server.url})
        shared = CollectorProcess("one")
        plant = Rig(CollectedSource(options, "plant", shared, lambda _: True))
        async with counting(server):
            await plant.start()
            store = plant.source.feed.store(1, 0.2, 200)  # before the order to run, as by a model
            store.use(plant.columns)
            await until(lambda: store.filled > 2)
            os.kill(shared.pid or 0, signal.SIGKILL)
            await until(lambda: plant.source.stats.filled)
        filled = np.concatenate([block.value for block in plant.got if block.filled])
        live = [block for block in plant.got if not block.filled]
        (loss,) = (k for k, block in enumerate(live) if block.status[0] == NO_COMMUNICATION)
        before, after = (np.concatenate([b.value for b in part]) for part in
                         (live[:loss], live[loss + 1 :]))  # fmt: skip
        assert filled[0] == before[-1]
        assert filled[1:].tolist() == upwards(before[-1] + 1, after[0] - 1)
        window = store.window(plant.columns, store.filled)
        assert window.filled.any()
        assert codes.good_mask(window.status).all()
        # and in a plant that now stands still
        await until(lambda: store.window(plant.columns, 1).value[0, 0] == plant.got[-1].value[-1])
        assert plant.source.stats.gaps == plant.source.stats.reconnects == 1
        await plant.stop()
    assert "the server has a history of 1 of them" in caplog.text


PARENT = """
import asyncio, sys
from opcua_ai.collector import CollectedSource, CollectorProcess
from opcua_ai.sources.recording import Options

async def main():
    process = CollectorProcess("one")
    source = CollectedSource(Options(file=sys.argv[1]), "plant", process, lambda _: True)
    await source.connect()
    store = source.feed.store(1, 0.2, 3)
    running = asyncio.create_task(source.run(lambda samples: None))
    while not store.filled:
        await asyncio.sleep(0.01)
    print(process.pid, flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


def test_the_child_of_a_killed_main_process_ends_and_its_memory_has_no_name(tmp_path: Path) -> None:
    command = [sys.executable, "-c", PARENT, str(table(tmp_path, "a"))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = psutil.Process(int(parent.stdout.readline()))
        if sys.platform == "linux":
            maps = Path(f"/proc/{child.pid}/maps").read_text()
            assert "/memfd:opcua-ai windows (deleted)" in maps, "the kernel frees it with its users"
        parent.kill()
    child.wait(20)
