"""browse, init and check, as a user runs them, against the simulator in a process of its own."""

from __future__ import annotations

import csv
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from opcua_ai.cli._fits import find_assets
from opcua_ai.cli.init import configuration
from opcua_ai.core import config
from opcua_ai.core.types import Tag
from opcua_ai.demo.processes import free_port
from opcua_ai.inference.bundle import list_bundles
from opcua_ai.sources.opcua import Options
from tests.integration.simulated import start


@pytest.fixture(scope="module")
def url():
    process, endpoint = start(free_port(0))
    yield endpoint
    process.kill()
    process.wait()
    process.stdout.close()


def run(*args: object, code: int = 0, **env: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "opcua_ai", *map(str, args)],
        capture_output=True,
        text=True,
        timeout=30,
        env={**os.environ, **env},
    )
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done


def refused(*args: object, **env: str) -> str:
    """The error lines of a command that must end with exit code 2."""
    error = run(*args, code=2, **env).stderr
    assert all(line.startswith("opcua-ai: error: ") for line in error.splitlines()), error
    return error


@pytest.fixture(scope="module")
def written(url, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("init") / "opcua-ai.toml"
    run("init", url, "-o", path)
    return path


def test_browse_json_is_clean(url):
    rows = json.loads(run("browse", url, "--json").stdout)
    assert len(rows) >= 52
    valve = next(row for row in rows if row["path"].endswith("XMV(6)"))
    assert valve["type"] == "Double"
    assert valve["unit"] == "%"
    assert valve["quality"] == "Good"
    assert valve["node_id"].startswith("nsu=")


def test_browse_csv_table_and_tree(url):
    rows = list(csv.DictReader(run("browse", url, "--csv").stdout.splitlines()))
    assert len(rows) >= 52
    assert "XMV(6)" in run("browse", url, "--root", "TennesseeEastman").stdout
    assert re.search(r"XMV\(6\) = [\d.]+ %", run("browse", url, "--tree").stdout)


def test_browse_limits_are_said_on_stderr(url):
    done = run("browse", url, "--json", "--max-nodes", 10)
    assert "max_nodes = 10" in done.stderr
    json.loads(done.stdout)


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["http://localhost"], "an endpoint looks like opc.tcp://"),
        (["opc.tcp://127.0.0.1:{port}/x"], "connection refused"),
        (["opc.tcp://no-such-host.invalid:4840"], "is not known"),
        (["{url}", "--root", "Nowhere"], "TennesseeEastman"),
        (["{url}", "--user", "x", "--password-env", "NOT_SET_ANYWHERE"], "NOT_SET_ANYWHERE"),
        (["{url}", "--security", "Basic256Sha256,SignAndEncrypt"], "needs certificate"),
        (["{url}", "--security", "Basic1,Sign,a,b"], "policy"),
    ],
)
def test_browse_mistakes_are_one_line(url, args, said):
    filled = [text.format(url=url, port=free_port(0)) for text in args]
    assert said in refused("browse", *filled)


def test_init_writes_a_file_that_loads_and_passes_check(written):
    settings = config.load(written)
    assert settings.sources["plant"].browse_root == "TennesseeEastman"
    assert len(settings.models) == len(dict(list_bundles()))
    for model in settings.models.values():
        assert list(model.assets) == ["TennesseeEastman"]
    assert "the configuration is valid" in run("check", written).stdout


def test_init_does_not_overwrite_unasked(url, written):
    before = written.read_text()
    assert "--force" in refused("init", url, "-o", written)
    assert written.read_text() == before
    run("init", url, "-o", written, "--force")
    assert "no such folder" in refused("init", url, "-o", written.parent / "no" / "x.toml")


def test_init_of_a_dead_endpoint_writes_nothing(tmp_path):
    out = tmp_path / "x.toml"
    assert "connection refused" in refused("init", f"opc.tcp://127.0.0.1:{free_port(0)}", "-o", out)
    assert list(tmp_path.iterdir()) == []


