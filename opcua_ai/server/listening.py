"""What the operating system says of an endpoint, in one line."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from opcua_ai.core.errors import AddressInUseError, ConfigError
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


@contextmanager
def address_errors(endpoint: str) -> Iterator[None]:
    """Raises AddressInUseError or ConfigError in place of OSError."""
    try:
        yield
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise AddressInUseError(
                f"server.endpoint = {endpoint}: the port is in use; "
                "stop the other program or choose another port"
            ) from error
        raise ConfigError(
            f"server.endpoint = {endpoint}: cannot listen there: {error.strerror or error}"
        ) from error
