"""opcua-ai users, certs and audit."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from opcua_ai import cli
from opcua_ai.core.config import load
from opcua_ai.server.security.passwords import matches
from opcua_ai.server.security.trust import TrustList, thumbprint
from tests.unit.server.security.authorities import Holder, key_of

Run = Callable[..., int]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "plant.toml"
    path.write_text(
        '[sources.plant]\nkind = "opcua"\nendpoint = "opc.tcp://127.0.0.1:4999"\n'
        '[server]\nendpoint = "opc.tcp://127.0.0.1:4998"\n'
    )
    return path


@pytest.fixture
def run(config: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    def go(*words: str, typed: str = "") -> int:
        monkeypatch.setattr("sys.stdin", io.StringIO(typed))
        command, action, *rest = words
        return cli.main([command, action, str(config), *rest])

    return go


def accounts(config: Path) -> dict[str, dict[str, str]]:
    return json.loads(config.with_name("users.json").read_text())


def test_users(
    run: Run,
    config: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PASSWORD", "first")
    assert run("users", "add", "anna", "--role", "Operator", "--password-env", "PASSWORD") == 0
    assert matches("first", accounts(config)["anna"]["password"])
    assert run("users", "add", "anna", typed="second\n") == 2
    assert "--replace" in capsys.readouterr().err
    assert run("users", "add", "anna", "--replace", typed="second\n") == 0
    assert matches("second", accounts(config)["anna"]["password"])
    assert accounts(config)["anna"]["role"] == "Observer"
    assert run("users", "list") == 0
    assert "anna" in capsys.readouterr().out
    assert run("users", "remove", "anna") == 0
    assert accounts(config) == {}
    assert run("users", "remove", "anna") == 2


@pytest.mark.parametrize(
    ("words", "typed", "message"),
    [
        (["anna"], "", "no password on standard input"),
        (["anna", "--password-env", "NOT_SET"], "", "NOT_SET is not set"),
        (["1", "--password-env", "PATH"], "", "1 = '1'"),
        (["anna", "--certificate", "none.der"], "", "no certificate"),
        (["anna"], "x" * 1025, "longer than 1024"),
    ],
)
def test_users_that_are_not_made(
    run: Run, capsys: pytest.CaptureFixture[str], words: list[str], typed: str, message: str
) -> None:
    assert run("users", "add", *words, typed=typed) == 2
    assert message in capsys.readouterr().err


def test_certificates(run: Run, config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("certs", "renew") == 0
    settings = load(config).server
    first = settings.certificate.read_bytes()
    assert run("certs", "renew") == 0
    assert settings.certificate.read_bytes() != first
    old = [p for p in settings.certificate.parent.glob("*.der") if p != settings.certificate]
    assert [p.read_bytes() for p in old] == [first]
    assert len(list(settings.certificate.parent.glob("*.pem"))) == 2

    trust = TrustList(settings.pki)
    assert run("certs", "trust", str(settings.certificate)) == 0
    (entry,) = trust.entries("trusted")
    capsys.readouterr()
    assert run("certs", "list") == 0
    shown = capsys.readouterr().out
    assert shown.count(thumbprint(entry.certificate)[:16]) == 2  # own and trusted
    assert run("certs", "reject", thumbprint(entry.certificate)[:12]) == 0
    assert not list(trust.entries("trusted"))
    assert run("certs", "trust", str(config)) == 2
    assert "not a certificate" in capsys.readouterr().err


def test_audit(run: Run, config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from opcua_ai.server.security.audit_file import AuditFile

    assert run("audit", "verify") == 2
    path = load(config).server.audit_file
    file = AuditFile(path)
    file.append([{"text": "one"}, {"text": "two"}])
    file.close()
    assert run("audit", "verify") == 0
    assert "2 records" in capsys.readouterr().out
    path.write_text(path.read_text().replace("two", "six"))
    assert run("audit", "verify") == 2
    assert "line 2" in capsys.readouterr().err


def test_a_stranger_writes_nothing_into_the_terminal(
    run: Run, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Names in certificates of strangers are theirs to choose: markup, colours, lines."""
    name = "[/] [red]x\x1b[31m\nstate trusted"
    stranger = Holder("authority").issue(name, key=key_of("authority"))
    TrustList(load(config).server.pki).add(stranger, "rejected")
    assert run("certs", "list") == 0
    shown = capsys.readouterr().out
    assert "CN=[/] [red]x?[31m?state trusted" in shown
    assert "\x1b" not in shown


def test_who_is_rejected_but_vouched_for_is_told(
    run: Run, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trust = TrustList(load(config).server.pki)
    authority = Holder("authority")
    client = authority.issue()
    trust.add(authority.certificate, "ca")
    trust.add(client, "trusted")
    assert run("certs", "reject", thumbprint(client)) == 2
    assert "still let in" in capsys.readouterr().err
    (trust.folder / "ca" / "authority.crl").write_bytes(authority.revocation_list(client))
    assert run("certs", "reject", thumbprint(client)) == 0
