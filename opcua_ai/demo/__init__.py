"""``opcua-ai demo``: a simulated plant, the advisory server and a client, each its own process."""

from opcua_ai.demo.operate import FASTEST, SLOWEST
from opcua_ai.demo.run import Settings, run
from opcua_ai.demo.state import LAST_FAULT

__all__ = ["FASTEST", "LAST_FAULT", "SLOWEST", "Settings", "run"]
