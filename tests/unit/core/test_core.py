import logging
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from asyncua import ua

from opcua_ai.core import plugins, status
from opcua_ai.core.errors import ConfigError
from opcua_ai.core.resources import models_dir, nodesets_dir
from opcua_ai.core.types import Window, from_datetime, to_datetime


def test_status_codes_are_those_of_the_specification() -> None:
    ours = {
        name: value
        for name, value in vars(status).items()
        if isinstance(value, int) and name not in ("GOOD", "UNCERTAIN", "BAD")
    }
    assert len(ours) >= 9
    for name, value in ours.items():
        spec_name = "".join(part.capitalize() for part in name.split("_"))
        assert getattr(ua.StatusCodes, spec_name) == value
        assert status.name(value) == spec_name


def test_severity() -> None:
    assert status.is_good(0x00960000)  # GoodLocalOverride
    assert not status.is_good(status.UNCERTAIN_SUB_NORMAL)
    assert status.is_bad(status.BAD_NO_DATA)
    assert status.severity_name(status.UNCERTAIN) == "Uncertain"
    assert status.name(0x80AB0000) == "Bad 0x80AB0000"


def test_times_round_trip() -> None:
    moment = datetime(2026, 11, 24, 11, 0, 0, 123456, tzinfo=UTC)
    assert to_datetime(from_datetime(moment)) == moment
    assert from_datetime(moment.replace(tzinfo=None)) == from_datetime(moment)


def test_coverage_counts_good_cells() -> None:
    bad = np.array([[0, status.BAD], [0, status.UNCERTAIN]], np.uint32)
    assert Window(np.zeros((2, 2)), bad, 0, 0).coverage == 50.0


def test_plugins_are_found_by_file_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import opcua_ai.decisions

    (tmp_path / "dearest.py").write_text("VALUE = 7\n")
    (tmp_path / "_helper.py").write_text("")
    monkeypatch.setattr(
        opcua_ai.decisions, "__path__", [*opcua_ai.decisions.__path__, str(tmp_path)]
    )
    assert plugins.names("decisions") == ["dearest", "faults", "setpoint"]
    assert plugins.load("decisions", "dearest").VALUE == 7
    with pytest.raises(ConfigError, match="known: dearest, faults, setpoint"):
        plugins.load("decisions", "_helper")


def test_resources_are_found() -> None:
    assert models_dir().is_dir()
    assert nodesets_dir().is_dir()


def test_logs_are_json_when_asked(capsys: pytest.CaptureFixture[str]) -> None:
    import json

    from opcua_ai.core import logs

    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    try:
        logs.setup("info", "json")
        logging.getLogger("opcua_ai.test").warning("source %s lost", "plant")
        line = json.loads(capsys.readouterr().err)
        assert line["message"] == "source plant lost"
        assert line["level"] == "WARNING"
    finally:
        root.handlers[:], root.level = before, level
