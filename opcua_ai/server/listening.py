"""Whether the server can listen at its endpoint, in one line when it cannot."""

from __future__ import annotations

import asyncio
from contextlib import AbstractContextManager
from urllib.parse import urlsplit

from opcua_ai.core import listening
from opcua_ai.server import secured


async def probe(endpoint: str) -> None:
    """Find out that the port is taken before the second that building takes is spent."""
    url = urlsplit(endpoint)
    with address_errors(endpoint):
        loop = asyncio.get_running_loop()
        listener = await loop.create_server(
            asyncio.Protocol, url.hostname, secured.port(url), start_serving=False
        )
    listener.close()


def address_errors(endpoint: str) -> AbstractContextManager[None]:
    """Raises AddressInUseError or ConfigError in place of OSError."""
    return listening.address_errors(f"server.endpoint = {endpoint}")
