"""What a new configuration changes of the one in force."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from opcua_ai.core.config import Config
from opcua_ai.core.errors import ConfigError
from opcua_ai.pipeline.changes import Changes, changes

TABLE = {
    "sources": {
        "a": {"kind": "opcua", "endpoint": "opc.tcp://plant:4840"},
        "b": {"kind": "recording", "file": "b.csv"},
    },
    "models": {
        "m": {
            "bundle": "tep_faults",
            "schedule": {"interval_s": 1},
            "assets": {"one": {"source": "a"}, "two": {"source": "b"}},
        }
    },
    "decisions": {"alarm": {"policy": "faults", "model": "m"}},
    "server": {"endpoint": "opc.tcp://127.0.0.1:4841"},
}

Change = Callable[[dict[str, Any]], object]


def after(change: Change) -> Changes:
    table = copy.deepcopy(TABLE)
    change(table)
    folder = {"folder": Path("/nowhere")}
    old, new = (Config.model_validate(t, context=folder) for t in (TABLE, table))
    return changes(old, new)


def test_nothing() -> None:
    found = after(lambda table: None)
    assert (found.lines(), found.restart) == ([], [])


def add(table: dict[str, Any]) -> None:
    table["sources"]["c"] = {"kind": "recording", "file": "c.csv"}
    table["models"]["m"]["assets"]["three"] = {"source": "c"}


def change(table: dict[str, Any]) -> None:
    table["sources"]["a"]["include"] = ["*/T1"]
    table["sources"]["b"] = {"kind": "opcua", "endpoint": "opc.tcp://plant:4842"}
    table["models"]["m"]["schedule"] = {"cron": "0 0 * * *"}
    table["models"]["m"]["assets"]["one"]["inputs"] = ["X", "Y"]


def remove(table: dict[str, Any]) -> None:
    del table["sources"]["b"], table["models"]["m"]["assets"]["two"]


@pytest.mark.parametrize(
    ("what", "lines"),
    [
        (add, ["added: sources.c", "changed: models.m.assets.three"]),
        (
            change,
            ["changed: sources.a, sources.b, models.m.schedule, models.m.assets.one"],
        ),
        (remove, ["removed: sources.b, models.m.assets.two"]),
    ],
)
def test_what_a_running_product_takes_over(what: Change, lines: list[str]) -> None:
    found = after(what)
    assert found.lines() == lines
    assert found.restart == []


@pytest.mark.parametrize(
    ("what", "named"),
    [
        (lambda t: t["server"].update(max_sessions=1), ["server.max_sessions"]),
        (lambda t: t.update(history={}), ["history"]),
        (lambda t: t.update(metrics={"listen": "127.0.0.1:1"}), ["metrics"]),
        (lambda t: t["models"]["m"].update(bundle="tep_cost"), ["models.m"]),
        (lambda t: t["models"]["m"].update(application="QualityControl"), ["models.m"]),
        (lambda t: t["models"].update(n=copy.deepcopy(t["models"]["m"])), ["models.n"]),
        (lambda t: t["decisions"]["alarm"].update(on_delay=9), ["decisions.alarm"]),
        (lambda t: t.update(decisions={}), ["decisions.alarm"]),
    ],
)
def test_what_needs_a_restart(what: Change, named: list[str]) -> None:
    found = after(what)
    assert found.restart == named
    assert found.lines() == []
    assert found.config.model_dump() == after(lambda _: None).config.model_dump()


def test_a_removed_model_goes_on_where_its_sources_do() -> None:
    def drop(table: dict[str, Any]) -> None:
        table.update(models={}, decisions={})
        del table["sources"]["b"]

    found = after(drop)
    assert found.restart == ["models.m", "decisions.alarm"]
    assert [*found.config.models["m"].assets] == ["one"]
    assert found.dropped == [("m", "two")]


def test_a_source_where_the_server_still_listens_is_refused() -> None:
    def swap(table: dict[str, Any]) -> None:
        table["server"]["endpoint"] = "opc.tcp://127.0.0.1:4849"
        table["sources"]["a"]["endpoint"] = "opc.tcp://localhost:4841"

    with pytest.raises(ConfigError, match=r"sources\.a is there"):
        after(swap)
