"""Sources in collector processes: real processes, with a recording in place of a plant."""

from __future__ import annotations

import asyncio
import logging
import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import numpy as np
import psutil
import pytest

from opcua_ai.collector import CollectedSource, CollectorProcess, process
from opcua_ai.core import status as codes
from opcua_ai.core.errors import ConfigError, DataError, SourceLostError
from opcua_ai.core.ports import SourceState
from opcua_ai.core.types import Samples
from opcua_ai.history.reader import Reader
from opcua_ai.sources import opcua, recording
from opcua_ai.windows.shared import StoreView
from tests.integration.conftest import Serve, StartPlant
from tests.integration.plant_server import running
from tests.integration.watched import FAST, counting, upwards, write

ROWS = 3
NO_COMMUNICATION = codes.BAD_NO_COMMUNICATION


class Rig:
    """One source that is run."""

    def __init__(self, source: CollectedSource) -> None:
        self.source = source
        self.got: list[Samples] = []
        self.running: asyncio.Task[None] | None = None

    async def start(self) -> None:
        await self.source.connect()
        count = len(self.source.tags)
        self.columns = np.arange(count)
        self.store: StoreView = self.source.feed.store(count, 0.2, ROWS)
        self.store.use(self.columns)
        self.running = asyncio.create_task(self.source.run(self.got.append))

    async def stop(self) -> None:
        await self.source.close()
        await self.source.close()
        if self.running is not None:
            await asyncio.wait_for(self.running, 5)


def table(folder: Path, columns: str, start: int = 0, name: str = "plant.csv") -> Path:
    """Ten rows a second, in which every column has its own thousand."""
    names = columns.split()
    lines = [",".join(["time", *names])]
    for row in range(start, start + 1000):
        values = (str(1000 * (1 + "abc".index(n)) + row % 1000) for n in names)
        lines.append(",".join([str(1e9 + row / 10), *values]))
    (folder / name).write_text("\n".join(lines), "utf-8")
    return folder / name


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Callable[..., Rig]]:
    made: list[Rig] = []

    def make(name: str, shared: CollectorProcess, recorded: str = "a", **options) -> Rig:
        options = {"file": tmp_path / "plant.csv"} | options
        source = CollectedSource(
            recording.Options(**options), name, shared, lambda path: path in recorded
        )
        made.append(Rig(source))
        return made[-1]

    yield make
    for one in made:
        await one.stop()


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.01)


def thousands(rig: Rig) -> list[list[int]]:
    value = rig.store.window(rig.columns, 1).value
    return (value // 1000).astype(int).tolist()


async def test_windows_tags_figures_and_recorded_samples_reach_the_main_process(
    rig, tmp_path: Path
) -> None:
    table(tmp_path, "a b c")
    plant = rig("plant", CollectorProcess("one"), recorded="b")
    await plant.start()
    await until(lambda: plant.store.filled == ROWS and plant.source.stats.values)
    assert [tag.path for tag in plant.source.tags] == ["a", "b", "c"]
    assert thousands(plant) == [[1, 2, 3]]
    assert plant.source.state is SourceState.RUNNING
    assert {int(c) for samples in plant.got for c in samples.column} == {1}
    assert all((samples.value // 1000 == 2).all() for samples in plant.got)


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


async def test_what_a_source_raises_comes_out_of_its_connect(rig) -> None:
    plant = rig("plant", CollectorProcess("one"))
    with pytest.raises(DataError, match=r"plant\.csv: no such file"):
        await plant.source.connect()
    assert plant.source.state is SourceState.LOST


async def test_a_failing_sink_ends_the_run_as_in_the_main_process(rig, tmp_path: Path) -> None:
    table(tmp_path, "a")
    plant = rig("plant", CollectorProcess("one"))
    await plant.source.connect()

    def full(samples: Samples) -> None:
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        await asyncio.wait_for(plant.source.run(full), 20)


async def test_one_process_serves_several_sources_and_ends_with_the_last(
    rig, tmp_path: Path
) -> None:
    table(tmp_path, "a")
    table(tmp_path, "b", name="other.csv")
    shared = CollectorProcess("one")
    plant, other = rig("plant", shared), rig("other", shared, file=tmp_path / "other.csv")
    await asyncio.gather(plant.start(), other.start())
    await until(lambda: plant.store.filled and other.store.filled)
    child = psutil.Process(shared.pid)
    assert [len(psutil.Process().children()), thousands(plant), thousands(other)] == [
        1,
        [[1]],
        [[2]],
    ]
    await plant.stop()
    version = other.store.version
    await until(lambda: other.store.version > version)
    await other.stop()
    assert not child.is_running()
    assert shared.pid is None


async def test_secrets_are_looked_up_by_the_child_and_not_in_its_command_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shared = CollectorProcess("one")
    table = {
        "endpoint": "opc.tcp://127.0.0.1:9/x",
        "user": "anna",
        "password_env": "PLANT_PASSWORD",
    }
    source = CollectedSource(opcua.Options(**table), "plant", shared, lambda _: False)
    monkeypatch.setenv("PLANT_PASSWORD", "a secret of the plant")
    with pytest.raises(SourceLostError, match="connection refused"):
        await source.connect()
    command = psutil.Process(shared.pid).cmdline()
    await source.close()
    assert all(word.isdigit() for word in command[-3:])
    assert "secret" not in " ".join(command)
    monkeypatch.delenv("PLANT_PASSWORD")
    other = CollectedSource(opcua.Options(**table), "plant", shared, lambda _: False)
    with pytest.raises(ConfigError, match="PLANT_PASSWORD is not set"):
        await other.connect()
    await other.close()


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


async def test_a_service_with_a_collector_predicts_records_and_ends_quietly_at_ctrl_c(
    start_plant: StartPlant, serve: Serve, config_file: Path, tmp_path: Path
) -> None:
    text = config_file.read_text().replace("simulated = true", 'simulated = true\nprocess = "one"')
    # without the model that needs TensorFlow it starts in a second
    text = re.sub(r"\[models\.faults\].*?(?=\[models\.cost\])", "", text, flags=re.DOTALL)
    text = re.sub(r"\[decisions\.fault_alarm\].*?(?=\[decisions)", "", text, flags=re.DOTALL)
    config_file.write_text(text + "\n[history]\n")
    await start_plant("--speed", "400")
    server = await serve(config_file)
    main = psutil.Process(server._process.pid if server._process else None)
    (child,) = main.children()

    def kept() -> dict[str, set[int]]:
        with Reader(tmp_path / "history") as reader:
            return {s.name: {r.status for r in reader.rows(s)} for s in reader.all_series()}

    await until(lambda: any("XMEAS(1)" in name and 0 in kept()[name] for name in kept()))
    await until(lambda: any("cost_cost/Value" in name and 0 in kept()[name] for name in kept()))
    os.killpg(main.pid, signal.SIGINT)
    assert server._process is not None
    assert await asyncio.wait_for(server._process.wait(), 20) == 0
    assert not child.is_running()
    said = server.log.read_text()
    assert "Traceback" not in said
    assert "ERROR" not in said
    assert "collector process" not in said
