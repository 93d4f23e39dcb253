"""``opcua-ai serve`` and its signals, without a server."""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import signal
from pathlib import Path

import pytest

from opcua_ai import app
from opcua_ai.cli import serve
from opcua_ai.core import logs


def test_a_hangup_while_the_models_load_is_heard_afterwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "plant.toml"
    table = '[sources.{}]\nkind = "recording"\nfile = "a.csv"\n'
    file.write_text(table.format("a"))
    monkeypatch.setattr(logs, "setup", lambda *_: None)
    found: list[list[str]] = []

    def load_models(_: object) -> dict[str, object]:
        file.write_text(table.format("b"))
        os.kill(os.getpid(), signal.SIGHUP)
        return {}

    async def served(_settings, _models, _stop, *, built, next_config) -> None:
        found.append([*(await asyncio.wait_for(next_config(), 5)).sources])

    monkeypatch.setattr(app, "load_models", load_models)
    monkeypatch.setattr(app, "serve", served)
    numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    before = {number: signal.getsignal(number) for number in numbers}
    try:
        assert serve.run(argparse.Namespace(config=file, log_level="info", log_format="text")) == 0
    finally:
        gc.unfreeze()
        for number, handler in before.items():
            signal.signal(number, handler)
    assert found == [["b"]]
