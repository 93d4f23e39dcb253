"""``opcua-ai demo`` as a user starts it."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from opcua_ai.demo.processes import free_port
from tests.integration.terminal import Terminal

pytestmark = pytest.mark.timeout(150)


LINE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d \(")


def command(*arguments: str) -> list[str]:
    ports = ["--plant-port", str(free_port(0)), "--server-port", str(free_port(0))]
    return [sys.executable, "-m", "opcua_ai", "demo", *ports, *arguments]


def start(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command(*arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def test_the_fault_is_recognised_and_a_setpoint_recommended(tmp_path: Path) -> None:
    picture = tmp_path / "demo.svg"
    demo = start("--duration", "24", "--speed", "720", "--screenshot", str(picture))
    out, err = demo.communicate(timeout=120)
    assert demo.returncode == 0, err
    assert "Traceback" not in err
    assert re.search(r"plant +opc\.tcp://127\.0\.0\.1:\d+/simulator", out)
    lines = [line for line in out.splitlines() if LINE.match(line)]
    named = [line for line in lines if re.search(r"alarm: Predicted fault: IDV\(5\)", line)]
    assert named, out
    normal = [line for line in lines if "normal; IDV(5) begins at" in line]
    assert normal, out
    assert all("alarm: none" in line for line in normal)
    assert re.search(r"IDV\(5\): alarm after \d+ plant minutes, right name after \d+", out)
    assert "Recommended: " in out
    assert "<svg" in picture.read_text()


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    demo = Terminal(command("--fault", "0", "--speed", "1000"))
    yield demo
    demo.close()


def test_a_fault_chosen_on_the_terminal_is_predicted(terminal: Terminal) -> None:
    terminal.read_until("q: quit")
    assert terminal.modes() != terminal.before
    terminal.press("99\n")
    terminal.read_until("There is no IDV(99)")
    terminal.read_until("normal operation")
    terminal.press("6\n")
    terminal.read_until("Predicted fault: IDV(6)")
    terminal.press("q")
    assert terminal.wait() == 0
    assert terminal.modes() == terminal.before


def test_a_signal_restores_the_terminal(terminal: Terminal) -> None:
    terminal.read_until("q: quit")
    assert terminal.modes() != terminal.before
    terminal.process.send_signal(signal.SIGTERM)
    assert terminal.wait() == 0
    assert terminal.modes() == terminal.before


def test_ctrl_c_ends_all_processes_within_five_seconds() -> None:
    demo = start()
    family: list[psutil.Process] = []
    end = time.monotonic() + 60
    while len(family) < 2 and time.monotonic() < end:
        time.sleep(0.2)
        family = psutil.Process(demo.pid).children(recursive=True)
    assert len(family) >= 2
    asked = time.monotonic()
    demo.send_signal(signal.SIGINT)
    _, err = demo.communicate(timeout=30)
    assert time.monotonic() - asked < 5
    assert demo.returncode == 0, err
    assert "Traceback" not in err
    assert not [p for p in family if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]


def server_of(demo: subprocess.Popen[str], line: str) -> psutil.Process:
    """The advisory server's process, once the demo has printed such a line."""
    assert demo.stdout is not None
    for text in demo.stdout:
        if re.match(line, text.strip()):
            break
    family = psutil.Process(demo.pid).children()
    return next(child for child in family if "serve" in child.cmdline())


def test_a_server_that_dies_before_the_client_is_in_is_named() -> None:
    demo = start()
    server_of(demo, "advisory").kill()
    _, err = demo.communicate(timeout=30)
    assert demo.returncode == 1
    assert "Traceback" not in err
    assert "the advisory server ended with exit code -9" in err


def test_ctrl_c_ends_a_demo_whose_server_hangs_within_five_seconds() -> None:
    demo = start()
    server = server_of(demo, LINE.pattern)
    server.suspend()
    asked = time.monotonic()
    demo.send_signal(signal.SIGINT)
    _, err = demo.communicate(timeout=60)
    assert time.monotonic() - asked < 5
    assert demo.returncode == 0, err
    assert not server.is_running()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child")
def test_a_killed_demo_leaves_no_process_behind() -> None:
    demo = start()
    server_of(demo, "advisory")
    family = psutil.Process(demo.pid).children()
    demo.kill()
    demo.communicate(timeout=30)
    _, left = psutil.wait_procs(family, timeout=10)
    assert not left
