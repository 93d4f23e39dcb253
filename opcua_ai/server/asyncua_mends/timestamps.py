"""TimestampsToReturn (Part 4, 7.39): asyncua always sends both, and accepts any number."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from asyncua import ua
from asyncua.ua import uaerrors

_SOURCE = (ua.TimestampsToReturn.Source, ua.TimestampsToReturn.Both)
_SERVER = (ua.TimestampsToReturn.Server, ua.TimestampsToReturn.Both)


def check(wanted: ua.TimestampsToReturn) -> None:
    """Raises BadTimestampsToReturnInvalid."""
    if wanted == ua.TimestampsToReturn.Invalid:
        raise uaerrors.BadTimestampsToReturnInvalid


def stamped(
    value: ua.DataValue, wanted: ua.TimestampsToReturn, attribute: int, now: datetime
) -> ua.DataValue:
    """The value with the timestamps that were asked for; only a Value has a source time.

    A value that never got a server time has that of its reading.
    """
    source: Any = value.SourceTimestamp
    if wanted not in _SOURCE or attribute != ua.AttributeIds.Value:
        source = None
    server: Any = (value.ServerTimestamp or now) if wanted in _SERVER else None
    if source is value.SourceTimestamp and server is value.ServerTimestamp:
        return value
    return ua.DataValue(value.Value, value.StatusCode, source, server)
