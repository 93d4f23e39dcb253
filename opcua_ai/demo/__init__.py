"""``opcua-ai demo``: a simulated plant, the advisory server and a client, each its own process."""

from opcua_ai.demo.run import Settings, run

__all__ = ["Settings", "run"]
