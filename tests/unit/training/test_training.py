"""From a configuration to a bundle: the whole way, interrupted, resumed, evaluated."""

import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from opcua_ai.core.errors import BundleError
from opcua_ai.inference import load_bundle
from opcua_ai.inference.manifest import CARD
from opcua_ai.training.config import load_config
from opcua_ai.training.data import load_data
from opcua_ai.training.evaluation import FaultReport
from opcua_ai.training.fault_task import FaultTraining
from opcua_ai.training.fit import Interrupted
from opcua_ai.training.judge import evaluate
from opcua_ai.training.runner import train, validate
from opcua_ai.training.state import TrainingState, take_up

ROOT = Path(__file__).parents[3]


def quiet() -> Console:
    return Console(file=io.StringIO(), width=200)


def text_of(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_the_whole_way(tiny: Path, tmp_path: Path) -> None:
    console = quiet()
    folder = train(tiny, console, state_home=tmp_path / "state")
    assert folder == tmp_path / "models" / "tiny" / "1.0.0"
    assert not (tmp_path / "state/tiny/seed-1").exists()
    assert "seed 1: epoch 4/4" in text_of(console)
    manifest = load_bundle(folder).manifest
    assert manifest.metrics["fdr_all"] > 0.9 and manifest.metrics["far_normal"] < 0.1
    assert manifest.metrics["accuracy_all"] > 0.9
    assert "random forest" in str(manifest.baseline["method"])
    assert manifest.training.rows == 420
    card = (folder / CARD).read_text()
    assert "classical baseline" in card and "F high" in card

    again = quiet()
    png, record = tmp_path / "x.png", tmp_path / "x.json"
    data = tiny.parent / "runs.npz"
    report = evaluate(str(folder), again, json_file=record, png_file=png, data=data)
    assert isinstance(report, FaultReport)
    assert json.loads(record.read_text())["fdr"]["all"] == pytest.approx(
        manifest.metrics["fdr_all"], abs=1e-3
    )
    assert report.fdr["only F"] > 0.9
    assert png.read_bytes().startswith(b"\x89PNG")
    assert "Fault by fault" in text_of(again) and "Confusion" in text_of(again)


def prepared(tiny: Path, console: Console | None = None) -> FaultTraining:
    loaded = load_config(tiny)
    return FaultTraining(loaded, load_data(loaded), console or quiet())


def test_stopped_and_resumed_gives_what_an_unbroken_training_gives(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    training = prepared(tiny)
    detector = training.detector()
    unbroken = training.classifier(detector, 3, tmp_path / "a")
    original = TrainingState.save

    def save_then_stop(self: TrainingState, model: object, epochs: int) -> None:
        original(self, model, epochs)
        if epochs == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(TrainingState, "save", save_then_stop)
        with pytest.raises(Interrupted):
            training.classifier(detector, 3, tmp_path / "b")
    console = quiet()
    resumed = prepared(tiny, console).classifier(detector, 3, tmp_path / "b")
    assert "going on after epoch 2" in text_of(console)
    for one, other in zip(unbroken.get_weights(), resumed.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_kill_while_an_epoch_is_saved_leaves_the_one_before(tmp_path: Path) -> None:
    class Saved:
        def __init__(self, content: bytes) -> None:
            self.content = content

        def save(self, path: Path) -> None:
            path.write_bytes(self.content)

    class Killed(Saved):
        def save(self, path: Path) -> None:
            super().save(path)
            raise SystemExit

    state = TrainingState(tmp_path / "seed-1", "key")
    state.save(Saved(b"first"), 1)
    with pytest.raises(SystemExit):
        state.save(Killed(b"half a"), 2)
    assert state.finished_epochs() == 1
    assert state.checkpoint(1).read_bytes() == b"first"
    state.save(Saved(b"second"), 2)
    assert state.finished_epochs() == 2
    assert [p.read_bytes() for p in state.folder.glob("*.keras")] == [b"second"]


def test_a_changed_configuration_starts_afresh_and_says_so(tmp_path: Path) -> None:
    class Saved:
        def save(self, path: Path) -> None:
            path.write_bytes(b"model")

    console = quiet()
    state = TrainingState(tmp_path / "seed-1", "old key")
    state.save(Saved(), 3)
    take_up(state, "seed 1", console)
    assert "seed 1: going on after epoch 3" in text_of(console)
    changed = TrainingState(tmp_path / "seed-1", "new key")
    assert changed.finished_epochs() == 0
    take_up(changed, "seed 1", console)
    assert "starting afresh" in text_of(console)
    assert not state.finished_epochs()
    state.save(Saved(), 2)
    take_up(state, "seed 1", console, fresh=True)
    assert state.finished_epochs() == 0


def test_ctrl_c_leaves_a_state_and_the_same_command_goes_on(tiny: Path, tmp_path: Path) -> None:
    tiny.write_text(tiny.read_text().replace("epochs = 4", "epochs = 4000"))
    command = [sys.executable, "-m", "opcua_ai", "train", str(tiny), "--seed", "1"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}

    def until_epoch_then_stop() -> tuple[int, str]:
        process = subprocess.Popen(
            command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        lines: list[str] = []
        deadline = time.monotonic() + 50
        for line in process.stdout:
            lines.append(line)
            if "epoch" in line and "/4000" in line or time.monotonic() > deadline:
                break
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=40)
        return process.returncode, "".join(lines) + rest

    code_first, first = until_epoch_then_stop()
    assert code_first == 0, first
    assert "go on with the same command" in first.splitlines()[-1]
    assert "Traceback" not in first
    state = tmp_path / ".opcua-ai/training/tiny/seed-1/state.json"
    kept = json.loads(state.read_text())["epochs"]
    assert kept >= 1
    code_second, second = until_epoch_then_stop()
    assert code_second == 0
    assert f"going on after epoch {kept}" in second


def test_validation_writes_no_bundle_and_leaves_the_test_runs_alone(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("the test runs were judged")

    monkeypatch.setattr("opcua_ai.training.fault_task.evaluate_faults", refuse)
    console = quiet()
    validate(tiny, console, state_home=tmp_path / "state")
    text = text_of(console)
    assert "held-out accuracy" in text
    assert "no bundle written" in text
    assert not list(tmp_path.rglob("manifest.json"))


def test_a_bundle_without_protocol_cannot_be_evaluated(tmp_path: Path) -> None:
    from opcua_ai.inference.kinds.linear import sample_bundle

    with pytest.raises(BundleError, match=r"no train\.toml in the bundle"):
        evaluate(str(sample_bundle(tmp_path)), quiet())
