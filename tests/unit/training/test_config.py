"""train.toml: one line that names file, key and value."""

from pathlib import Path

import pytest

from opcua_ai.core.errors import ConfigError
from opcua_ai.core.resources import models_dir
from opcua_ai.training import architectures
from opcua_ai.training.config import load_config

TASK = architectures.Task(rows=8, tags=2, classes=2)

GOOD = """
name = "m"
version = "1.0.0"
task = "fault"
period_s = 1.0
rows = 8
runs = [
  { name = "n", use = "train" },
  { name = "f", use = "train", label = "F" },
  { name = "g", use = "train", label = "G" },
  { name = "t", use = "test", label = "F", onset = 3 },
]
inputs = [{ name = "A" }, { name = "B" }]
[labels]
F = "a fault"
G = "another"
[data]
file = "x.npz"
columns = ["A", "B"]
[network]
architecture = "cnn_gru"
epochs = 2
[detector]
past = 2
future = 2
states = 2
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "train.toml"
    path.write_text(text)
    return path


def test_a_good_one_loads(tmp_path: Path) -> None:
    loaded = load_config(write(tmp_path, GOOD))
    assert [r.name for r in loaded.config.of("test")] == ["t"]
    assert len(loaded.sha256) == 64


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("rows = 8", "rows = 8\ncolour = 1", "colour: unknown key"),
        ("epochs = 2", "epochs = 0", "network.epochs = 0: input should be greater than or equal"),
        ("epochs = 2", "epoch = 2", "network.epochs: required key is missing"),
        ('"fault"\nperiod', '"x"\nperiod', "task = 'x': input should be 'fault' or 'regression'"),
        ('name = "t"', 'name = "n"', "run 'n' is listed twice"),
        ('use = "test", label = "F"', 'use = "test", label = "H"', "label 'H' is not in"),
        ('use = "test"', 'use = "train"', "no run has use = 'test'"),
        ('name = "g", use = "train", label = "G"', 'name = "g", use = "train"', "'G' has no"),
        ("past = 2", "past = 9", "the detector needs 9 rows, a window has 8"),
        ("states = 2", "states = 4", "detector.states = 4: must be below past * inputs = 4"),
        ('name = "B"', 'name = "A"', "input 'A' is listed twice"),
        ('{ name = "B" }', '{ name = "B", low = 2, high = 1 }', "inputs.1: low 2.0 is not below"),
        ('G = "another"\n', "", "[labels] needs two faults or more"),
        ("cnn_gru", "transformer", "network.architecture = 'transformer': known: cnn_gru"),
        (', label = "F", onset = 3', "", "no test run has a label"),
        ("[network]", "[network", "not TOML"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, old: str, new: str, words: str) -> None:
    assert old in GOOD
    path = write(tmp_path, GOOD.replace(old, new, 1))
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    assert words in str(caught.value)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load_config(tmp_path / "none.toml")


def test_unknown_architecture_and_option() -> None:
    with pytest.raises(ConfigError, match="'transformer'.*known: cnn_gru"):
        architectures.build("transformer", {}, TASK)
    with pytest.raises(ConfigError, match=r"network\.options\.filter: unknown key"):
        architectures.build("cnn_gru", {"filter": 3}, TASK)


REGRESSION = """
name = "m"
version = "1.0.0"
task = "regression"
period_s = 1.0
rows = 4
runs = [
  { name = "a", use = "train" },
  { name = "b", use = "train", label = "stop" },
  { name = "t", use = "test" },
]
inputs = [{ name = "A" }]
[data]
file = "x.npz"
columns = ["A"]
[regression]
target = "tep_cost"
average_rows = 2
exclude = ["b"]
"""


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("tep_cost", "profit", "regression.target = 'profit': known: tep_cost"),
        ("average_rows = 2", "average_rows = 5", "average_rows is more than the rows"),
        ('["b"]', '["c"]', "'c' is no training run"),
        ('["b"]', '["a", "b"]', "leaves no training run"),
        ('["b"]', '["a"]', "every test run has the label"),
    ],
)
def test_a_regression_needs_runs_that_are_left(
    tmp_path: Path, old: str, new: str, words: str
) -> None:
    assert load_config(write(tmp_path, REGRESSION)).config.excluded_labels == {"stop"}
    assert old in REGRESSION
    with pytest.raises(ConfigError) as caught:
        load_config(write(tmp_path, REGRESSION.replace(old, new, 1)))
    assert words in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["tep_faults", "tep_cost"])
def test_the_shipped_configurations_are_those_of_the_bundles(name: str) -> None:
    loaded = load_config(models_dir() / name / "train.toml")
    assert (models_dir() / name / "1.0.0" / "train.toml").read_bytes() == loaded.text
