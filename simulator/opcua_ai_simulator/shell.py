"""Runs a server for a person at a shell: the ready line, signals, the misbehaviour flags."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import ipaddress
import logging
import signal
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

from asyncua import ua

from opcua_ai_simulator.errors import ConfigurationError
from opcua_ai_simulator.misbehave import Misbehaviour
from opcua_ai_simulator.plant import Plant
from opcua_ai_simulator.server import SimulatorServer, first_error

Notice = Callable[[str], None]


def run(plants: Sequence[Plant], options: argparse.Namespace, notice: Notice) -> int:
    """Serve until SIGINT or SIGTERM; 0 then."""
    level = options.log_level.upper() if options.log_level else logging.CRITICAL + 1
    # A plant that computes in its thread lets the connections in ten times as often as by default:
    # an answer meanwhile takes 4 ms instead of 20.
    sys.setswitchinterval(0.0005)
    logging.basicConfig()
    logging.getLogger("asyncua").setLevel(level)
    return asyncio.run(_main(plants, options, notice))


async def _main(plants: Sequence[Plant], options: argparse.Namespace, notice: Notice) -> int:
    stopped = asyncio.Event()
    _on_signal(stopped.set)
    server = SimulatorServer(
        plants,
        host=options.host,
        port=options.port,
        speed=options.speed,
        running=not options.paused,
        plant_start=options.plant_start,
        seed=options.seed,
        notice=notice,
    )
    _misbehave(server, options)
    serving = asyncio.create_task(_serve(server, options, notice))
    stopping = asyncio.create_task(stopped.wait())
    await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    for task in (serving, stopping):
        task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await serving
    return 0


async def _serve(server: SimulatorServer, options: argparse.Namespace, notice: Notice) -> None:
    try:
        await server.start()
        # The address space stays until the end. Sparing the collector its walk over a hundred
        # thousand objects also makes the interpreter exit in a tenth of the time.
        gc.freeze()
        _announce(server, options.host, notice)
        async with asyncio.TaskGroup() as group:
            group.create_task(server.run())
            if options.drop is not None:
                group.create_task(_drop_again(server, options.drop, options.drop_every))
    except BaseExceptionGroup as errors:
        raise first_error(errors) from None
    finally:
        await server.stop()


def _announce(server: SimulatorServer, host: str, notice: Notice) -> None:
    if _is_loopback(host):
        notice(f"note: security policy None, anonymous clients may write (loopback {host} only)")
    else:
        notice(
            f"warning: security policy None, anonymous clients may write, and {host} is open to "
            "the network: use --host 127.0.0.1 unless that is your own test bench"
        )
    speed = server.pace.speed
    state = f"speed {speed:g}x" if server.pace.running else f"speed {speed:g}x, paused"
    plant, *others = server.plants
    roots = f"{plant.root} and {len(others)} more" if others else plant.root
    url = server.endpoint.url
    print(f"Simulator ready: {url}  ({roots}, {plant.label}, {state})", flush=True)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


async def _drop_again(server: SimulatorServer, seconds: float, every: float) -> None:
    while True:
        await asyncio.sleep(every)
        server.endpoint.drop_connections(seconds)
        await asyncio.sleep(seconds)


def _on_signal(stop: Callable[[], Any]) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        try:
            loop.add_signal_handler(number, stop)
        except NotImplementedError:  # Windows
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop))


def _misbehave(server: SimulatorServer, options: argparse.Namespace) -> None:
    """Carry out the flags; the same that the methods of Misbehave do, on every plant."""
    if options.drop is not None and not (options.drop >= 0 and options.drop_every > 0):
        raise ConfigurationError("--drop needs 0 s or more and --drop-every more than 0 s")
    for face in server.faces:
        _misbehave_signals(face.signals, options, time.monotonic())


def _misbehave_signals(signals: Misbehaviour, options: argparse.Namespace, now: float) -> None:
    for text in options.quality:
        tag, (code,), seconds = _split("--quality", text, "TAG=CODE[:SECONDS]", 1)
        signals.set_quality(tag, _status(code), seconds, now)
    for text in options.freeze:
        tag, _, seconds = _split("--freeze", text, "TAG[:SECONDS]", 0)
        signals.freeze(tag, seconds, now)
    for text in options.spikes:
        tag, (probability, percent), seconds = _split(
            "--spikes", text, "TAG=PROBABILITY,PERCENT[:SECONDS]", 2
        )
        signals.spikes(
            tag, _number("--spikes", probability), _number("--spikes", percent), seconds, now
        )
    signals.jitter(options.jitter)


def _split(flag: str, text: str, form: str, parts: int) -> tuple[str, list[str], float]:
    """``TAG=A,B:SECONDS`` into tag, its ``parts`` settings and the seconds (0 if left out)."""
    body, colon, seconds = text.rpartition(":")
    if not colon:
        body, seconds = text, "0"
    tag, _, rest = body.rpartition("=") if parts else (body, "", "")
    settings = rest.split(",") if rest else []
    if not tag or len(settings) != parts:
        raise ConfigurationError(f"{flag} {text}: write it as {form}")
    return tag, settings, _number(flag, seconds)


def _number(flag: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ConfigurationError(f"{flag}: '{text}' is no number") from None


def _status(text: str) -> int:
    """A status code by number (0x808C0000) or by name (BadSensorFailure)."""
    with contextlib.suppress(ValueError):
        return int(text, 0)
    code = getattr(ua.StatusCodes, text, None)
    if not isinstance(code, int):
        raise ConfigurationError(
            f"--quality: no status code is called '{text}': "
            "give a name like BadSensorFailure or a number like 0x808C0000"
        )
    return code
