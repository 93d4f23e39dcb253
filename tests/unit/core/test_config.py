from pathlib import Path

import pytest

from opcua_ai.core.config import Schedule, load
from opcua_ai.core.errors import ConfigError

GOOD = """
[sources.plant]
kind = "opcua"
endpoint = "opc.tcp://127.0.0.1:4840/simulator"

[models.faults]
bundle = "tep_faults"
schedule.interval_s = 1.0
[models.faults.assets.line1]
source = "plant"

[decisions.alarm]
policy = "faults"
model = "faults"
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "plant.toml"
    path.write_text(text)
    return path


def error(folder: Path, text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        load(write(folder, text))
    return str(caught.value)


def test_a_good_file_is_read_with_safe_defaults(tmp_path: Path) -> None:
    config = load(write(tmp_path, GOOD))
    assert config.sources["plant"].kind == "opcua"
    assert config.decisions["alarm"].on_delay == 3
    assert config.models["faults"].assets["line1"].inputs == "*"
    assert not config.server.allow_none
    assert not config.server.allow_anonymous
    assert config.server.private_key == tmp_path / "pki/own/opcua-ai.pem"


@pytest.mark.parametrize(
    ("old", "new", "parts"),
    [
        (
            "schedule.interval_s",
            "schedule.interval",
            ["models.faults.schedule.interval", "unknown key"],
        ),
        ('endpoint = "opc.tcp', 'endpont = "opc.tcp', ["sources.plant.endpont", "unknown key"]),
        ("[models.f", 'process = "a b"\n[models.f', ["sources.plant.process = 'a b'", "pattern"]),
        (
            "opc.tcp://127.0.0.1:4840/simulator",
            "http://plc",
            ["sources.plant.endpoint = 'http://plc'", "opc.tcp://host:4840"],
        ),
        (
            'kind = "opcua"',
            'kind = "modbus"',
            ["sources.plant.kind = 'modbus'", "known: ", "opcua"],
        ),
        (
            'policy = "faults"',
            'policy = "guess"',
            ["decisions.alarm.policy = 'guess'", "known: faults, setpoint"],
        ),
        ('source = "plant"', 'source = "plnt"', ["line1.source = 'plnt'", "known: plant"]),
        ('model = "faults"', 'model = "fault"', ["decisions.alarm.model = 'fault'", "faults"]),
        ("= 1.0", '= "often"', ["models.faults.schedule.interval_s = 'often'", "valid number"]),
        ("= 1.0", "= -1", ["models.faults.schedule.interval_s = -1", "greater than 0"]),
        ('bundle = "tep_faults"', "", ["models.faults.bundle", "required key is missing"]),
        ("[models.faults]", "[models.faults", ["not a TOML file"]),
        (
            'kind = "opcua"',
            'kind = "opcua"\npassword = "s3cret"',
            ["sources.plant", "password_env or password_file"],
        ),
    ],
)
def test_each_mistake_names_file_key_value_and_what_is_allowed(
    tmp_path: Path, old: str, new: str, parts: list[str]
) -> None:
    assert old in GOOD
    text = error(tmp_path, GOOD.replace(old, new, 1))
    assert text.startswith(str(tmp_path / "plant.toml"))
    assert "s3cret" not in text
    for part in parts:
        assert part in text


def test_a_missing_file_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="opcua-ai init"):
        load(tmp_path / "none.toml")


def test_every_mistake_is_reported_at_once(tmp_path: Path) -> None:
    text = error(tmp_path, GOOD + "nonsense = 1\n[server]\nendpoint = 'x'\n")
    assert len(text.splitlines()) == 2


def test_a_secret_comes_from_the_environment_or_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    users = (
        "[server.users.anna]\npassword_env = 'ANNA'\n[server.users.ben]\npassword_file = 'ben'\n"
    )
    config = load(write(tmp_path, GOOD + users))
    with pytest.raises(ConfigError, match=r"users\.anna\.password_env: .* ANNA is not set"):
        config.server.users["anna"].password("server.users.anna")
    with pytest.raises(ConfigError, match=r"users\.ben\.password_file = .*No such file"):
        config.server.users["ben"].password("server.users.ben")
    monkeypatch.setenv("ANNA", "a")
    (tmp_path / "ben").write_text("b\n")
    assert config.server.users["anna"].password("server.users.anna") == "a"
    assert config.server.users["ben"].password("server.users.ben") == "b"


def test_a_schedule_is_an_interval_or_cron() -> None:
    assert str(Schedule(interval_s=0.5)) == "every 0.5 s"
    assert str(Schedule(cron="*/5 * * * *")) == "cron */5 * * * *"
    with pytest.raises(ValueError, match="either interval_s or cron"):
        Schedule()
    with pytest.raises(ValueError, match="five fields"):
        Schedule(cron="* * *")
    with pytest.raises(ValueError, match="name the weekday"):
        Schedule(cron="0 6 * * 0")
    with pytest.raises(ValueError, match="cron: .*99"):
        Schedule(cron="99 * * * *")
    Schedule(cron="0 6 * * mon-fri")


def test_a_bundle_folder_is_relative_to_the_file(tmp_path: Path) -> None:
    folder = tmp_path / "models/mine/1.0.0"
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text("{}")
    text = GOOD.replace('"tep_faults"', '"models/mine/1.0.0"', 1)
    assert load(write(tmp_path, text)).models["faults"].bundle == str(folder)
    assert load(write(tmp_path, GOOD)).models["faults"].bundle == "tep_faults"


def test_the_reference_names_every_key() -> None:
    from opcua_ai.core import config, plugins

    text = (Path(__file__).parents[3] / "docs/reference/configuration.md").read_text()
    tables = [config.Model, config.Asset, config.Schedule, config.Server, config.User]
    tables += [config.Security, plugins.load("sources", "opcua").Options]
    tables += [plugins.load("decisions", name).Options for name in ("faults", "setpoint")]
    keys = {key for table in tables for key in table.model_fields} - {"users"}
    assert {key for key in keys if key not in text} == set()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0.0.0.0"])
def test_the_server_must_not_take_its_plants_place(tmp_path: Path, host: str) -> None:
    text = f'{GOOD}\n[server]\nendpoint = "opc.tcp://{host}:4840/opcua-ai"\n'
    assert "sources.plant is there: choose another port" in error(tmp_path, text)


def test_nor_that_of_a_redundant_plant_server(tmp_path: Path) -> None:
    failover = 'kind = "opcua"\nfailover = ["opc.tcp://127.0.0.1:4841/x"]'
    text = GOOD.replace('kind = "opcua"', failover, 1)
    assert "sources.plant is there: choose another port" in error(tmp_path, text)
