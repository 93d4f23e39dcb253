"""What is counted of a session, and that it reaches the wire."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from asyncua import ua
from asyncua.common.utils import Buffer
from asyncua.ua.ua_binary import Primitives, nodeid_from_binary

from opcua_ai.server.asyncua_mends.session_diagnostics import SessionDiagnostics
from opcua_ai.server.values import node_id

READ = node_id(ua.ObjectIds.ReadRequest_Encoding_DefaultBinary)
UNKNOWN = node_id(1)
SESSION: Any = SimpleNamespace(
    session_id=node_id(5), channel=None, certificate=b"der", _last_activity=0.0
)


def activated(counts: SessionDiagnostics, user: str, token: Any, *locales: str) -> None:
    params: Any = ua.ActivateSessionParameters(UserIdentityToken=token, LocaleIds=list(locales))
    counts.activated(user, params)


def test_requests_and_refusals() -> None:
    counts = SessionDiagnostics()
    for service in (READ, READ, READ, UNKNOWN):
        counts.requested(service)
    counts.rejected(READ, ua.StatusCodes.BadNothingToDo)
    counts.rejected(READ, ua.StatusCodes.BadUserAccessDenied)
    row = counts.shown(SESSION, [])
    assert row.ReadCount == ua.ServiceCounterDataType(3, 2)
    assert row.TotalRequestCount == ua.ServiceCounterDataType(4, 2)
    assert row.UnauthorizedRequestCount == 1
    assert row.WriteCount == ua.ServiceCounterDataType(0, 0)
    counts.requested(READ)
    assert row.ReadCount.TotalCount == 3, "a row that was read does not change"


def test_languages_stay_until_there_are_others() -> None:
    counts = SessionDiagnostics()
    activated(counts, "", None, "de", "en")
    activated(counts, "", None)
    assert counts.shown(SESSION, []).LocaleIds == ["de", "en"]


def strings(body: Buffer) -> list[str | None]:
    return [Primitives.String.unpack(body) for _ in range(Primitives.Int32.unpack(body))]


def test_who_a_session_is() -> None:
    counts = SessionDiagnostics()
    activated(counts, "anna", ua.UserNameIdentityToken())
    activated(counts, "anna", ua.UserNameIdentityToken())
    for number in range(10):
        activated(counts, f"user {number}", ua.X509IdentityToken())
    row = counts.shown_security(SESSION)
    body = Buffer(row.Body or b"")
    assert nodeid_from_binary(body) == SESSION.session_id
    assert Primitives.String.unpack(body) == "anna"
    assert strings(body) == [f"user {number}" for number in range(10)]
    texts = [Primitives.String.unpack(body) for _ in range(3)]
    assert texts == ["Certificate", "UA Binary", "opc.tcp"]
    assert Primitives.Int32.unpack(body) == ua.MessageSecurityMode.Invalid
    assert Primitives.String.unpack(body) == ""
    assert Primitives.ByteString.unpack(body) == b"der"
    assert len(body) == 0


def test_plain_has_no_place_for_the_encoding() -> None:
    with pytest.raises(TypeError):
        ua.SessionSecurityDiagnosticsDataType(Encoding="UA Binary")  # type: ignore[call-arg]
