"""The HTTP endpoint that Prometheus scrapes, in threads of its own."""

from __future__ import annotations

import logging
import socket
import sys
import threading
from socketserver import TCPServer, ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from prometheus_client import CollectorRegistry, make_wsgi_app  # pyright: ignore

from opcua_ai.core.config import Metrics as Settings
from opcua_ai.core.listening import address_errors

log = logging.getLogger(__name__)

REQUEST_S = 5.0
"""Longest silence of a client before its thread lets go of it."""


class _Handler(WSGIRequestHandler):
    timeout = REQUEST_S

    def log_message(self, format: str, *args: Any) -> None:
        """A scrape each few seconds is no news."""


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True  # a client that says nothing must not hold the end of the process up
    allow_reuse_port = False  # as newer Pythons have it, a second process would share the port

    def server_bind(self) -> None:
        """Without the look-up of the host's name, which may take long and which nobody needs."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]
        self.setup_environ()

    def handle_error(self, request: Any, client_address: Any) -> None:
        log.debug("scrape from %s broke off: %r", client_address, sys.exception())


class _Server6(_Server):
    address_family = socket.AF_INET6


class Endpoint:
    """Blocking: call ``close`` in a worker thread."""

    def __init__(self, settings: Settings, registry: CollectorRegistry) -> None:
        """Listen. Raises AddressInUseError or ConfigError."""
        host, port = settings.address
        kind = _Server6 if ":" in host else _Server
        with address_errors(f"metrics.listen = {settings.listen!r}"):
            self._server = kind((host, port), _Handler)
        # the library leaves the type of its WSGI application open
        self._server.set_app(make_wsgi_app(registry))  # pyright: ignore[reportUnknownArgumentType]
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.1,), name="metrics", daemon=True
        )
        self._thread.start()

    @property
    def port(self) -> int:
        """The real one when the configured one is 0."""
        return self._server.server_port

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
