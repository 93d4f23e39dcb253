"""What a user gets by ``pip install``: built from the checkout, used outside of it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.timeout(300)

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel unpacked into a folder of its own; it comes before the checkout on the path."""
    folder = tmp_path_factory.mktemp("wheel")
    run([sys.executable, "-m", "build", "--outdir", str(folder), str(ROOT)], folder)
    (wheel,) = folder.glob("*.whl")
    target = folder / "site"
    pip = [sys.executable, "-m", "pip", "install", "--no-deps", "--quiet", "--target"]
    run([*pip, str(target), str(wheel)], folder)
    return target


def run(command: list[str], folder: Path, **environment: str) -> str:
    done = subprocess.run(
        command,
        cwd=folder,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def python(installed: Path, *arguments: str) -> str:
    return run([sys.executable, *arguments], installed.parent, PYTHONPATH=str(installed))


def test_both_packages_come_from_the_wheel(installed: Path) -> None:
    code = "import opcua_ai, opcua_ai_simulator as s; print(opcua_ai.__file__, s.__file__)"
    assert python(installed, "-c", code).count(str(installed)) == 2


def test_the_data_is_found(installed: Path) -> None:
    code = (
        "from opcua_ai.core.resources import models_dir, nodesets_dir;"
        "from opcua_ai.inference.bundle import load_bundle;"
        "print(models_dir(), nodesets_dir(), load_bundle('tep_cost').name)"
    )
    out = python(installed, "-c", code)
    assert out.count(str(installed / "opcua_ai" / "_data")) == 2
    assert "tep_cost" in out


def test_the_commands_answer(installed: Path) -> None:
    assert "serve" in python(installed, "-m", "opcua_ai", "--help")
    assert "keras" in python(installed, "-m", "opcua_ai", "plugins")
    assert "recording" in python(installed, "-m", "opcua_ai_simulator", "list")


def test_the_simulator_finds_its_nodesets(installed: Path) -> None:
    code = (
        "import asyncio, asyncua;"
        "from opcua_ai_simulator.identification import MACHINERY, load_nodesets;"
        "server = asyncua.Server(); run = asyncio.Runner().run;"
        "run(server.init()); run(load_nodesets(server));"
        "print(run(server.get_namespace_array()).index(MACHINERY))"
    )
    assert python(installed, "-c", code).strip() == "3"
