"""node-opcua, the servers and clients of others in some benchmarks: ``make bench`` installs it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

_MODULES = Path(__file__).parents[1] / "integration" / "node" / "node_modules"
ENVIRONMENT = os.environ | {"NODE_PATH": str(_MODULES)}
"""Of a process in which node.js finds it."""


def has(package: str) -> bool:
    return shutil.which("node") is not None and (_MODULES / package).is_dir()
