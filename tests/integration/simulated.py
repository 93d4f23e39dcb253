"""The simulator as a process of its own."""

from __future__ import annotations

import subprocess
import sys


def start(port: int, *options: str) -> tuple[subprocess.Popen[str], str]:
    """Start the recorded plant and wait until it serves; the caller kills and reaps it."""
    command = [sys.executable, "-m", "opcua_ai_simulator", "run", "recording"]
    process = subprocess.Popen(
        [*command, "--port", str(port), *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    for line in process.stdout:
        if "ready" in line:
            return process, f"opc.tcp://127.0.0.1:{port}/simulator"
    process.wait()
    raise RuntimeError("the simulator did not start")
