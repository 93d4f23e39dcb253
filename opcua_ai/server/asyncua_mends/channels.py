"""How long the keys of a secure channel live, and what they are made of (Part 4, 5.5.2)."""

from __future__ import annotations

import time
from typing import Any

from asyncua import ua
from asyncua.common.connection import SecureConnection
from asyncua.ua import uaerrors

SHORTEST, LONGEST = 10_000, 3_600_000
"""Milliseconds that a security token lives."""
_GRACE = 1.25
"""Messages that were under way when it ended are taken (Part 4, 5.5.2.1)."""


class Channel(SecureConnection):
    """asyncua takes any lifetime and lets the first token live for ever; it makes keys of an empty
    nonce."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._ends: dict[int, float] = {}
        """Token -> when it ends, on the monotonic clock."""

    def open(self, params: Any, server: Any) -> ua.OpenSecureChannelResult:
        if len(params.ClientNonce or b"") < self.security_policy.secure_channel_nonce_length:
            raise uaerrors.BadNonceInvalid
        params.RequestedLifetime = min(max(params.RequestedLifetime, SHORTEST), LONGEST)
        result = super().open(params, server)
        token, now = result.SecurityToken, time.monotonic()
        self._ends = {known: end for known, end in self._ends.items() if end > now}
        self._ends[token.TokenId] = now + _GRACE * token.RevisedLifetime / 1000
        return result

    def _check_sym_header(self, security_hdr: ua.SymmetricAlgorithmHeader) -> None:
        super()._check_sym_header(security_hdr)
        if self._ends.get(security_hdr.TokenId, 0.0) < time.monotonic():
            raise uaerrors.BadSecureChannelTokenUnknown
