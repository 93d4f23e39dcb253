"""A source in a collector process: what reaches the main process."""

from __future__ import annotations

import asyncio
import os
import re
import signal
from pathlib import Path

import psutil
import pytest

from opcua_ai.collector import CollectedSource, CollectorProcess
from opcua_ai.core.errors import ConfigError, DataError, SourceLostError
from opcua_ai.core.ports import SourceState
from opcua_ai.core.types import Samples
from opcua_ai.history.reader import Reader
from opcua_ai.sources import opcua
from tests.integration.collector.rig import ROWS, table, thousands, until
from tests.integration.conftest import Serve, StartPlant


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
