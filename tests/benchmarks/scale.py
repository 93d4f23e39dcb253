"""Scale: 100,000 tags over 10 servers, in windows of 60 rows, within 4 GB over all our processes.

Every tag changes once a second. Two collector processes; TensorFlow is loaded in the main process,
as in service. ``rss_mb`` counts the shared windows in each process that has them, ``pss_mb`` once.
The servers are not counted. Takes minutes: ``python -m tests.benchmarks scale``.
"""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import ExitStack

from opcua_ai.demo.processes import free_port

SERVERS, TAGS, HZ, BLOCK = 10, 10_000, 1.0, 1000
PROCESSES, SECONDS = 2, 60.0
LIMIT_MB = 4096


def measured() -> dict[str, dict[str, float]]:
    """Rows by process, and their sum."""
    with ExitStack() as stack:
        urls = [_server(stack) for _ in range(SERVERS)]
        words = [str(PROCESSES), str(SECONDS), *urls]
        command = [sys.executable, "-m", "tests.benchmarks.scale_main", *words]
        said = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
    found: dict[str, dict[str, float]] = json.loads(said.splitlines()[-1])
    total = {column: sum(row[column] for row in found.values()) for column in found["main"]}
    for column in ("connect_s", "coverage"):
        total[column] = found["main"][column]
    if total["rss_mb"] > LIMIT_MB or total["tags"] != SERVERS * TAGS or total["coverage"] < 100:
        raise SystemExit(f"not as it should be: {total}")
    return {"all": total} | found


def _server(stack: ExitStack) -> str:
    """A server of its own; they start one after the other."""
    port = free_port(0)
    words = [str(port), str(TAGS), str(HZ), str(BLOCK)]
    command = [sys.executable, "-m", "tests.benchmarks.fast_server", *words]
    server = stack.enter_context(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
    stack.callback(server.kill)
    assert server.stdout is not None
    for _ in range(1 + TAGS):
        server.stdout.readline()
    return f"opc.tcp://127.0.0.1:{port}/"
