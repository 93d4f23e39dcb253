"""``opcua-ai top``: the figures of a running advisory server as a live table.

A client like any other, in a process of its own: what it shows stands in nodes.
"""

from opcua_ai.top.run import run

__all__ = ["run"]