def test_check_connect_shows_what_feeds_what(written):
    done = run("check", written, "--connect")
    assert "all is well" in done.stdout
    assert "XMV(6)" in done.stdout
    assert "Good" in done.stdout


def test_check_connect_names_missing_inputs_and_the_nearest(written, tmp_path):
    text = written.read_text().replace('include = ["*"]', 'include = ["*"]\nexclude = ["*XMV(6)"]')
    (tmp_path / "c.toml").write_text(text)
    error = refused("check", tmp_path / "c.toml", "--connect")
    assert "no tag 'XMV(6)'" in error
    assert "near: XMV(" in error


def test_check_connect_of_a_dead_plant(written, url, tmp_path):
    text = written.read_text().replace(url, f"opc.tcp://127.0.0.1:{free_port(0)}/x")
    (tmp_path / "c.toml").write_text(text)
    assert "sources.plant" in refused("check", tmp_path / "c.toml", "--connect")


def test_check_of_wrong_files(tmp_path):
    assert "no such file" in refused("check", tmp_path / "none.toml")
    (tmp_path / "c.toml").write_text('[sources.p]\nkind = "opcua"\nendpoint = "opc.tcp://h"\nx = 1')
    assert "sources.p.x: unknown key" in refused("check", tmp_path / "c.toml")
    (tmp_path / "c.toml").write_text(
        '[sources.p]\nkind = "opcua"\nendpoint = "opc.tcp://h"\n'
        '[models.m]\nbundle = "none"\nschedule.interval_s = 1\nassets.a.source = "p"\n'
    )
    assert "there is no bundle 'none'" in refused("check", tmp_path / "c.toml")


def test_check_imports_neither_asyncua_nor_tensorflow(written):
    code = (
        "import sys; from opcua_ai.cli import main; "
        f"assert main(['check', {str(written)!r}]) == 0; "
        "bad = {'asyncua', 'tensorflow', 'keras', 'matplotlib', 'pyarrow'} & set(sys.modules); "
        "assert not bad, bad"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)


LINES = [
    Tag(f'{line}/{name}"x', f"nsu=urn:a;s={line}.{name}")
    for line in ("Hall [1]/Line 1", "Hall [1]/Line 2", "Spare")
    for name in ("Level", "Flow")
]


def test_assets_are_the_lowest_branches_that_hold_every_input():
    assert find_assets(['Level"x', 'Flow"x'], LINES) == {
        "Line_1": "Hall [[]1]/Line 1/*",
        "Line_2": "Hall [[]1]/Line 2/*",
        "Spare": "Spare/*",
    }
    assert find_assets(['Level"x', "Pressure"], LINES) == {}


def test_strange_names_still_make_a_file_that_loads(tmp_path):
    options = Options(
        endpoint='opc.tcp://h:1/a"b\\c', user="jo", password_env="PW", max_depth=20, timeout_s=9
    )
    path = tmp_path / "c.toml"
    path.write_text(configuration(options, LINES, []))
    source = config.load(path).sources["plant"]
    assert source.endpoint == options.endpoint
    assert (source.user, source.password_env) == ("jo", "PW")
    assert (source.max_depth, source.timeout_s) == (20, 9)
    assert all(source.selects(tag.path) for tag in LINES)
    assert not source.selects("Elsewhere/x")


def test_a_secure_source_is_carried_over(tmp_path):
    security = {"policy": "Basic256Sha256", "certificate": "a.der", "private_key": "a.pem"}
    options = Options.model_validate({"endpoint": "opc.tcp://h:1", "security": security})
    path = tmp_path / "c.toml"
    path.write_text(configuration(options, LINES, []))
    carried = config.load(path).sources["plant"].security
    assert carried.certificate == Path("a.der").resolve()
    assert carried.mode == "SignAndEncrypt"
