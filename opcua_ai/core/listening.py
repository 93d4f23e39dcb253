"""Where to listen: ``IP:port``. Names need a look-up, which may take long, and are refused."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator


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
