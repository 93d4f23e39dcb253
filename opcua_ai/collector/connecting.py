"""Waiting for a source that is away."""

from __future__ import annotations

import asyncio
import logging

from opcua_ai.core.cancelling import give_way
from opcua_ai.core.errors import OpcuaAiError, SourceLostError
from opcua_ai.core.ports import Source

log = logging.getLogger(__name__)

FIRST_WAIT_S, LONGEST_WAIT_S = 1.0, 30.0


async def connect(name: str, source: Source) -> None:
    """Try until the source answers; says so once each way. Here nothing ends a running service:
    wrong credentials or a missing browse root are errors in the log, and tried again."""
    wait, said = FIRST_WAIT_S, ""
    while True:
        try:
            await source.connect()
        except OpcuaAiError as error:
            give_way()
            if str(error) != said:
                level = logging.WARNING if isinstance(error, SourceLostError) else logging.ERROR
                log.log(level, "source %s: %s; trying again until it answers", name, error)
            said = str(error)
            await asyncio.sleep(wait)
            wait = min(LONGEST_WAIT_S, 2 * wait)
        else:
            if said:
                log.info("source %s answers now", name)
            return
