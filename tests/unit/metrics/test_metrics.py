"""The endpoint, over real sockets."""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
import urllib.error
import urllib.request

import pytest

from opcua_ai.core.config import Config
from opcua_ai.core.config import Metrics as Settings
from opcua_ai.core.errors import AddressInUseError, ConfigError
from opcua_ai.core.ports import SourceStats
from opcua_ai.metrics import Metrics


def fetch(port: int, host: str = "127.0.0.1") -> str:
    with urllib.request.urlopen(f"http://{host}:{port}/metrics", timeout=5) as answer:
        assert answer.headers["Content-Type"].startswith("text/plain")
        return answer.read().decode()


def threads() -> set[str]:
    return {thread.name for thread in threading.enumerate()}


async def test_a_scrape_and_a_clean_end() -> None:
    metrics = Metrics(Settings(listen="127.0.0.1:0"))
    await metrics.start()
    port = metrics.port
    await metrics.publish_source("plant", "running", SourceStats(values=3))
    text = await asyncio.to_thread(fetch, port)
    assert 'opcua_ai_source_values_total{source="plant"} 3.0' in text
    for name in (
        "process_cpu_seconds_total ", "process_resident_memory_bytes ",
        'opcua_ai_build_info{version="', "opcua_ai_event_loop_lag_seconds_bucket",
    ):  # fmt: skip
        assert name in text, name
    await metrics.stop()
    await metrics.stop()
    assert "metrics" not in threads()
    with pytest.raises(urllib.error.URLError):
        await asyncio.to_thread(fetch, port)


async def test_the_first_scrape_has_every_figure() -> None:
    """Also one that comes before the event loop has had a turn."""
    metrics = Metrics(Settings(listen="127.0.0.1:0"))
    await metrics.start()
    text = fetch(metrics.port)
    await metrics.stop()
    assert "opcua_ai_event_loop_lag_seconds_bucket" in text


async def test_the_lag_of_the_loop_is_measured() -> None:
    metrics = Metrics(Settings(listen="127.0.0.1:0"))
    await metrics.start()
    held = threading.Event()
    await asyncio.sleep(0)
    held.wait(0.4)  # the loop stands still
    await asyncio.sleep(0.05)
    text = await asyncio.to_thread(fetch, metrics.port)
    await metrics.stop()
    (seconds,) = [line for line in text.splitlines() if "event_loop_lag_seconds_sum" in line]
    assert float(seconds.split()[1]) > 0.25


async def test_it_answers_while_the_loop_stands_still() -> None:
    metrics = Metrics(Settings(listen="127.0.0.1:0"))
    await metrics.start()
    answers: list[str] = []
    scraper = threading.Thread(target=lambda: answers.append(fetch(metrics.port)))
    scraper.start()
    scraper.join(5)  # in the loop's own thread: nothing else runs there meanwhile
    await metrics.stop()
    assert "opcua_ai_heartbeats_total" in answers[0]


async def test_a_client_that_says_nothing_holds_nobody_up() -> None:
    metrics = Metrics(Settings(listen="127.0.0.1:0"))
    await metrics.start()
    with socket.create_connection(("127.0.0.1", metrics.port)):
        assert "opcua_ai" in await asyncio.to_thread(fetch, metrics.port)
        async with asyncio.timeout(3):
            await metrics.stop()


async def test_a_taken_port_is_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        listen = f"127.0.0.1:{other.getsockname()[1]}"
        with pytest.raises(AddressInUseError, match=f"metrics.listen = '{listen}': the port is in"):
            await Metrics(Settings(listen=listen)).start()


async def test_an_address_of_another_machine_is_one_line() -> None:
    with pytest.raises(ConfigError, match="metrics.listen = '192.0.2.1:9464': cannot listen"):
        await Metrics(Settings(listen="192.0.2.1:9464")).start()


async def test_it_warns_when_others_can_read(caplog: pytest.LogCaptureFixture) -> None:
    metrics = Metrics(Settings(listen="0.0.0.0:0"))
    await metrics.start()
    await metrics.stop()
    assert [r.levelno for r in caplog.records] == [logging.WARNING]
    assert "without encryption or login" in caplog.text


@pytest.mark.skipif(not socket.has_ipv6, reason="no IPv6 here")
async def test_ipv6() -> None:
    metrics = Metrics(Settings(listen="[::1]:0"))
    await metrics.start()
    assert "opcua_ai" in await asyncio.to_thread(fetch, metrics.port, "[::1]")
    await metrics.stop()


@pytest.mark.parametrize(
    "listen", ["9464", "127.0.0.1", "host:9464", "127.0.0.1:x", "1.2.3.4:70000"]
)
def test_what_is_no_address_is_refused(listen: str) -> None:
    with pytest.raises(ValueError, match="give an IP address and a port"):
        Settings(listen=listen)


def test_nothing_listens_unless_asked() -> None:
    sources = {"plant": {"kind": "opcua", "endpoint": "opc.tcp://127.0.0.1:9/x"}}
    assert Config.model_validate({"sources": sources}).metrics is None
    chosen = Config.model_validate({"sources": sources, "metrics": {}}).metrics
    assert chosen is not None
    assert chosen.address == ("127.0.0.1", 9464)
