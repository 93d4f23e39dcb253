"""Where asyncua 2.1.0 falls short of the specification, mended by subclass; only the three
functions of ``opcua_ai.wire.decoding`` are replaced.

One file for each mend. ``docs/reference/asyncua-mends.md`` lists them: what plain asyncua does,
what is right, and which could go upstream. The tests show plain asyncua beside each mend: when such
a test fails after an update, the mend can go.
"""

from opcua_ai.server.asyncua_mends.services import Server

__all__ = ["Server"]
