"""SIGTERM at every stage of ``opcua-ai serve``."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.timeout(120)


@pytest.mark.parametrize("after_s", [1.5, 3.0])
def test_sigterm_while_the_models_load_ends_at_once(config_file: Path, after_s: float) -> None:
    command = [sys.executable, "-m", "opcua_ai", "serve", str(config_file)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    time.sleep(after_s)
    asked = time.monotonic()
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=60)
    assert time.monotonic() - asked < 3
    assert process.returncode == 0, err
    assert "Advisory server ready" not in out
    assert "Traceback" not in err
