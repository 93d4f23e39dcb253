"""Lifetime and nonce of a secure channel; beside it what plain asyncua does."""

from __future__ import annotations

from itertools import count
from typing import Any

import pytest
from asyncua import ua
from asyncua.common.connection import SecureConnection, TransportLimits
from asyncua.crypto.security_policies import SecurityPolicyNone
from asyncua.ua.uaerrors import BadNonceInvalid, BadSecureChannelTokenUnknown

from opcua_ai.server.asyncua_mends import channels
from opcua_ai.server.asyncua_mends.channels import LONGEST, SHORTEST, Channel

HOUR = 3_600_000


class Ids:
    def __init__(self) -> None:
        self.get_new_channel_id = count(1).__next__


class Policy(SecurityPolicyNone):
    """Keys are made of a nonce as with the policies that encrypt."""

    secure_channel_nonce_length = 32


def opened(kind: Any, lifetime: int = HOUR, nonce: bytes = bytes(32)) -> Any:
    connection = kind(Policy(), TransportLimits())
    return connection, ask(connection, lifetime, nonce)


def ask(connection: Any, lifetime: int = HOUR, nonce: bytes = bytes(32)) -> Any:
    kinds = ua.SecurityTokenRequestType
    kind = kinds.Renew if connection.is_open() else kinds.Issue
    params = ua.OpenSecureChannelParameters(
        RequestType=kind, ClientNonce=nonce, RequestedLifetime=lifetime
    )
    return connection.open(params, Ids()).SecurityToken


def use(connection: Any, token: Any) -> None:
    connection._check_sym_header(ua.SymmetricAlgorithmHeader(token.TokenId))


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [1000.0]
    monkeypatch.setattr(channels.time, "monotonic", lambda: now[0])
    return now


@pytest.mark.parametrize(
    ("asked", "given"), [(0, SHORTEST), (60_000, 60_000), (2**32 - 1, LONGEST)]
)
def test_the_lifetime_is_revised(asked: int, given: int) -> None:
    assert opened(Channel, asked)[1].RevisedLifetime == given
    assert opened(SecureConnection, asked)[1].RevisedLifetime == asked


def test_a_token_ends(clock: list[float]) -> None:
    connection, token = opened(Channel)
    clock[0] += 1.2 * 3600
    use(connection, token)
    clock[0] += 0.1 * 3600
    with pytest.raises(BadSecureChannelTokenUnknown):
        use(connection, token)


def test_plain_asyncua_never_ends_it() -> None:
    connection, token = opened(SecureConnection)
    token.CreatedAt = token.CreatedAt.replace(year=2000)
    use(connection, token)


def test_a_renewed_channel_goes_on(clock: list[float]) -> None:
    connection, first = opened(Channel)
    clock[0] += 0.75 * 3600
    second = ask(connection)
    use(connection, first)
    clock[0] += 0.75 * 3600
    use(connection, second)
    with pytest.raises(ua.UaError):
        use(connection, first)


@pytest.mark.parametrize("nonce", [None, b"", bytes(31)])
def test_keys_are_not_made_of_nothing(nonce: Any) -> None:
    with pytest.raises(BadNonceInvalid):
        opened(Channel, nonce=nonce)
    opened(SecureConnection, nonce=nonce)
