"""The figures, measured and served, as the composition root uses them."""

from __future__ import annotations

import asyncio
import logging

from prometheus_client import CollectorRegistry, Info, ProcessCollector

from opcua_ai import __version__
from opcua_ai.core.config import Metrics as Settings
from opcua_ai.metrics import loop_lag
from opcua_ai.metrics.endpoint import Endpoint
from opcua_ai.metrics.figures import Figures

log = logging.getLogger(__name__)


class Metrics(Figures):
    """The figures with their endpoint: ``start`` it, ``stop`` it at the end."""

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self._settings = settings
        self._endpoint: Endpoint | None = None
        self._lag: asyncio.Task[None] | None = None

    @property
    def port(self) -> int:
        """Where it listens; 0 while it does not."""
        return self._endpoint.port if self._endpoint is not None else 0

    async def start(self) -> None:
        """Listen and measure. Raises AddressInUseError or ConfigError."""
        registry = CollectorRegistry()
        registry.register(self)
        ProcessCollector(registry=registry)
        build = Info("opcua_ai_build", "Which opcua-ai this is.", registry=registry)
        build.info({"version": __version__})
        lag = loop_lag.histogram(registry)
        self._endpoint = Endpoint(self._settings, registry)
        self._lag = asyncio.create_task(loop_lag.measure(lag), name="event-loop lag")
        log.info("figures for Prometheus at http://%s/metrics", self._settings.listen)
        if not self._settings.loopback:
            log.warning(
                "metrics.listen = %r: whoever reaches this address reads the figures, without "
                "encryption or login",
                self._settings.listen,
            )

    async def stop(self) -> None:
        """Safe to call at any time and twice."""
        lag, self._lag = self._lag, None
        endpoint, self._endpoint = self._endpoint, None
        if lag is not None:
            lag.cancel()
            await asyncio.gather(lag, return_exceptions=True)
        if endpoint is not None:
            await asyncio.to_thread(endpoint.close)
