"""Where to listen: ``IP:port``, and what the operating system says of it. Names need a look-up,
which may take long, and are refused."""

from __future__ import annotations

import errno
from collections.abc import Generator
from contextlib import contextmanager
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator

from opcua_ai.core.errors import AddressInUseError, ConfigError


def ip_and_port(text: str) -> tuple[IPv4Address | IPv6Address, int]:
    """Raises ValueError; of all names only ``localhost`` is known."""
    try:
        url = urlsplit(f"//{text}")
        host = "127.0.0.1" if url.hostname == "localhost" else url.hostname or ""
        if url.port is None or url.netloc != text:
            raise ValueError("no port")
        return ip_address(host), url.port
    except ValueError as error:
        example = "127.0.0.1:9464 or [::1]:9464"
        raise ValueError(f"give an IP address and a port, such as {example}") from error


def _checked(text: str) -> str:
    ip_and_port(text)
    return text


ListenAddress = Annotated[str, AfterValidator(_checked)]


@contextmanager
def address_errors(setting: str) -> Generator[None]:
    """Raises AddressInUseError or ConfigError, which name the setting, in place of OSError."""
    try:
        yield
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise AddressInUseError(
                f"{setting}: the port is in use; stop the other program or choose another port"
            ) from error
        raise ConfigError(f"{setting}: cannot listen: {error.strerror or error}") from error
